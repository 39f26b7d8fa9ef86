"""The parts of the consumer over kombu that need no broker."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from celery._broker._kombu_message import Tag, to_delivery
from celery._broker._kombu_session import Lane


class FakeChannel:
    """Does to a set of tags what AMQP does."""

    def __init__(self) -> None:
        self.held: set[Any] = set()
        self.calls = 0

    def basic_ack(self, tag: Any, multiple: bool = False) -> None:
        self.calls += 1
        gone = {t for t in self.held if t <= tag} if multiple else {tag}
        assert gone <= self.held
        self.held -= gone

    def basic_reject(self, tag: Any, requeue: bool) -> None:
        assert tag in self.held
        self.held.discard(tag)


def lane_with(count: int, *, ordered: bool = True) -> tuple[Lane, FakeChannel]:
    channel = FakeChannel()
    lane = Lane(channel, shared=False, ordered=ordered)
    for tag in range(1, count + 1):
        name: Any = tag if ordered else f"tag-{tag}"
        channel.held.add(name)
        lane.receive(name, settled=False)
    return lane, channel


@given(st.lists(st.sets(st.integers(1, 12)), max_size=5))
def test_acknowledges_what_it_is_told_and_nothing_else(batches: list[set[int]]) -> None:
    lane, channel = lane_with(12)
    for batch in batches:
        expected = channel.held - batch
        lane.acknowledge(batch & lane.unsettled.keys())
        assert channel.held == expected == set(lane.unsettled)


def test_the_oldest_are_acknowledged_together() -> None:
    lane, channel = lane_with(100)
    lane.acknowledge(set(range(1, 91)))
    assert channel.calls == 1
    lane.acknowledge({91, 93})
    assert channel.calls == 3


def test_a_message_that_comes_again_under_its_tag_is_another_delivery() -> None:
    lane, channel = lane_with(1, ordered=False)
    (first,) = lane.unsettled
    lane.reject(first, requeue=True)
    channel.held.add("tag-1")
    second = lane.receive("tag-1", settled=False)
    assert second != first
    assert list(lane.unsettled) == [second]


class FakeMessage:
    errors: list[Any] = []
    body: Any = "[]"
    content_type = "application/json"
    content_encoding = "utf-8"
    headers: dict[str, Any] = {"id": "1", "compression": "application/x-gzip"}
    properties: dict[str, Any] = {
        "correlation_id": "1",
        "delivery_tag": "t",
        "body_encoding": "base64",
        "application_headers": {},
    }
    delivery_info: dict[str, Any] = {"exchange": "", "routing_key": "q"}


TAG = Tag(1, 0, 1)


def test_a_message_of_kombu_becomes_a_delivery() -> None:
    delivery = to_delivery(FakeMessage(), queue="q", tag=TAG)
    assert delivery.body == b"[]"
    assert delivery.payload == []  # kombu has decompressed it
    assert delivery.properties == {"correlation_id": "1"}
    assert delivery.delivery_info["routing_key"] == "q"
    assert (delivery.delivery_count, delivery.delivery_info["redelivered"]) == (0, False)


def test_how_often_it_was_delivered() -> None:
    again, quorum, virtual, copy = (FakeMessage() for _ in range(4))
    again.delivery_info = quorum.delivery_info = {"redelivered": True}
    quorum.headers = copy.headers = {"x-delivery-count": 3}
    virtual._raw = {"redelivered": True}  # type: ignore[attr-defined]  # as virtual transports do
    deliveries = [to_delivery(m, queue="q", tag=TAG) for m in (again, quorum, virtual, copy)]
    assert [d.delivery_count for d in deliveries] == [1, 3, 1, 0]
    assert [d.delivery_info["redelivered"] for d in deliveries] == [True, True, True, False]
