"""What the tests of the broker suite share: fixtures, and verbs that drive a consumer."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar, TypeAlias, TypeVar
from uuid import uuid4

import pytest
from kombu import Queue

from celery._broker.base import Action, Broker, Consumer, Publication, Settlement
from celery._broker.delivery import Delivery
from celery._message.envelope import Envelope

__all__ = [
    "BrokerKit",
    "BrokerOpener",
    "bodies",
    "consuming",
    "envelope",
    "run",
    "settle",
    "spawn",
    "take",
    "to_exchange",
    "to_queue",
]

R = TypeVar("R")

BrokerOpener: TypeAlias = Callable[[], Broker]

#: Seconds after which something that should have happened at once counts as not happening.
PATIENCE = 20.0

#: Seconds to listen before it is believed that nothing comes.
SILENCE = 0.3

_spawning = multiprocessing.get_context("spawn")


class BrokerKit:
    """What an adapter's subclass states, and the fixtures of every test."""

    #: Whether of two priorities the higher number is fetched first (AMQP) or the lower (Redis).
    higher_priority_first: ClassVar[bool] = True
    #: Whether other processes reach the same messages through the opener.
    spans_processes: ClassVar[bool] = True
    #: Whether `Delivery.delivery_count` is known, beside the mere redelivered mark.
    counts_deliveries: ClassVar[bool] = True
    #: Whether an ``auto_delete`` queue goes with its last consumer.
    deletes_unused_queues: ClassVar[bool] = True
    #: Whether `Broker.bindings` can know them.
    lists_bindings: ClassVar[bool] = True
    #: Seconds within which a killed consumer's messages are back, as the opener opens the broker.
    recovery_seconds: ClassVar[float] = 20.0

    @pytest.fixture
    def open_broker(self) -> BrokerOpener:
        """Override: what opens the broker. It must be picklable if the broker spans processes."""
        pytest.fail(f"{type(self).__name__} must override the fixture open_broker")

    @pytest.fixture
    def broker(self, open_broker: BrokerOpener) -> Iterator[Broker]:
        """An opened broker."""
        broker = open_broker()
        yield broker
        broker.close()

    @pytest.fixture
    def new_queue(self, broker: Broker) -> Iterator[Callable[..., Queue]]:
        """Makes declared queues with names of their own; they are deleted afterwards."""
        names: list[str] = []

        def make(**options: Any) -> Queue:
            queue = Queue(f"conformance.{uuid4().hex}", **options)
            names.append(queue.name)
            broker.declare([queue])
            return queue

        yield make
        for name in names:
            broker.delete_queue(name)

    @pytest.fixture
    def queue(self, new_queue: Callable[..., Queue]) -> Queue:
        """One declared queue, published to by its name."""
        return new_queue()


def envelope(body: bytes = b"[]", *, priority: int = 0, **headers: Any) -> Envelope:
    """A message as a task's would be."""
    return Envelope(
        body=body,
        content_type="application/json",
        content_encoding="utf-8",
        headers={"task": "conformance", "id": uuid4().hex, **headers},
        properties={"delivery_mode": 2, "priority": priority},
    )


def to_queue(queue: Queue, *bodies: bytes, priority: int = 0) -> list[Publication]:
    """Publications to the queue through the anonymous exchange."""
    return [
        Publication(envelope=envelope(body, priority=priority), routing_key=queue.name)
        for body in bodies
    ]


def to_exchange(queue: Queue, routing_key: str, body: bytes) -> Publication:
    """A publication to the exchange of the queue."""
    return Publication(
        envelope=envelope(body),
        exchange=queue.exchange.name,
        exchange_type=queue.exchange.type,
        routing_key=routing_key,
    )


def run(coroutine: Coroutine[Any, Any, R]) -> R:
    """Run to the end in a loop of its own, and not for ever."""

    async def limited() -> R:
        async with asyncio.timeout(6 * PATIENCE):
            return await coroutine

    return asyncio.run(limited())


@asynccontextmanager
async def consuming(
    broker: Broker, *queues: Queue, worker: str = "w1@conformance"
) -> AsyncIterator[Consumer]:
    """A started consumer on the queues, stopped at the end."""
    consumer = broker.consumer(worker=worker)
    try:
        await consumer.start()
        for queue in queues:
            await consumer.add_queue(queue)
        yield consumer
    finally:
        await consumer.stop()


async def take(consumer: Consumer, count: int, *, within: float = PATIENCE) -> list[Delivery]:
    """Fetch until there are `count` deliveries, or until the time is over."""
    deadline = time.monotonic() + within
    taken: list[Delivery] = []
    while len(taken) < count and (remaining := deadline - time.monotonic()) > 0:
        taken += await consumer.fetch(count - len(taken), remaining)
    return taken


async def settle(
    consumer: Consumer, action: Action, *deliveries: Delivery, until: float | None = None
) -> None:
    """One decision about all the deliveries."""
    await consumer.settle([Settlement(delivery, action, until) for delivery in deliveries])


def bodies(deliveries: list[Delivery]) -> list[bytes]:
    """Their bodies, in their order."""
    return [bytes(delivery.body) for delivery in deliveries]


def spawn(target: Callable[..., None], *args: Any) -> Any:
    """Start a process that has nothing of this one but the arguments."""
    process = _spawning.Process(target=target, args=args, daemon=True)
    process.start()
    return process
