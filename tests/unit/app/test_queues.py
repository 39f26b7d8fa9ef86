"""`task_queues`: declared, missing and selected queues."""

from __future__ import annotations

import pytest
from kombu import Exchange, Queue
from kombu.common import Broadcast
from tests.support.flows import flow_app, only, sent

from celery.app.amqp import Queues


def test_without_the_setting_there_is_the_default_queue() -> None:
    app = flow_app(
        task_default_queue="main", task_default_queue_type="quorum", task_default_routing_key="key"
    )
    queue = app.amqp.default_queue
    assert (queue.name, queue.exchange.name, queue.routing_key) == ("main", "main", "key")
    assert queue.queue_arguments == {"x-queue-type": "quorum"}
    assert list(app.amqp.queues.consume_from) == ["main"]


def test_a_declared_queue_takes_the_default_exchange_and_key() -> None:
    app = flow_app(task_queues=[Queue("a"), Queue("b", Exchange("animals", "topic"), "owl.#")])
    a, b = app.amqp.queues["a"], app.amqp.queues["b"]
    assert (a.exchange.name, a.exchange.type, a.routing_key) == ("celery", "direct", "celery")
    assert (b.exchange.name, b.exchange.type, b.routing_key) == ("animals", "topic", "owl.#")


def test_queues_as_a_mapping() -> None:
    app = flow_app(
        task_queues={
            "a": {"exchange": "ea", "routing_key": "ra"},
            "b": {"exchange": "eb", "exchange_type": "topic", "binding_key": "b.#"},
            "c": {},
        }
    )
    queues = app.amqp.queues
    assert [(q.exchange.name, q.exchange.type, q.routing_key) for q in queues.values()] == [
        ("ea", "direct", "ra"),
        ("eb", "topic", "b.#"),
        ("celery", "direct", "c"),
    ]


def test_a_missing_queue_is_made_as_the_settings_say() -> None:
    app = flow_app(
        task_create_missing_queue_type="quorum",
        task_create_missing_queue_exchange_type="topic",
        task_queue_max_priority=9,
    )
    queue = app.amqp.queues["new"]
    assert (queue.exchange.name, queue.exchange.type, queue.routing_key) == ("new", "topic", "new")
    assert queue.queue_arguments == {"x-queue-type": "quorum", "x-max-priority": 9}


def test_sending_to_a_queue_does_not_make_a_worker_consume_from_it() -> None:
    app = flow_app()
    app.send_task("x", queue="elsewhere")
    app.amqp.queues.add("added")
    assert list(app.amqp.queues.consume_from) == ["celery"]
    assert len(sent(app, "elsewhere")) == 1


def test_select_deselect_and_add() -> None:
    queues = flow_app(task_queues=[Queue("a"), Queue("b"), Queue("c")]).amqp.queues
    queues.deselect("b")
    assert list(queues.consume_from) == ["a", "c"]
    queues.select(["a", "new"])
    assert list(queues.consume_from) == ["a", "new"]
    queues.select_add("more")
    queues.add("other")
    assert list(queues.consume_from) == ["a", "new", "more"]
    queues.select(None)
    assert "other" in queues


def test_names_that_may_not_be_made() -> None:
    queues = Queues([Queue("a")], create_missing=False)
    with pytest.raises(KeyError):
        queues["b"]


def test_an_alias_names_the_queue() -> None:
    app = flow_app(task_queues=[Queue("real", alias="nick")])
    app.send_task("x", queue="nick")
    assert only(app, "real").task == "x"


def test_a_priority_of_its_own_stays() -> None:
    app = flow_app(
        task_queue_max_priority=10,
        task_queues=[Queue("a", queue_arguments={"x-max-priority": 3}), Queue("b")],
    )
    queues = app.amqp.queues
    assert queues["a"].queue_arguments["x-max-priority"] == 3
    assert queues["b"].queue_arguments["x-max-priority"] == 10


def test_a_broadcast_queue_reaches_every_worker() -> None:
    app = flow_app(task_queues=[Broadcast("news")])
    mine, theirs = Broadcast("news"), Broadcast("news")
    app.broker_for_write().declare([mine, theirs])
    app.send_task("x", queue="news")
    assert [only(app, queue).task for queue in (mine, theirs)] == ["x", "x"]


def test_the_banner_names_exchange_and_key() -> None:
    queues = flow_app(task_queues=[Queue("a"), Queue("b", Exchange("x", "topic"), "k.#")]).amqp
    lines = queues.queues.format(indent=4).split("\n")
    assert lines == [
        "    .> a                exchange=celery(direct) key=celery",
        "    .> b                exchange=x(topic) key=k.#",
    ]
