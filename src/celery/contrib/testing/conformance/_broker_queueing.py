"""The part of the broker suite about the way from publish to fetch."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TypeAlias

import pytest
from kombu import Queue

from celery._broker.base import Action, Broker, Publication
from celery._broker.delivery import Delivery
from celery._message.envelope import Envelope
from celery.contrib.testing.conformance._broker_kit import (
    SILENCE,
    BrokerKit,
    bodies,
    consuming,
    run,
    settle,
    take,
    to_queue,
)

__all__ = ["QueueingTests"]

NewQueue: TypeAlias = Callable[..., Queue]


class QueueingTests(BrokerKit):
    """From publish to fetch."""

    def test_messages_come_as_they_were_published(self, broker: Broker, queue: Queue) -> None:
        sent = Envelope(
            body=bytes(range(256)),
            content_type="application/data",
            content_encoding="binary",
            headers={"task": "t", "id": "1", "nested": {"a": [1, None, "ü"]}, "eta": None},
            properties={"correlation_id": "1", "reply_to": "r", "delivery_mode": 2, "priority": 0},
        )
        broker.publish([Publication(envelope=sent, routing_key=queue.name)])

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                (got,) = await take(consumer, 1)
                assert bytes(got.body) == sent.body
                assert got.content_type == sent.content_type
                assert got.content_encoding == sent.content_encoding
                assert got.headers.items() >= dict(sent.headers).items()
                assert got.properties.items() >= dict(sent.properties).items()
                assert got.queue == queue.name
                assert got.delivery_info["exchange"] == ""
                assert got.delivery_info["routing_key"] == queue.name
                assert not got.delivery_info["redelivered"]
                assert got.delivery_count == 0
                await settle(consumer, Action.ACK, got)

        run(scenario())

    def test_first_in_first_out(self, broker: Broker, queue: Queue) -> None:
        wanted = [b"%d" % n for n in range(2000)]
        broker.publish(to_queue(queue, *wanted[:1990]))  # many at once ...
        for body in wanted[1990:]:  # ... and one by one
            broker.publish(to_queue(queue, body))

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                got = await take(consumer, len(wanted))
                assert bodies(got) == wanted
                await settle(consumer, Action.ACK, *got)

        run(scenario())

    def test_priority_goes_before_age(self, broker: Broker, new_queue: NewQueue) -> None:
        if not broker.capabilities.priorities:
            pytest.skip("the broker has no priorities")
        queue = new_queue(max_priority=10)
        for priority in (3, 9, 0, 9, 6):
            body = b"%d" % priority
            broker.publish(to_queue(queue, body, priority=priority))

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                got = await take(consumer, 5)
                order = sorted([3, 9, 0, 9, 6], reverse=self.higher_priority_first)
                assert [int(body) for body in bodies(got)] == order
                await settle(consumer, Action.ACK, *got)

        run(scenario())

    def test_a_big_message(self, broker: Broker, queue: Queue) -> None:
        body = b"0123456789abcdef" * (5 * 2**20 // 16)
        broker.publish(to_queue(queue, body, b"small"))

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                big, small = await take(consumer, 2)
                assert (bytes(big.body), bytes(small.body)) == (body, b"small")
                await settle(consumer, Action.ACK, big, small)

        run(scenario())

    def test_fetch_takes_no_more_than_asked_for(self, broker: Broker, queue: Queue) -> None:
        broker.publish(to_queue(queue, b"1", b"2", b"3", b"4", b"5"))

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                seen: list[Delivery] = []
                while len(seen) < 5:
                    batch = await consumer.fetch(2, 5.0)
                    assert 1 <= len(batch) <= 2
                    seen += batch
                await settle(consumer, Action.ACK, *seen)

        run(scenario())

    def test_fetch_waits_as_long_as_asked_for(self, broker: Broker, queue: Queue) -> None:
        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                for timeout in (0.0, 0.3):
                    began = time.monotonic()
                    assert await consumer.fetch(1, timeout) == []
                    assert timeout * 0.9 <= time.monotonic() - began < timeout + 2.0

        run(scenario())

    def test_a_waiting_fetch_gets_what_another_thread_publishes(
        self, broker: Broker, queue: Queue
    ) -> None:
        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                for n in range(3):
                    fetch = asyncio.create_task(consumer.fetch(1, 10.0))
                    await asyncio.sleep(SILENCE)  # The fetch is to be idle by then.
                    assert not fetch.done()
                    began = time.monotonic()
                    await asyncio.to_thread(broker.publish, to_queue(queue, b"%d" % n))
                    got = await fetch
                    assert bodies(got) == [b"%d" % n]
                    assert time.monotonic() - began < 1.0
                    await settle(consumer, Action.ACK, *got)

        run(scenario())

    def test_a_cancelled_fetch_loses_nothing(self, broker: Broker, queue: Queue) -> None:
        wanted = [b"%d" % n for n in range(20)]

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                got = []
                for n, body in enumerate(wanted):
                    fetch = asyncio.create_task(consumer.fetch(1, 10.0))
                    await asyncio.sleep(0)
                    await asyncio.to_thread(broker.publish, to_queue(queue, body))
                    await asyncio.sleep(0.002 * (n % 5))  # Hit it at different points.
                    fetch.cancel()
                    (result,) = await asyncio.gather(fetch, return_exceptions=True)
                    got += result if isinstance(result, list) else []
                got += await take(consumer, len(wanted) - len(got))
                assert sorted(bodies(got)) == sorted(wanted)
                await settle(consumer, Action.ACK, *got)

        run(scenario())

    def test_threads_publish_at_once(self, broker: Broker, queue: Queue) -> None:
        def publish(thread: int) -> None:
            for n in range(50):
                broker.publish(to_queue(queue, b"%d.%d" % (thread, n)))

        threads = [threading.Thread(target=publish, args=(t,)) for t in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                got = await take(consumer, 200)
                for t in range(4):
                    mine = [body for body in bodies(got) if body.startswith(b"%d." % t)]
                    assert mine == [b"%d.%d" % (t, n) for n in range(50)]
                await settle(consumer, Action.ACK, *got)

        run(scenario())

    def test_queues_come_and_go_while_it_runs(self, broker: Broker, new_queue: NewQueue) -> None:
        one, two = new_queue(), new_queue()

        async def scenario() -> None:
            async with consuming(broker, one) as consumer:
                fetch = asyncio.create_task(consumer.fetch(1, 10.0))
                broker.publish(to_queue(two, b"two"))
                await consumer.add_queue(two)
                got = await fetch
                assert [(d.queue, bytes(d.body)) for d in got] == [(two.name, b"two")]
                await consumer.cancel_queue(two.name)
                await consumer.cancel_queue("conformance.never-heard-of")
                broker.publish([*to_queue(two, b"nobody"), *to_queue(one, b"one")])
                got += await take(consumer, 2, within=2 * SILENCE)
                assert bodies(got) == [b"two", b"one"]
                await settle(consumer, Action.ACK, *got)

        run(scenario())

    def test_a_full_queue_starves_no_other(self, broker: Broker, new_queue: NewQueue) -> None:
        full, other = new_queue(), new_queue()
        broker.publish(to_queue(full, *[b"full"] * 300))

        async def scenario() -> None:
            async with consuming(broker, full, other) as consumer:
                broker.publish(to_queue(other, b"other"))
                for _ in range(60):
                    got = await consumer.fetch(4, 5.0)
                    await settle(consumer, Action.ACK, *got)
                    if b"other" in bodies(got):
                        return
                pytest.fail("240 messages of one queue before one of the other")

        run(scenario())

    def test_length_and_purge(self, broker: Broker, queue: Queue) -> None:
        assert broker.length(queue.name) == 0
        broker.publish(to_queue(queue, b"1", b"2", b"3"))
        assert broker.length(queue.name) == 3
        assert broker.purge(queue.name) == 3
        assert broker.length(queue.name) == 0
        assert broker.purge(queue.name) == 0

    def test_it_can_be_used_again_after_close(self, broker: Broker, queue: Queue) -> None:
        broker.connect()
        broker.publish(to_queue(queue, b"1"))
        broker.close()
        broker.close()
        broker.publish(to_queue(queue, b"2"))
        assert broker.length(queue.name) == 2
        assert broker.as_uri().startswith(broker.as_uri().partition("://")[0] + "://")
