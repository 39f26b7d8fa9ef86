"""One event, and the exchange it goes to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from celery.events import Event, event_exchange, get_exchange, group_from


def test_an_event_is_a_mapping_stamped_with_the_time() -> None:
    event = Event("task-sent", uuid="x")
    assert isinstance(event["timestamp"], float)
    assert list(event) == ["uuid", "timestamp", "type"]


def test_given_fields_win_over_the_stamp_but_not_over_the_type() -> None:
    fields = {"timestamp": 3, "type": "other"}
    assert Event("task-sent", fields, a=1) == {"timestamp": 3, "type": "task-sent", "a": 1}
    assert fields == {"timestamp": 3, "type": "other"}


@pytest.mark.parametrize(
    ("type", "group"), [("task-sent", "task"), ("worker-elect-ack", "worker"), ("odd", "odd")]
)
def test_the_group_is_what_stands_before_the_first_dash(type: str, group: str) -> None:
    assert group_from(type) == group


def _connection(driver: str) -> Any:
    return SimpleNamespace(transport=SimpleNamespace(driver_type=driver))


@pytest.mark.parametrize(
    ("driver", "kind"),
    [("amqp", "topic"), ("memory", "topic"), ("redis", "fanout"), ("gcpubsub", "fanout")],
)
def test_the_exchange_is_of_a_type_the_broker_has(driver: str, kind: str) -> None:
    exchange = get_exchange(_connection(driver), name="mine")
    assert (exchange.name, exchange.type, exchange.durable) == ("mine", kind, True)
    assert event_exchange.name == "celeryev"
    assert event_exchange.type == "topic"
