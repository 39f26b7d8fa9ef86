"""Events over every kind of broker: dispatcher to receiver, the bytes, task-sent."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from kombu import Consumer, Queue
from tests.support.clusters import BROKERS, Watcher, app_on, broker_url
from tests.support.waiting import wait_until

from celery import Celery

REDIS_DB = 13

SENT_FIELDS = [
    "hostname", "utcoffset", "pid", "clock", "uuid", "root_id", "parent_id", "name", "args",
    "kwargs", "retries", "eta", "expires", "queue", "exchange", "routing_key", "timestamp", "type",
]  # fmt: skip


@pytest.fixture(params=BROKERS)
def app(request: pytest.FixtureRequest) -> Iterator[Celery]:
    url = broker_url(request.param, request, REDIS_DB)
    with app_on(url, task_send_sent_event=True, result_backend="cache+memory://") as app:
        yield app


def test_events_reach_everybody_who_listens(app: Celery) -> None:
    with Watcher(app) as one, Watcher(app) as two:
        with (
            app.connection_for_write() as connection,
            app.events.Dispatcher(
                connection, hostname="w1@here", buffer_group=["task"]
            ) as dispatcher,
        ):
            dispatcher.send("worker-online", freq=2.0, loadavg=[1.0, 2.0, 3.0])
            for uuid in ("1", "2"):
                dispatcher.send("task-started", uuid=uuid)
            dispatcher.flush()
        for watcher in (one, two):
            watcher.wait_for("task-started", uuid="2")
            assert watcher.types() == ["worker-online", "task-started", "task-started"]
        online = one.wait_for("worker-online")
        assert online["local_received"] >= online["timestamp"]
        del online["local_received"], online["timestamp"], online["clock"]
        assert online == {
            "type": "worker-online",
            "hostname": "w1@here",
            "pid": os.getpid(),
            "utcoffset": online["utcoffset"],
            "freq": 2.0,
            "loadavg": [1.0, 2.0, 3.0],
        }


def test_the_message_is_celerys(app: Celery) -> None:
    messages: list[Any] = []
    with app.connection_for_read() as connection:
        dispatcher = app.events.Dispatcher(connection, hostname="w1", buffer_group=["task"])
        queue = Queue(
            f"{app.conf.event_queue_prefix}.raw",
            exchange=dispatcher.exchange,
            routing_key="#",
            auto_delete=True,
            durable=False,
            exclusive=True,
        )
        with Consumer(
            connection, [queue], on_message=messages.append, accept=["json"], no_ack=True
        ):
            with suppress(TimeoutError):  # kombu subscribes on Redis when it waits first
                connection.drain_events(timeout=0.1)
            dispatcher.send("worker-online")
            dispatcher.send("task-started", uuid="1")
            dispatcher.flush()
            while len(messages) < 2:
                connection.drain_events(timeout=20)
    single, several = messages
    assert isinstance(json.loads(single.body), dict)
    assert [event["type"] for event in json.loads(several.body)] == ["task-started"]
    assert [m.delivery_info["routing_key"] for m in messages] == ["worker.online", "task.multi"]
    for message in messages:
        assert message.headers == {"hostname": "w1"}
        assert (message.content_type, message.content_encoding) == ("application/json", "utf-8")
        assert message.properties["delivery_mode"] == 1


def test_a_receiver_chooses_by_routing_key(app: Celery) -> None:
    with Watcher(app, routing_key="worker.#") as workers, Watcher(app) as everybody:
        with app.connection_for_write() as connection:
            dispatcher = app.events.Dispatcher(connection)
            for type in ("task-started", "worker-online"):
                dispatcher.send(type)
        everybody.wait_for("worker-online")
        workers.wait_for("worker-online")
        assert workers.types() == ["worker-online"]


def test_a_client_tells_what_it_has_sent(app: Celery) -> None:
    @app.task(name="tasks.add")
    def add(x: int, y: int) -> int:
        return x + y

    queue = app.conf.task_default_queue
    with Watcher(app) as watcher:
        result = add.apply_async((1,), {"y": 2})
        event = watcher.wait_for("task-sent", uuid=result.id)
        assert [name for name in event if name != "local_received"] == SENT_FIELDS
        assert event["hostname"].startswith("gen")
        assert {name: event[name] for name in SENT_FIELDS[4:-2]} == {
            "uuid": result.id,
            "root_id": result.id,
            "parent_id": None,
            "name": "tasks.add",
            "args": "(1,)",
            "kwargs": "{'y': 2}",
            "retries": 0,
            "eta": None,
            "expires": None,
            "queue": queue,
            "exchange": "",
            "routing_key": queue,
        }
        named = app.send_task("tasks.other", countdown=60, expires=120)
        event = watcher.wait_for("task-sent", uuid=named.id)
        assert event["name"] == "tasks.other"
        assert event["eta"] < event["expires"]


def test_a_client_that_sends_no_events_sends_none(app: Celery) -> None:
    app.conf.task_send_sent_event = False
    with Watcher(app) as watcher:
        app.send_task("tasks.quiet")
        app.conf.task_send_sent_event = True
        loud = app.send_task("tasks.loud")
        watcher.wait_for("task-sent", uuid=loud.id)
        assert watcher.types() == ["task-sent"]


def test_the_default_dispatcher_publishes_over_the_pool(app: Celery) -> None:
    with Watcher(app) as watcher:
        with app.events.default_dispatcher(hostname="me@here") as dispatcher:
            dispatcher.send("my-event", value=3)
        assert watcher.wait_for("my-event")["hostname"] == "me@here"
        wait_until(lambda: len(watcher.events) == 1)
