"""The part of the broker suite about exchanges, bindings, and queues that come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import uuid4

import pytest
from kombu import Exchange, Queue, binding

from celery._broker.base import Action, Broker, Publication
from celery.contrib.testing.conformance._broker_kit import (
    SILENCE,
    BrokerKit,
    bodies,
    consuming,
    envelope,
    run,
    settle,
    take,
    to_exchange,
    to_queue,
)

__all__ = ["TopologyTests"]


class TopologyTests(BrokerKit):
    """Exchanges, bindings, and queues that come and go."""

    def receive(self, broker: Broker, *queues: Queue) -> list[list[bytes]]:
        """What lies in each queue."""

        async def drain(queue: Queue) -> list[bytes]:
            async with consuming(broker, queue) as consumer:
                got = await take(consumer, 100, within=SILENCE)
                await settle(consumer, Action.ACK, *got)
                return bodies(got)

        return [run(drain(queue)) for queue in queues]

    def exchange(self, broker: Broker, kind: str) -> Exchange:
        """A new exchange."""
        if kind not in broker.capabilities.exchange_types:
            pytest.skip(f"the broker has no {kind} exchanges")
        return Exchange(f"conformance.{uuid4().hex}", type=kind, auto_delete=True)

    def test_direct(self, broker: Broker, new_queue: Callable[..., Queue]) -> None:
        exchange = self.exchange(broker, "direct")
        a, b = (new_queue(exchange=exchange, routing_key="k") for _ in range(2))
        other = new_queue(exchange=exchange, routing_key="other")
        broker.publish([to_exchange(a, key, key.encode()) for key in ("k", "other", "none")])
        assert self.receive(broker, a, b, other) == [[b"k"], [b"k"], [b"other"]]

    def test_topic(self, broker: Broker, new_queue: Callable[..., Queue]) -> None:
        exchange = self.exchange(broker, "topic")
        patterns = ("a.b", "a.*", "a.#", "#", "*.b")
        queues = [new_queue(exchange=exchange, routing_key=pattern) for pattern in patterns]
        keys = ("a.b", "a.c", "a.b.c", "x.b", "ab")
        broker.publish([to_exchange(queues[0], key, key.encode()) for key in keys])
        assert self.receive(broker, *queues) == [
            [b"a.b"],
            [b"a.b", b"a.c"],
            [b"a.b", b"a.c", b"a.b.c"],
            [b"a.b", b"a.c", b"a.b.c", b"x.b", b"ab"],
            [b"a.b", b"x.b"],
        ]

    def test_fanout(self, broker: Broker, new_queue: Callable[..., Queue]) -> None:
        if not broker.capabilities.fanout:
            pytest.skip("the broker has no fanout")
        exchange = self.exchange(broker, "fanout")
        queues = [new_queue(exchange=exchange) for _ in range(3)]

        async def scenario() -> None:
            # All listen while it is published: fanout need not be kept for the absent.
            async with (
                consuming(broker, queues[0]) as first,
                consuming(broker, queues[1], worker="w2@conformance") as second,
                consuming(broker, queues[2], worker="w3@conformance") as third,
            ):
                await asyncio.to_thread(broker.publish, [to_exchange(queues[0], "", b"all")])
                for consumer in (first, second, third):
                    got = await take(consumer, 1)
                    assert bodies(got) == [b"all"]
                    await settle(consumer, Action.ACK, *got)

        run(scenario())

    def test_several_bindings_bring_one_copy(
        self, broker: Broker, new_queue: Callable[..., Queue]
    ) -> None:
        exchange = self.exchange(broker, "topic")
        keys = ("red.#", "red.apple", "green")
        queue = new_queue(bindings=[binding(exchange, routing_key=key) for key in keys])
        broker.publish(
            [
                Publication(
                    envelope=envelope(key.encode()),
                    exchange=exchange.name,
                    exchange_type="topic",
                    routing_key=key,
                )
                for key in ("red.apple", "green", "blue")
            ]
        )
        assert self.receive(broker, queue) == [[b"red.apple", b"green"]]

    def test_bindings_are_listed_until_the_queue_is_deleted(
        self, broker: Broker, new_queue: Callable[..., Queue]
    ) -> None:
        if not self.lists_bindings:
            pytest.skip("the broker does not list its bindings")
        exchange = self.exchange(broker, "direct")
        queue = new_queue(exchange=exchange, routing_key="k")
        keeper = new_queue(exchange=exchange, routing_key="kept")
        broker.declare([queue, queue])
        row = (queue.name, exchange.name, "k")
        assert broker.bindings().count(row) == 1
        broker.publish(to_queue(queue, b"1"))
        broker.delete_queue(queue.name)
        broker.delete_queue(queue.name)
        assert row not in broker.bindings()
        broker.declare([queue])
        assert broker.length(queue.name) == 0
        broker.publish([to_exchange(queue, "k", b"2"), to_exchange(keeper, "kept", b"3")])
        assert self.receive(broker, queue, keeper) == [[b"2"], [b"3"]]

    def test_an_auto_delete_queue_goes_with_its_last_consumer(
        self, broker: Broker, new_queue: Callable[..., Queue]
    ) -> None:
        if not (self.deletes_unused_queues and self.lists_bindings):
            pytest.skip("the broker keeps unused queues, or does not show them")
        exchange = self.exchange(broker, "direct")
        queue = new_queue(exchange=exchange, routing_key="k", auto_delete=True)
        row = (queue.name, exchange.name, "k")

        async def scenario() -> None:
            async with consuming(broker, queue) as first:
                async with consuming(broker, queue, worker="w2@conformance"):
                    pass
                assert row in broker.bindings()
                await first.cancel_queue(queue.name)
                assert row not in broker.bindings()

        run(scenario())
