"""The in-process broker: ``memory://name``, for tests and for programs of one process.

All brokers of one name in a process share their messages, whatever the thread or asyncio loop. The
messages are those of the process: they end with it, and a fork gives the child a copy of its own.

Order within a queue: the higher priority first (AMQP's meaning), then as published.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from celery._broker._topology import EXCHANGE_TYPES, Binding, bindings_of, route
from celery._broker.base import Action, Broker, Capabilities, Consumer, Publication, Settlement
from celery._broker.delivery import Delivery

if TYPE_CHECKING:
    from kombu import Queue

    from celery._broker.options import BrokerOptions
    from celery._message.envelope import Envelope

__all__ = ["MemoryBroker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """One message in one queue; `place` is its position there."""

    place: int
    queue: str
    envelope: Envelope
    exchange: str
    routing_key: str
    redelivered: bool = False
    deliveries: int = 0

    @property
    def order(self) -> tuple[int, int]:
        return (-self.envelope.priority, self.place)


class _Space:
    """What the brokers of one name share. Its methods are atomic."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._places = count(1)
        self._ready: defaultdict[str, list[tuple[tuple[int, int], _Message]]] = defaultdict(list)
        self._parked: list[tuple[float, int, _Message]] = []
        self._bindings: dict[Binding, None] = {}
        self._temporary: set[str] = set()
        self._consumers: defaultdict[str, set[object]] = defaultdict(set)
        self._wakers: dict[object, Callable[[], None]] = {}

    def publish(self, publications: Iterable[Publication]) -> None:
        with self.lock:
            for item in publications:
                for queue in self._targets(item):
                    message = _Message(
                        place=next(self._places),
                        queue=queue,
                        envelope=item.envelope,
                        exchange=item.exchange,
                        routing_key=item.routing_key,
                    )
                    if item.not_before is None:
                        self._put(message)
                    else:
                        self._park(message, item.not_before)
            self._wake()

    def declare(self, queue: Queue) -> None:
        with self.lock:
            self._bindings.update(dict.fromkeys(bindings_of(queue)))
            self._ready[queue.name]
            if queue.auto_delete or queue.exclusive:
                self._temporary.add(queue.name)

    def bindings(self) -> list[Binding]:
        with self.lock:
            return list(self._bindings)

    def length(self, queue: str) -> int:
        with self.lock:
            self._ripen()
            return len(self._ready.get(queue, ()))

    def purge(self, queue: str) -> int:
        with self.lock:
            parked = [entry for entry in self._parked if entry[2].queue != queue]
            purged = len(self._parked) - len(parked)
            heapq.heapify(parked)
            self._parked = parked
            return purged + len(self._ready.pop(queue, ()))

    def delete(self, queue: str) -> None:
        with self.lock:
            self.purge(queue)
            self._temporary.discard(queue)
            self._bindings = {b: None for b in self._bindings if b.queue != queue}

    def take(self, queues: Iterable[str], limit: int) -> tuple[list[_Message], float | None]:
        """Up to `limit` ready messages, and when the next parked one is due (epoch seconds)."""
        with self.lock:
            self._ripen()
            taken: list[_Message] = []
            for queue in queues:
                heap = self._ready.get(queue)
                while heap and len(taken) < limit:
                    taken.append(heapq.heappop(heap)[1])
            return taken, self._parked[0][0] if self._parked else None

    def give_back(self, messages: Iterable[_Message]) -> None:
        """Undelivered after all: back to the place they had."""
        with self.lock:
            for message in messages:
                self._put(replace(message, redelivered=True))
            self._wake()

    def settle(self, decisions: Iterable[tuple[_Message, Settlement]]) -> None:
        with self.lock:
            for message, settlement in decisions:
                if settlement.action is Action.REQUEUE:
                    self._put(
                        replace(
                            message,
                            place=next(self._places),
                            redelivered=True,
                            deliveries=message.deliveries + 1,
                        )
                    )
                elif settlement.action is Action.PARK:
                    self._park(message, settlement.until or 0.0)
            self._wake()

    def enter(self, queue: str, consumer: object) -> None:
        with self.lock:
            self._consumers[queue].add(consumer)

    def leave(self, queue: str, consumer: object) -> None:
        with self.lock:
            consumers = self._consumers[queue]
            consumers.discard(consumer)
            if not consumers and queue in self._temporary:
                self.delete(queue)

    def on_change(self, consumer: object, wake: Callable[[], None] | None) -> None:
        """Call `wake` (thread-safe, quick) whenever there may be something to take."""
        with self.lock:
            if wake is None:
                self._wakers.pop(consumer, None)
            else:
                self._wakers[consumer] = wake

    def _targets(self, item: Publication) -> list[str]:
        if not item.exchange:
            return [item.routing_key]
        bindings = [b for b in self._bindings if b.exchange == item.exchange]
        if not bindings:
            return []
        return route(
            bindings[0].type, [(b.queue, b.routing_key) for b in bindings], item.routing_key
        )

    def _put(self, message: _Message) -> None:
        heapq.heappush(self._ready[message.queue], (message.order, message))

    def _park(self, message: _Message, until: float) -> None:
        heapq.heappush(self._parked, (until, message.place, message))

    def _ripen(self) -> None:
        now = time.time()
        while self._parked and self._parked[0][0] <= now:
            self._put(heapq.heappop(self._parked)[2])

    def _wake(self) -> None:
        for wake in self._wakers.values():
            wake()


