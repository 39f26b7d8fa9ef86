"""EventDispatcher: what goes out, when, and what becomes of it while the broker is away."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, cast

import pytest
from kombu import Connection
from kombu.exceptions import EncodeError

from celery import Celery
from celery.events import EventDispatcher
from celery.events.dispatcher import UNSENT_LIMIT


class FakeProducer:
    """Records what is published, or is cut off."""

    def __init__(self) -> None:
        self.published: list[tuple[Any, dict[str, Any]]] = []
        self.error: Exception | None = None

    def publish(self, body: Any, **options: Any) -> None:
        if self.error is not None:
            raise self.error
        self.published.append((body, options))

    @property
    def types(self) -> list[Any]:
        return [
            [one["type"] for one in body] if isinstance(body, list) else body["type"]
            for body, _ in self.published
        ]


Make = Callable[..., EventDispatcher]


@pytest.fixture
def make(app: Celery, connection: Connection) -> Make:
    def make(**options: Any) -> EventDispatcher:
        dispatcher = EventDispatcher(connection, hostname="w1@here", app=app, **options)
        dispatcher.producer = FakeProducer()
        return dispatcher

    return make


def sent(dispatcher: EventDispatcher) -> FakeProducer:
    return cast(FakeProducer, dispatcher.producer)


def test_a_message_is_as_on_the_wire(app: Celery, make: Make) -> None:
    dispatcher = make()
    before = time.time()
    dispatcher.send("task-failed", utcoffset=lambda: 5, uuid="x", exception="E()")
    [(event, options)] = sent(dispatcher).published
    assert before <= event.pop("timestamp") <= time.time()
    assert list(event.items()) == [
        ("hostname", "w1@here"),
        ("utcoffset", 5),
        ("pid", os.getpid()),
        ("clock", app.clock.value),
        ("uuid", "x"),
        ("exception", "E()"),
        ("type", "task-failed"),
    ]
    assert options == {
        "routing_key": "task.failed",
        "exchange": "celeryev",
        "declare": [dispatcher.exchange],
        "serializer": "json",
        "headers": {"hostname": "w1@here"},
        "delivery_mode": 1,
        "retry": False,
        "retry_policy": None,
    }


def test_settings_and_arguments_shape_the_message(app: Celery, make: Make) -> None:
    app.conf.update(event_exchange="mine", event_serializer="yaml")
    dispatcher = make(delivery_mode=2)
    dispatcher.send("worker-elect-ack", retry=True, retry_policy={"max_retries": 1})
    [(_, options)] = sent(dispatcher).published
    assert options["exchange"] == "mine"
    assert options["serializer"] == "yaml"
    assert options["routing_key"] == "worker.elect.ack"
    assert options["delivery_mode"] == 2
    assert options["retry"] is True
    assert options["retry_policy"] == {"max_retries": 1}
    assert make(serializer="json").serializer == "json"


def test_each_event_advances_the_clock_unless_blind(app: Celery, make: Make) -> None:
    dispatcher = make()
    for blind in (False, True, False):
        dispatcher.send("worker-x", blind=blind)
    assert [event["clock"] for event, _ in sent(dispatcher).published] == [1, None, 2]


def test_only_wanted_groups_are_sent(make: Make) -> None:
    dispatcher = make(groups=["worker"])
    for type in ("task-x", "worker-x", "other"):
        dispatcher.send(type)
    assert sent(dispatcher).types == ["worker-x"]
    dispatcher.groups.clear()
    dispatcher.send("task-x")
    assert sent(dispatcher).types == ["worker-x", "task-x"]


def test_publish_uses_the_producer_given_even_when_disabled(app: Celery) -> None:
    producer = FakeProducer()
    dispatcher = EventDispatcher(app=app, enabled=False, groups=["worker"])
    fields = {"uuid": "x"}
    dispatcher.publish("task-sent", fields, producer, retry=True, retry_policy={"a": 1})
    [(event, options)] = producer.published
    assert event["uuid"] == "x"
    assert event["hostname"] == dispatcher.hostname
    assert options["routing_key"] == "task.sent"
    assert options["retry_policy"] == {"a": 1}
    assert fields == {"uuid": "x"}
    producer.error = OSError("away")
    with pytest.raises(OSError, match="away"):
        dispatcher.publish("task-sent", fields, producer)


def test_disabled_sends_nothing_and_tells_of_changes(make: Make) -> None:
    dispatcher = make(enabled=False)
    calls: list[str] = []
    dispatcher.on_enabled.add(lambda: calls.append("on"))
    dispatcher.on_disabled.add(lambda: calls.append("off"))
    dispatcher.send("task-x")
    dispatcher.enable()
    assert dispatcher.enabled
    assert dispatcher.publisher is not None
    dispatcher.disable()
    dispatcher.disable()
    assert calls == ["on", "off"]
    assert dispatcher.publisher is None
    assert not dispatcher.enabled


def test_a_transport_that_cannot_carry_events_stays_disabled(
    app: Celery, connection: Connection
) -> None:
    connection.transport.driver_type = "sql"
    assert not EventDispatcher(connection, app=app).enabled


def test_leaving_the_block_lets_go(make: Make) -> None:
    with make() as dispatcher:
        assert dispatcher.publisher is not None
    assert dispatcher.publisher is None
    dispatcher.close()


# -- groups that are gathered


def test_gathered_events_go_out_as_one_message_when_there_are_enough(make: Make) -> None:
    waiting: list[int] = []
    dispatcher = make(
        buffer_group=["task"], buffer_limit=3, on_send_buffered=lambda: waiting.append(1)
    )
    for number in range(4):
        dispatcher.send(f"task-{number}")
    dispatcher.send("worker-x")
    assert sent(dispatcher).types == [["task-0", "task-1", "task-2"], "worker-x"]
    assert sent(dispatcher).published[0][1]["routing_key"] == "task.multi"
    assert len(waiting) == 3
    dispatcher.flush(groups=["worker"])
    dispatcher.flush(groups=False)
    assert len(sent(dispatcher).published) == 2
    dispatcher.flush(errors=False, groups=("task",))
    dispatcher.flush()
    assert sent(dispatcher).types[2:] == [["task-3"]]


def test_closing_sends_what_is_gathered(make: Make) -> None:
    dispatcher = make(buffer_group=["task"])
    producer = sent(dispatcher)
    dispatcher.send("task-x")
    dispatcher.close()
    assert producer.types == [["task-x"]]


# -- the broker is away


def test_events_are_kept_while_offline_and_go_out_in_order(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    dispatcher = make(buffer_group=["task"])
    producer = sent(dispatcher)
    producer.error = OSError("away")
    dispatcher.send("worker-1")
    dispatcher.send("task-2")
    dispatcher.flush()
    dispatcher.send("worker-3")
    producer.error = None
    dispatcher.flush(errors=False)
    assert producer.types == []
    dispatcher.send("worker-4")
    assert producer.types == ["worker-1", ["task-2"], "worker-3", "worker-4"]
    dispatcher.flush()
    assert len(producer.published) == 4
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "Cannot send events: OSError('away')" in caplog.text


def test_flush_tries_again(make: Make) -> None:
    dispatcher = make()
    producer = sent(dispatcher)
    producer.error = OSError("away")
    dispatcher.send("worker-1")
    dispatcher.flush()
    producer.error = None
    dispatcher.flush()
    assert producer.types == ["worker-1"]


def test_a_new_dispatcher_takes_over_what_was_not_sent(make: Make) -> None:
    old, new = make(buffer_group=["task"]), make(buffer_group=["task"])
    sent(old).error = OSError("away")
    old.send("worker-1")
    old.send("task-2")
    old.close()
    new.extend_buffer(old)
    new.flush()
    assert sent(new).types == ["worker-1", ["task-2"]]


def test_what_is_kept_is_bounded(make: Make) -> None:
    dispatcher = make()
    producer = sent(dispatcher)
    producer.error = OSError("away")
    for number in range(UNSENT_LIMIT + 1):
        dispatcher.send("worker-x", number=number)
    producer.error = None
    dispatcher.flush()
    numbers = [event["number"] for event, _ in producer.published]
    assert numbers == list(range(1, UNSENT_LIMIT + 1))


def test_without_a_buffer_the_error_is_the_senders(make: Make) -> None:
    dispatcher = make(buffer_while_offline=False)
    producer = sent(dispatcher)
    producer.error = OSError("away")
    with pytest.raises(OSError, match="away"):
        dispatcher.send("worker-1")
    producer.error = None
    dispatcher.flush()
    assert producer.types == []


def test_what_can_never_be_sent_does_not_block_the_rest(
    app: Celery, connection: Connection
) -> None:
    dispatcher = EventDispatcher(connection, app=app)
    with pytest.raises(EncodeError):
        dispatcher.send("worker-x", value=object())
    dispatcher.send("worker-y")
    assert not dispatcher._unsent


# -- of an app


def test_the_apps_dispatcher_publishes_over_its_pool(app: Celery) -> None:
    assert app.events.Dispatcher.app is app
    dispatcher = app.events.Dispatcher(enabled=False)
    assert (dispatcher.connection, dispatcher.channel) == (None, None)
    assert dispatcher.hostname.startswith("gen")
