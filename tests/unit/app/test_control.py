"""Commands to workers: what a mailbox receives, and what becomes of the answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.support.flows import flow_app

from celery import Celery
from celery.app.control import Control, Inspect, flatten_reply
from celery.exceptions import DuplicateNodenameWarning, ImproperlyConfigured


class Node:
    """A worker's mailbox that writes down the commands it gets and answers with them."""

    def __init__(self, app: Celery, hostname: str) -> None:
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self._connection = app.connection_for_read()
        self._node = app.control.mailbox.Node(
            hostname, handlers=_Handlers(self._handle), channel=self._connection.channel()
        )
        self._consumer = self._node.listen(callback=self._node.handle_message)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _handle(self, name: str) -> Callable[..., Any]:
        def handler(state: Any, **arguments: Any) -> Any:
            self.commands.append((name, arguments))
            return {"ok": name}

        return handler

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._connection.drain_events(timeout=0.05)
            except TimeoutError:
                continue

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._connection.release()


class _Handlers(dict[str, Any]):
    def __init__(self, make: Callable[[str], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> Any:
        return self._make(name)


@pytest.fixture
def app() -> Iterator[Celery]:
    app = flow_app(broker_pool_limit=2)
    yield app
    app.close()


@pytest.fixture
def node(app: Celery) -> Iterator[Node]:
    node = Node(app, "one@host")
    yield node
    node.stop()


def sent(node: Node, app: Celery, send: Callable[..., Any]) -> tuple[str, dict[str, Any]]:
    """What the node gets of a command; the ping's answer says that it has been read."""
    send(reply=True, limit=1, timeout=5)
    return node.commands[-1]


def test_commands(app: Celery, node: Node) -> None:
    control = app.control
    assert sent(node, app, lambda **k: control.revoke("id", terminate=True, **k)) == (
        "revoke",
        {"task_id": "id", "terminate": True, "signal": "SIGTERM"},
    )
    assert sent(node, app, lambda **k: control.rate_limit("t", "1/s", **k)) == (
        "rate_limit",
        {"task_name": "t", "rate_limit": "1/s"},
    )
    assert sent(node, app, lambda **k: control.time_limit("t", soft=1, hard=2, **k)) == (
        "time_limit",
        {"task_name": "t", "soft": 1, "hard": 2},
    )
    assert sent(node, app, lambda **k: control.add_consumer("q", "x", "topic", "k", **k)) == (
        "add_consumer",
        {"queue": "q", "exchange": "x", "exchange_type": "topic", "routing_key": "k"},
    )
    assert sent(node, app, lambda **k: control.revoke_by_stamped_headers({"a": 1}, **k)) == (
        "revoke_by_stamped_headers",
        {"headers": {"a": 1}, "terminate": False, "signal": "SIGTERM"},
    )
    assert sent(node, app, lambda **k: control.autoscale(10, 2, **k)) == (
        "autoscale",
        {"max": 10, "min": 2},
    )


def test_answers_come_by_node(app: Celery, node: Node) -> None:
    assert app.control.ping(timeout=5, limit=1) == [{"one@host": {"ok": "ping"}}]
    assert app.control.inspect(limit=1, timeout=5).active() == {"one@host": {"ok": "active"}}
    one = app.control.inspect("one@host", limit=1, timeout=5)
    assert one.stats() == {"ok": "stats"}
    assert one.query_task(["a", "b"]) == {"ok": "query_task"}
    assert node.commands[-1][1] == {"ids": ["a", "b"]}


def test_nobody_answers(app: Celery) -> None:
    assert app.control.ping(timeout=0.01) == []
    assert app.control.inspect(timeout=0.01).active() is None
    assert app.control.broadcast("ping") is None


def test_destination_is_a_list(app: Celery, node: Node) -> None:
    with pytest.raises(ValueError, match="destination"):
        app.control.broadcast("ping", destination="one@host")
    assert app.control.ping(destination=["other@host"], timeout=0.05) == []


def test_purge(app: Celery) -> None:
    for _ in range(3):
        app.tasks["add"].delay()
    assert app.control.purge() == 3
    assert app.control.purge() == 0


def test_flatten_reply() -> None:
    assert flatten_reply([{"a": 1}, {"b": 2}]) == {"a": 1, "b": 2}
    with pytest.warns(DuplicateNodenameWarning, match="a"):
        flatten_reply([{"a": 1}, {"a": 2}])


def test_settings_that_exclude_each_other() -> None:
    app = flow_app(control_queue_durable=True, control_queue_exclusive=True)
    with pytest.raises(ImproperlyConfigured):
        _ = app.control


def test_inspect_is_bound_to_the_app(app: Celery) -> None:
    assert isinstance(app.control, Control)
    assert issubclass(app.control.inspect, Inspect)
    assert app.control.inspect().app is app