class MemoryBroker(Broker):
    """One name's messages in this process.

    Args:
        name: what follows ``memory://``; brokers of one name share everything.
    """

    driver_type = "memory"
    capabilities = Capabilities(leases=False, exchange_types=EXCHANGE_TYPES)

    def __init__(self, name: str = "") -> None:
        self.name = name
        with _registry_lock:
            self._space = _spaces.setdefault(name, _Space())

    @classmethod
    def open(cls, url: str | None, options: BrokerOptions) -> MemoryBroker:
        """The broker of a ``memory://[name]`` URL; it has no options."""
        return cls((url or "").partition("://")[2].strip("/"))

    def connect(self) -> None:
        """Always connected."""

    def close(self) -> None:
        """Keeps the messages: they belong to the process."""

    def as_uri(self, *, include_password: bool = False) -> str:
        return f"memory://{self.name}"

    def publish(self, publications: Sequence[Publication]) -> None:
        self._space.publish(publications)

    def declare(self, queues: Iterable[Queue]) -> None:
        for queue in queues:
            self._space.declare(queue)

    def length(self, queue: str) -> int:
        return self._space.length(queue)

    def purge(self, queue: str) -> int:
        return self._space.purge(queue)

    def delete_queue(self, queue: str) -> None:
        self._space.delete(queue)

    def bindings(self) -> list[tuple[str, str, str]]:
        return [(b.queue, b.exchange, b.routing_key) for b in self._space.bindings()]

    def consumer(self, *, worker: str, prefetch: int = 0) -> MemoryConsumer:
        return MemoryConsumer(self._space)


class MemoryConsumer(Consumer):
    """Takes from the shared space, and gives back at the end what it did not settle."""

    def __init__(self, space: _Space) -> None:
        self._space = space
        self._queues: deque[str] = deque()
        self._held: dict[int, _Message] = {}
        self._tags = count(1)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._space.on_change(self, self._wake)

    async def stop(self) -> None:
        self._space.on_change(self, None)
        self._loop = None
        held, self._held = self._held, {}
        self._space.give_back(held.values())
        for name in list(self._queues):
            await self.cancel_queue(name)
        self._changed.set()

    async def add_queue(self, queue: Queue) -> None:
        self._space.declare(queue)
        if queue.name not in self._queues:
            self._queues.append(queue.name)
            self._space.enter(queue.name, self)
        self._changed.set()

    async def cancel_queue(self, name: str) -> None:
        if name in self._queues:
            self._queues.remove(name)
            self._space.leave(name, self)

    async def fetch(self, limit: int, timeout: float) -> list[Delivery]:
        deadline = time.monotonic() + timeout
        while self._loop is not None:
            self._changed.clear()
            messages, due = self._space.take(self._queues, limit)
            # The next fetch begins with another queue, so that none is starved by a full one.
            self._queues.rotate(-1)
            remaining = deadline - time.monotonic()
            if messages or remaining <= 0:
                return [self._deliver(message) for message in messages]
            if due is not None:
                remaining = min(remaining, max(0.0, due - time.time()))
            await self._wait(remaining)
        return []

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        held = [(self._held.pop(s.delivery.delivery_tag, None), s) for s in settlements]
        self._space.settle([(message, s) for message, s in held if message is not None])

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # The loop was closed without stopping the consumer.
                loop.call_soon_threadsafe(self._changed.set)

    def _deliver(self, message: _Message) -> Delivery:
        tag = next(self._tags)
        self._held[tag] = message
        return Delivery(
            message.envelope,
            queue=message.queue,
            tag=tag,
            exchange=message.exchange,
            routing_key=message.routing_key,
            redelivered=message.redelivered,
            delivery_count=message.deliveries,
        )


_spaces: dict[str, _Space] = {}
_registry_lock = threading.RLock()


def _before_fork() -> None:
    """Let no other thread be inside: the child would find its lock held for ever."""
    _registry_lock.acquire()
    for space in _spaces.values():
        space.lock.acquire()


def _after_fork() -> None:
    for space in _spaces.values():
        space.lock.release()
    _registry_lock.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
