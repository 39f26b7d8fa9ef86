"""EventReceiver: from messages to handlers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from kombu import Connection

from celery import Celery
from celery.events import EventDispatcher, EventReceiver
from celery.exceptions import ImproperlyConfigured
from celery.utils.time import utcoffset

Make = Callable[..., EventReceiver]


@pytest.fixture
def make(app: Celery, connection: Connection) -> Make:
    def make(**options: Any) -> EventReceiver:
        return EventReceiver(connection, app=app, **options)

    return make


def test_the_queue_is_of_the_receiver_alone(make: Make) -> None:
    receiver = make(node_id="me")
    queue = receiver.queue
    assert queue.name == "celeryev.me"
    assert (queue.exchange.name, queue.exchange.type) == ("celeryev", "topic")
    assert queue.routing_key == "#"
    assert (queue.durable, queue.exclusive, queue.auto_delete) == (False, True, True)
    assert (queue.message_ttl, queue.expires) == (5.0, 60.0)
    assert receiver.accept == {"json"}
    assert make().node_id != make().node_id


def test_the_queue_follows_settings_and_arguments(app: Celery, make: Make) -> None:
    app.conf.update(
        event_queue_prefix="mine",
        event_queue_ttl=1.0,
        event_queue_expires=2.0,
        event_queue_exclusive=False,
        event_queue_durable=True,
        event_serializer="yaml",
        event_exchange="ex",
    )
    receiver = make(node_id="me")
    queue = receiver.queue
    assert (queue.name, queue.exchange.name) == ("mine.me", "ex")
    assert (queue.durable, queue.exclusive, queue.auto_delete) == (True, False, False)
    assert (queue.message_ttl, queue.expires) == (1.0, 2.0)
    assert receiver.accept == {"yaml", "json"}
    queue = make(
        node_id="me",
        queue_prefix="his",
        queue_ttl=0,
        queue_expires=8,
        queue_exclusive=True,
        queue_durable=False,
        accept=["pickle"],
        routing_key="worker.#",
    ).queue
    assert (queue.name, queue.routing_key) == ("his.me", "worker.#")
    assert (queue.durable, queue.exclusive) == (False, True)
    assert (queue.message_ttl, queue.expires) == (0, 8)


def test_exclusive_and_durable_exclude_each_other(make: Make) -> None:
    with pytest.raises(ImproperlyConfigured, match="both exclusive and durable"):
        make(queue_durable=True)


def test_handlers_by_type_and_for_the_rest(make: Make) -> None:
    calls: list[Any] = []
    receiver = make(
        handlers={"a": lambda e: calls.append(("a", e)), "*": lambda e: calls.append(("*", e))}
    )
    receiver.process("a", {"x": 1})
    receiver.process("b", {"x": 2})
    assert calls == [("a", {"x": 1}), ("*", {"x": 2})]
    receiver.handlers = {}
    receiver.process("a", {})


# -- clocks and time


def test_an_event_advances_the_logical_clock(app: Celery, make: Make) -> None:
    app.clock.value = 100
    receiver = make()
    _, event = receiver.event_from_message({"type": "task-received", "clock": 500})
    assert (event["clock"], app.clock.value) == (500, 501)
    _, event = receiver.event_from_message({"type": "task-received", "clock": 5})
    assert (event["clock"], app.clock.value) == (5, 502)


def test_what_a_client_sent_happened_just_before_now(app: Celery, make: Make) -> None:
    app.clock.value = 100
    _, event = make().event_from_message({"type": "task-sent", "clock": 500})
    assert (event["clock"], app.clock.value) == (99, 101)


@pytest.mark.parametrize("clock", [{}, {"clock": None}, {"clock": "junk"}])
def test_an_event_without_a_clock_gets_ours(app: Celery, make: Make, clock: Any) -> None:
    app.clock.value = 100
    _, event = make().event_from_message({"type": "worker-x", **clock})
    assert (event["clock"], app.clock.value) == (101, 101)


def test_timestamps_become_local(make: Make) -> None:
    body = {"type": "worker-x", "clock": 1, "timestamp": 10_000.0, "utcoffset": utcoffset() + 2}
    before = time.time()
    type, event = make().event_from_message(dict(body))
    assert type == "worker-x"
    assert event["timestamp"] == 2800.0
    assert before <= event["local_received"] <= time.time()
    _, event = make().event_from_message(dict(body), localize=False)
    assert event["timestamp"] == 10_000.0
    assert "local_received" in event


# -- capturing


def test_captures_what_a_dispatcher_sends_alone_and_in_groups(
    app: Celery, connection: Connection, make: Make
) -> None:
    got: list[dict[str, Any]] = []
    receiver = make(handlers={"*": got.append})
    with (
        connection.clone() as other,
        EventDispatcher(other, hostname="w1", app=app, buffer_group=["task"]) as dispatcher,
    ):
        ready = threading.Event()

        def send() -> None:
            ready.wait(10)
            dispatcher.send("worker-online", freq=2)
            dispatcher.send("task-received", uuid="1")
            dispatcher.send("task-started", uuid="1")
            dispatcher.flush()

        receiver.on_iteration = ready.set
        sender = threading.Thread(target=send)
        sender.start()
        receiver.capture(limit=2, timeout=10, wakeup=False)
        sender.join()
    assert [event["type"] for event in got] == ["worker-online", "task-received", "task-started"]
    assert got[0]["freq"] == 2
    assert [event["uuid"] for event in got[1:]] == ["1", "1"]
    clocks = [event["clock"] for event in got]
    assert clocks == sorted(clocks)


def test_asks_for_heartbeats_first_and_gives_up_after_the_timeout(app: Celery, make: Make) -> None:
    asked: list[tuple[Any, Any]] = []
    app.control.broadcast = lambda command, **options: asked.append((command, options))
    receiver = make()
    with pytest.raises(TimeoutError):
        receiver.capture(timeout=1)
    [(command, options)] = asked
    assert command == "heartbeat"
    assert options["connection"] is receiver.connection
    assert options["channel"] is not None


def test_what_is_no_event_is_logged_and_does_not_stop_the_rest(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    got: list[dict[str, Any]] = []
    receiver = make(handlers={"*": got.append})
    good = {"type": "worker-x", "clock": 1}
    for body in ("text", [1, {"no": "type"}, {"type": 3}, good], None):
        receiver._receive(body, None)
    assert [event["type"] for event in got] == ["worker-x"]
    assert len(caplog.records) == 5
    assert "not an event" in caplog.text


def test_of_an_app(app: Celery, connection: Connection) -> None:
    receiver = app.events.Receiver(connection)
    assert receiver.app is app
    assert receiver.connection is connection
