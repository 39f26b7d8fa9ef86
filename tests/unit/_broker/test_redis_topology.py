"""Kombu's queues as members of binding tables."""

from __future__ import annotations

import pytest
from kombu import Exchange, Queue, binding

from celery._broker._redis_topology import Binding, binding_ttl_ms, describe, matching_queues

SEP = "\x06\x16"


def test_a_queue_with_several_bindings() -> None:
    topic, direct = Exchange("t", type="topic"), Exchange("d", type="direct")
    queue = Queue(
        "q",
        topic,
        routing_key="a.*",
        bindings=[binding(direct, routing_key="k"), binding(topic, routing_key="a.*")],
        auto_delete=True,
    )
    spec = describe(queue)
    assert set(spec.bindings) == {
        Binding("t", "topic", "a.*", r"^a\.[^\.]+$"),
        Binding("d", "direct", "k", None),
    }
    assert spec.stored
    assert spec.auto_delete
    assert spec.fanouts == ()


def test_a_queue_of_the_anonymous_exchange_has_no_bindings() -> None:
    assert describe(Queue("q")).bindings == ()
    assert describe(Queue("q", Exchange(""), routing_key="q")).bindings == ()
    assert describe(Queue("q")).stored


def test_fanout_queues_lie_nowhere() -> None:
    spec = describe(Queue("q", Exchange("f", type="fanout")))
    assert not spec.stored
    assert [b.exchange for b in spec.fanouts] == ["f"]


def test_unknown_exchange_types_are_refused() -> None:
    with pytest.raises(ValueError, match="headers"):
        describe(Queue("q", Exchange("h", type="headers")))


def test_expiry_in_either_wording() -> None:
    assert describe(Queue("q", expires=1.5)).expires_ms == 1500
    assert describe(Queue("q", queue_arguments={"x-expires": 700})).expires_ms == 700
    assert describe(Queue("q")).expires_ms is None
    assert binding_ttl_ms(1000) == 3_600_000
    assert binding_ttl_ms(3_600_000) == 7_200_000


def test_routes_of_any_type_of_exchange() -> None:
    members = [
        f"k{SEP}{SEP}direct",
        f"k{SEP}{SEP}again",
        f"k.*{SEP}^k\\.[^\\.]+${SEP}topic",
        f"#{SEP}^.*?${SEP}all",
        f"k{SEP}{SEP}",
    ]
    assert matching_queues(members, SEP, "k") == ["direct", "again", "all"]
    assert matching_queues(members, SEP, "k.x") == ["topic", "all"]
