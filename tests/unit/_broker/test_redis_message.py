"""Messages become kombu's JSON and come back from it, whatever is in the queue."""

from __future__ import annotations

import datetime
import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery._broker._redis_message import decode, encode, mark_redelivered
from celery._broker.base import Publication
from celery._message.envelope import Envelope


def publication(body: bytes = b"[]", **headers: Any) -> Publication:
    envelope = Envelope(
        body=body,
        content_type="application/json",
        content_encoding="utf-8",
        headers={"task": "t", **headers},
        properties={"correlation_id": "1", "priority": 5},
    )
    return Publication(envelope=envelope, exchange="e", routing_key="k")


def test_there_and_back() -> None:
    raw = encode(publication(b"\x00\xff", at=datetime.date(2026, 1, 2), uid=UUID(int=1))).encode()
    delivery = decode(raw, queue="q", tag="1")
    assert delivery.body == b"\x00\xff"
    assert delivery.headers["at"] == datetime.date(2026, 1, 2)
    assert delivery.headers["uid"] == UUID(int=1)
    assert delivery.delivery_info == {
        "exchange": "e",
        "routing_key": "k",
        "priority": 5,
        "redelivered": False,
    }
    assert (delivery.queue, delivery.delivery_tag, delivery.delivery_count) == ("q", "1", 0)


def test_each_message_has_a_tag_of_its_own() -> None:
    one = publication()
    tags = {json.loads(encode(one))["properties"]["delivery_tag"] for _ in range(3)}
    assert len(tags) == 3


def test_bodies_may_be_plain_text() -> None:
    text = encode(publication("[1, \u00fc]".encode()), body_encoding="utf-8")
    assert json.loads(text)["body"] == "[1, \u00fc]"
    assert decode(text.encode(), queue="q", tag="1").body == "[1, \u00fc]".encode()


@pytest.mark.parametrize("body", [None, ""])
def test_a_body_may_be_missing(body: Any) -> None:
    message = {"body": body, "headers": None, "properties": {"delivery_tag": "1"}}
    assert decode(json.dumps(message).encode(), queue="q", tag="1").body == b""


def test_redelivery_is_marked_and_counted() -> None:
    raw = encode(publication(at=datetime.date(2026, 1, 2))).encode()
    once = mark_redelivered(raw, counted=False)
    assert json.loads(once)["headers"]["redelivered"] is True
    assert json.loads(once)["headers"]["at"]["__type__"] == "date"
    twice = mark_redelivered(mark_redelivered(once, counted=True), counted=True)
    delivery = decode(twice, queue="q", tag="1")
    assert delivery.delivery_info["redelivered"] is True
    assert delivery.delivery_count == 2
    assert decode(once, queue="q", tag="1").delivery_count == 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["body", "headers", "properties", "delivery_info", "x"]), inner
        )
    ),
    max_leaves=8,
)


@given(json_values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=50))
def test_nothing_in_a_queue_raises(raw: bytes) -> None:
    decode(raw, queue="q", tag="1")
    mark_redelivered(raw, counted=True)
