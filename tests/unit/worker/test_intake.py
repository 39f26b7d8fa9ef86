"""Fetching within the limit and settling in batches, on the memory broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from kombu import Exchange, Queue

from celery._broker.base import Publication
from celery._broker.memory import MemoryBroker
from celery._message.envelope import Envelope
from celery.worker.consumer._intake import Intake, Prefetch

QUEUE = Queue("intake", Exchange("intake"), routing_key="intake")


class Bench:
    """An intake on a broker of its own."""

    def __init__(self, name: str, limit: int) -> None:
        self.broker = MemoryBroker(name)
        self.broker.purge(QUEUE.name)
        self.source = self.broker.consumer(worker="w1@h")
        self.received: list[Any] = []
        hub: Any = None
        self.qos = Prefetch(limit, on_change=lambda: self.intake.wake())
        self.intake = Intake(hub, self.source, self.qos, self.received.append)

    def publish(self, *bodies: bytes) -> None:
        self.broker.publish(
            [
                Publication(
                    envelope=Envelope(
                        body=body, content_type="text/plain", content_encoding="utf-8"
                    ),
                    routing_key=QUEUE.name,
                )
                for body in bodies
            ]
        )

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0)

    async def running(self, test: Callable[[], Any]) -> None:
        await self.source.start()
        await self.intake.add_queue(QUEUE)
        tasks = [asyncio.ensure_future(self.intake.consume())]
        tasks.append(asyncio.ensure_future(self.intake.settle()))
        try:
            await test()
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
            await self.source.stop()


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.node.name, limit=2)


def test_no_more_than_the_limit_is_unsettled(bench: Bench) -> None:
    async def test() -> None:
        bench.publish(b"1", b"2", b"3", b"4")
        await bench.until(lambda: len(bench.received) == 2)
        await asyncio.sleep(0.01)
        assert [d.body for d in bench.received] == [b"1", b"2"]
        assert bench.broker.length(QUEUE.name) == 2
        bench.received[0].ack()
        await bench.until(lambda: len(bench.received) == 3)
        assert bench.intake.unsettled == 2
        bench.qos.set(3)
        await bench.until(lambda: len(bench.received) == 4)

    asyncio.run(bench.running(test))


def test_what_is_left_goes_back_when_the_source_stops(bench: Bench) -> None:
    async def test() -> None:
        bench.publish(b"1", b"2")
        await bench.until(lambda: len(bench.received) == 2)
        bench.received[1].ack()
        await bench.until(lambda: not bench.intake.undelivered)

    asyncio.run(bench.running(test))
    assert bench.broker.length(QUEUE.name) == 1


def test_decisions_of_one_turn_are_one_call(bench: Bench, monkeypatch: Any) -> None:
    calls: list[int] = []
    settle = bench.source.settle

    async def counted(settlements: Any) -> None:
        calls.append(len(settlements))
        await settle(settlements)

    monkeypatch.setattr(bench.source, "settle", counted)

    async def test() -> None:
        bench.publish(b"1", b"2")
        await bench.until(lambda: len(bench.received) == 2)
        for delivery in bench.received:
            delivery.ack()
        await bench.until(lambda: not bench.intake.undelivered)

    asyncio.run(bench.running(test))
    assert calls == [2]


def test_what_could_not_be_settled_is_kept_for_the_next_connection(
    bench: Bench, monkeypatch: Any
) -> None:
    settle = bench.source.settle

    async def broken(settlements: Any) -> None:
        raise ConnectionError("lost")

    async def test() -> None:
        await bench.source.start()
        await bench.intake.add_queue(QUEUE)
        bench.publish(b"1")
        consuming = asyncio.ensure_future(bench.intake.consume())
        await bench.until(lambda: bench.received)
        consuming.cancel()
        monkeypatch.setattr(bench.source, "settle", broken)
        bench.received[0].ack()
        with pytest.raises(ConnectionError):
            await bench.intake.settle()
        assert bench.intake.undelivered == 1
        monkeypatch.setattr(bench.source, "settle", settle)
        await bench.intake.flush()
        assert bench.intake.undelivered == 0
        await bench.source.stop()

    asyncio.run(test())
    assert bench.broker.length(QUEUE.name) == 0


def test_a_cancelled_queue_is_fetched_from_no_more(bench: Bench) -> None:
    async def test() -> None:
        assert bench.intake.consuming_from("intake")
        await bench.intake.cancel_by_queue("intake")
        assert not bench.intake.consuming_from(QUEUE)
        assert bench.intake.queues == []
        bench.publish(b"1")
        await asyncio.sleep(0.01)
        assert bench.received == []

    asyncio.run(bench.running(test))


def test_the_ceiling_of_the_limit() -> None:
    qos = Prefetch(4, maximum=5)
    qos.increment_eventually(3)
    assert qos.value == 5
    qos.increment_eventually()
    assert qos.value == 5
    qos.decrement_eventually(10)
    assert qos.value == 1
