"""Names of nodes, and queues of one worker."""

import multiprocessing
import os
from types import SimpleNamespace

import pytest
from kombu import Queue

from celery.utils.nodenames import (
    anon_nodename,
    default_nodename,
    gethostname,
    host_format,
    node_format,
    nodename,
    nodesplit,
    worker_direct,
)
from celery.utils.quorum_queues import detect_quorum_queues


def test_parts() -> None:
    assert nodename("w1", "h") == "w1@h"
    assert nodesplit("w1@h") == ("w1", "h")
    assert nodesplit("h") == (None, "h")
    assert nodesplit("@h") == ("", "h")


def test_completed() -> None:
    assert default_nodename("h") == "celery@h"
    assert default_nodename("w1@") == f"w1@{gethostname()}"
    assert default_nodename(None) == f"celery@{gethostname()}"
    assert anon_nodename("h") == f"gen{os.getpid()}@h"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%h|%n|%d", "www.example.com|foo|example.com"),
        ("%i%I%%", "0%"),
        ("%p", "extra"),
        ("plain", "plain"),
    ],
)
def test_host_format(text: str, expected: str) -> None:
    assert host_format(text, "www.example.com", "foo", p="extra") == expected


def test_host_format_without_name() -> None:
    assert host_format("%n", "www.example.com") == "www"
    with pytest.raises(ValueError, match="Unknown format %z"):
        host_format("%z")


def test_node_format() -> None:
    assert node_format("%n-%h%I.log (%p)", "w1@h.com") == "w1-h.com.log (w1@h.com)"
    assert node_format("%n", "h") == "celery"


def test_in_a_child_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing.current_process(), "index", 2, raising=False)
    assert node_format("%n%I-%i", "w1@h") == "w1-3-3"


def test_worker_direct() -> None:
    queue = worker_direct("w1@h")
    assert (queue.name, queue.exchange.name, queue.routing_key) == ("w1@h.dq2", "C.dq2", "w1@h")
    assert worker_direct(queue) is queue


def test_quorum_queues() -> None:
    def app(*queues: Queue) -> SimpleNamespace:
        return SimpleNamespace(amqp=SimpleNamespace(queues={q.name: q for q in queues}))

    plain, quorum = Queue("a"), Queue("b", queue_arguments={"x-queue-type": "quorum"})
    assert detect_quorum_queues(app(plain, quorum), "amqp") == (True, "b")
    assert detect_quorum_queues(app(plain), "amqp") == (False, "")
    assert detect_quorum_queues(app(quorum), "redis") == (False, "")
