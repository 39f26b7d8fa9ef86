"""The part of the broker suite about what becomes of deliveries."""

from __future__ import annotations

import time

import pytest
from kombu import Queue

from celery._broker.base import Action, Broker, Publication, Settlement
from celery.contrib.testing.conformance._broker_kit import (
    SILENCE,
    BrokerKit,
    bodies,
    consuming,
    envelope,
    run,
    settle,
    take,
    to_queue,
)

__all__ = ["SettlingTests"]


class SettlingTests(BrokerKit):
    """What becomes of deliveries."""

    @pytest.mark.parametrize("action", [Action.ACK, Action.REJECT])
    def test_what_is_acknowledged_or_rejected_is_gone(
        self, broker: Broker, queue: Queue, action: Action
    ) -> None:
        broker.publish(to_queue(queue, b"1", b"2"))

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                await settle(consumer, action, *await take(consumer, 2))
            async with consuming(broker, queue, worker="w2@conformance") as consumer:
                assert await consumer.fetch(1, SILENCE) == []

        run(scenario())

    def test_a_requeued_message_comes_again_at_the_end(self, broker: Broker, queue: Queue) -> None:
        broker.publish(to_queue(queue, b"1", b"2"))

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                (first,) = await take(consumer, 1)
                await settle(consumer, Action.REQUEUE, first)
                got = await take(consumer, 2)
                assert sorted(bodies(got)) == [b"1", b"2"]
                (again,) = [d for d in got if bytes(d.body) == b"1"]
                assert again.delivery_info["redelivered"]
                if self.counts_deliveries:
                    assert bodies(got) == [b"2", b"1"]
                    assert [d.delivery_count for d in got] == [0, 1]
                await settle(consumer, Action.ACK, *got)

        run(scenario())

    def test_a_parked_message_comes_when_it_is_time(self, broker: Broker, queue: Queue) -> None:
        if not broker.capabilities.parks:
            pytest.skip("the broker does not park")
        broker.publish(to_queue(queue, b"later", b"now"))

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                later, now = await take(consumer, 2)
                until = time.time() + 1.0
                await settle(consumer, Action.PARK, later, until=until)
                await settle(consumer, Action.ACK, now)
                assert broker.length(queue.name) == 0
                (got,) = await take(consumer, 1)
                assert bytes(got.body) == b"later"
                assert until - 0.01 <= time.time() < until + 2.0
                await settle(consumer, Action.ACK, got)

        run(scenario())

    def test_a_message_may_be_published_for_later(self, broker: Broker, queue: Queue) -> None:
        if not broker.capabilities.parks:
            pytest.skip("the broker does not park")
        until = time.time() + 0.8
        later = Publication(envelope=envelope(b"1"), routing_key=queue.name, not_before=until)
        broker.publish([later, *to_queue(queue, b"0")])
        assert broker.length(queue.name) == 1

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                got = await take(consumer, 2)
                assert bodies(got) == [b"0", b"1"]
                assert until - 0.01 <= time.time() < until + 2.0
                await settle(consumer, Action.ACK, *got)

        run(scenario())

    def test_a_parked_message_outlives_its_consumer(self, broker: Broker, queue: Queue) -> None:
        if not broker.capabilities.parks:
            pytest.skip("the broker does not park")
        broker.publish(to_queue(queue, b"1", b"2"))

        async def scenario() -> None:
            until = time.time() + 0.5
            async with consuming(broker, queue) as consumer:
                await settle(consumer, Action.PARK, *await take(consumer, 2), until=until)
            async with consuming(broker, queue, worker="w2@conformance") as consumer:
                got = await take(consumer, 2)
                assert sorted(bodies(got)) == [b"1", b"2"]
                assert time.time() >= until - 0.01
                await settle(consumer, Action.ACK, *got)

        run(scenario())

    def test_settling_twice_settles_once(self, broker: Broker, queue: Queue) -> None:
        broker.publish(to_queue(queue, b"1", b"2"))

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                one, two = await take(consumer, 2)
                await settle(consumer, Action.ACK, one)
                await settle(consumer, Action.ACK, one)
                await settle(consumer, Action.REQUEUE, one)
                await settle(consumer, Action.REQUEUE, two)
                await settle(consumer, Action.ACK, two)  # It is in the queue, not held.
                (again,) = await take(consumer, 1)
                assert bytes(again.body) == b"2"
                await settle(consumer, Action.ACK, two)  # Nor is this the delivery that is held.
                await settle(consumer, Action.REQUEUE, again)
                (last,) = await take(consumer, 1)
                assert bytes(last.body) == b"2"
                await settle(consumer, Action.ACK, last)
                assert await consumer.fetch(1, SILENCE) == []

        run(scenario())

    def test_many_decisions_at_once(self, broker: Broker, queue: Queue) -> None:
        actions = [Action.ACK, Action.REJECT, Action.REQUEUE]
        broker.publish(to_queue(queue, *[b"%d" % n for n in range(99)]))

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                got = await take(consumer, 99)
                await consumer.settle([Settlement(d, actions[n % 3]) for n, d in enumerate(got)])
                again = await take(consumer, 33)
                assert sorted(bodies(again)) == sorted(b"%d" % n for n in range(2, 99, 3))
                await settle(consumer, Action.ACK, *again)
                assert await consumer.fetch(1, SILENCE) == []

        run(scenario())

    def test_stop_returns_what_is_unsettled_to_the_front(
        self, broker: Broker, queue: Queue
    ) -> None:
        broker.publish(to_queue(queue, b"1", b"2", b"3"))

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                held = await take(consumer, 2)
                await consumer.stop()
                await settle(consumer, Action.ACK, *held)  # Too late: it is not held any more.
            async with consuming(broker, queue, worker="w2@conformance") as consumer:
                got = await take(consumer, 3)
                assert bodies(got) == [b"1", b"2", b"3"]
                assert all(d.delivery_info["redelivered"] for d in got[:2])
                if self.counts_deliveries:
                    assert [d.delivery_count for d in got] == [0, 0, 0]
                await settle(consumer, Action.ACK, *got)

        run(scenario())

    def test_start_and_stop_are_safe_twice(self, broker: Broker, queue: Queue) -> None:
        broker.publish(to_queue(queue, b"1"))

        async def scenario() -> None:
            consumer = broker.consumer(worker="w1@conformance")
            await consumer.stop()
            await consumer.start()
            await consumer.start()
            await consumer.add_queue(queue)
            await consumer.add_queue(queue)
            await settle(consumer, Action.ACK, *await take(consumer, 1))
            await consumer.stop()
            await consumer.stop()

        run(scenario())
        assert broker.length(queue.name) == 0
