"""Messages that are no task of the worker, or a malformed one: outcome, signal, log line."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from celery import Celery, signals
from celery._broker.base import Action
from celery.exceptions import NotRegistered

ADD = {"task": "add", "id": "id-1"}


@pytest.fixture(autouse=True)
def _tasks(app: Celery) -> None:
    @app.task(name="add")
    def add(x: int, y: int) -> int:
        return x + y

    @app.task(name="late", acks_late=True)
    def late() -> None: ...


@pytest.fixture
def signalled() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    seen: list[tuple[str, dict[str, Any]]] = []
    names = ("task_rejected", "task_unknown", "task_received")

    def receiver(signal_name: str) -> Callable[..., None]:
        def receive(**values: Any) -> None:
            seen.append((signal_name, values))

        return receive

    receivers = {name: receiver(name) for name in names}
    for name, receive in receivers.items():
        getattr(signals, name).connect(receive)
    yield seen
    for name, receive in receivers.items():
        getattr(signals, name).disconnect(receive)


def test_a_task_goes_to_the_pool(
    deliver: Callable[..., Any], consumer: Any, signalled: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    own = {"custom": 1, "headers": {"trace": "t"}}
    deliver({**ADD, **own}, [[1, 2], {}, {}], correlation_id="id-1", reply_to="rq")
    [job] = consumer.pool.jobs
    name, task_id, request, body, content_type, encoding = job["args"]
    assert (name, task_id, content_type, encoding) == ("add", "id-1", "application/json", "utf-8")
    assert body == b"[[1, 2], {}, {}]"
    assert request["custom"] == 1
    assert request["headers"] == {"custom": 1, "trace": "t"}
    assert request["reply_to"] == "rq"
    assert request["hostname"] == "w1@example.com"
    assert request["delivery_info"]["redelivered"] is False
    assert "Task add[id-1] received" in caplog.text
    [(name, values)] = signalled
    assert name == "task_received"
    assert values["sender"] is consumer
    assert values["request"].id == "id-1"


def test_protocol_1(deliver: Callable[..., Any], consumer: Any) -> None:
    deliver(None, {"task": "add", "id": "v1", "args": [1, 2], "kwargs": {}, "taskset": "g"})
    name, task_id, request, body, content_type, _ = consumer.pool.jobs[0]["args"]
    assert (name, task_id, content_type) == ("add", "v1", None)
    assert body[:2] == ([1, 2], {})
    assert request["group"] == "g"


def test_headers_of_protocol_2_with_a_body_of_protocol_1(
    deliver: Callable[..., Any], consumer: Any
) -> None:
    deliver({**ADD, "custom": 1}, {"args": [1, 2], "kwargs": {}})
    _, task_id, request, body, content_type, _ = consumer.pool.jobs[0]["args"]
    assert (task_id, content_type, request["custom"]) == ("id-1", None, 1)
    assert body[:2] == ([1, 2], {})


def test_unknown_task_is_failed_for_those_who_wait(
    deliver: Callable[..., Any],
    app: Celery,
    settled: Any,
    signalled: Any,
    events: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    message = deliver({"task": "no.such", "id": "id-9"})
    assert settled == [("id-9", Action.REJECT, None)]
    result = app.AsyncResult("id-9")
    assert result.state == "FAILURE"
    assert isinstance(result.result, NotRegistered)
    assert "Received unregistered task of type 'no.such'" in caplog.text
    [(name, values)] = signalled
    assert (name, values["name"], values["id"]) == ("task_unknown", "no.such", "id-9")
    assert values["message"] is message
    assert isinstance(values["exc"], KeyError)
    assert events.sent == [
        ("task-failed", {"uuid": "id-9", "exception": repr(NotRegistered("no.such"))})
    ]


@pytest.mark.parametrize("payload", [{"a": 1}, [1, 2], "text", 7, None])
def test_no_task_is_rejected(
    deliver: Callable[..., Any], settled: Any, signalled: Any, caplog: Any, payload: Any
) -> None:
    message = deliver({}, payload)
    assert settled == [(None, Action.REJECT, None)]
    [(name, values)] = signalled
    assert name == "task_rejected"
    assert values["message"] is message
    assert "Received and deleted unknown message" in caplog.text


@pytest.mark.parametrize("headers", [{}, ADD])
def test_bad_json_is_acknowledged_or_left_to_the_pool(
    deliver: Callable[..., Any], consumer: Any, settled: Any, caplog: Any, headers: Any
) -> None:
    deliver(headers, body=b"{{{")
    assert settled == [(headers.get("id"), Action.ACK, None)]
    assert "Can't decode message body" in caplog.text
    assert consumer.pool.jobs == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"eta": "tomorrow"}, "'eta'"),
        ({"eta": 12}, "'eta'"),
        ({"expires": "never"}, "'expires'"),
        ({"id": None, "task": "add"}, ""),
    ],
)
def test_an_impossible_header_is_named_and_rejected(
    deliver: Callable[..., Any], consumer: Any, settled: Any, caplog: Any, change: Any, named: str
) -> None:
    headers = {key: value for key, value in {**ADD, **change}.items() if value is not None}
    deliver(headers, [[1, 2], {}, {}])
    assert [action for _, action, _ in settled] == [Action.REJECT]
    assert "Received invalid task message" in caplog.text
    assert named in caplog.text
    assert consumer.pool.jobs == []


@pytest.mark.parametrize("headers", [ADD, {}])
def test_content_that_is_not_accepted_is_not_decoded(
    deliver: Callable[..., Any], consumer: Any, settled: Any, caplog: Any, headers: Any
) -> None:
    deliver(headers, body=pickle.dumps(1), content_type="application/x-python-serialize")
    assert len(settled) == 1
    assert "Refusing to deserialize" in caplog.text
    assert consumer.pool.jobs == []


def test_arguments_of_protocol_1_that_are_no_mapping(
    deliver: Callable[..., Any], settled: Any, caplog: Any
) -> None:
    deliver(None, {"task": "add", "id": "v1", "args": [], "kwargs": []})
    assert [action for _, action, _ in settled] == [Action.REJECT]
    assert "kwargs" in caplog.text


def test_a_name_that_cannot_be_one(deliver: Callable[..., Any], settled: Any) -> None:
    deliver({"task": ["add"], "id": "id-1"})
    assert settled == [("id-1", Action.REJECT, None)]


def test_a_strategy_that_raises_stops_nobody(
    deliver: Callable[..., Any], consumer: Any, settled: Any, caplog: Any
) -> None:
    def broken(*args: Any) -> None:
        raise RuntimeError("oops")

    consumer.strategies["add"] = broken
    deliver(ADD)
    assert [action for _, action, _ in settled] == [Action.REJECT]
    assert "oops" in caplog.text


def test_body_size_and_start_are_logged(deliver: Callable[..., Any], caplog: Any) -> None:
    deliver({}, ["x" * 100_000])
    assert "(100004b)" in caplog.text
    assert len(caplog.text) < 10_000
