"""`app.amqp`: making and sending task messages in kombu's shapes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.support.flows import flow_app, only

from celery import Celery
from celery.app.amqp import AMQP, task_message


@pytest.fixture
def app() -> Celery:
    return flow_app()


def test_as_task_v2(app: Celery) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    message = app.amqp.as_task_v2(
        "id", "name", (1,), {"a": 2}, countdown=60, expires=120, now=now, create_sent_event=True
    )
    assert isinstance(message, task_message)
    headers, properties, body, event = message
    assert headers["eta"] == "2026-01-01T00:01:00+00:00"
    assert headers["expires"] == "2026-01-01T00:02:00+00:00"
    assert properties["correlation_id"] == "id"
    assert body[:2] == ((1,), {"a": 2})
    assert event is not None
    assert (event["uuid"], event["name"], event["args"]) == ("id", "name", "(1,)")


def test_as_task_v1(app: Celery) -> None:
    headers, _, body, event = app.amqp.as_task_v1("id", "name", (1,), {"a": 2}, retries=3)
    assert (headers, event) == ({}, None)
    assert (body["id"], body["task"], body["args"], body["retries"]) == ("id", "name", (1,), 3)


def test_the_protocol_is_a_setting() -> None:
    assert flow_app().amqp.create_task_message("i", "n").headers["task"] == "n"
    assert flow_app(task_protocol=1).amqp.create_task_message("i", "n").body["task"] == "n"


def test_send_task_message(app: Celery) -> None:
    message = app.amqp.create_task_message("id", "name", (1,))
    with app.producer_or_acquire() as producer:
        app.amqp.send_task_message(producer, "name", message, queue="q", priority=3)
    sent = only(app, "q")
    assert (sent.id, sent.call) == ("id", ("name", [1], {}))
    app.close()


def test_the_class_can_be_replaced() -> None:
    class Mine(AMQP):
        pass

    assert isinstance(Celery("x", amqp=Mine, set_as_current=False).amqp, Mine)
