"""The worker's receiving end: fetches within the prefetch limit, settles in batches.

Two coroutines run side by side for as long as the consumer is connected::

    consume   room? -> fetch up to that many -> each to the handler   (waits for room, messages)
    settle    what was decided since the last turn -> one call        (waits for decisions)

What is decided while there is no connection, and what could not be settled, stays in the buffer
and goes out first after the next connect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from celery._broker.base import Action, Settlement
from celery.utils.log import get_logger

if TYPE_CHECKING:
    from kombu import Queue

    from celery._broker.base import Consumer
    from celery._broker.delivery import Delivery
    from celery.worker._hub import Hub

__all__ = ["Intake", "Prefetch"]

logger = get_logger("celery.worker.consumer.tasks")

#: Deliveries fetched in one go at most, when nothing else limits them.
BATCH = 1000
#: Seconds one fetch waits for a message; it is cancelled when the worker is to stop.
PATIENCE_S = 30.0


class Prefetch:
    """How many deliveries may be unsettled: `consumer.qos`.

    Args:
        value: the limit; 0: none.
        maximum: ceiling of what `increment_eventually` reaches; None: none.
        on_change: called when the limit has changed.
    """

    def __init__(
        self,
        value: int,
        *,
        maximum: int | None = None,
        on_change: Callable[[], Any] | None = None,
    ) -> None:
        self.value = value
        self.maximum = maximum
        self.on_change = on_change

    def set(self, value: int) -> None:
        """Make this the limit."""
        self.value = value
        logger.debug("basic.qos: prefetch_count->%s", value)
        if self.on_change is not None:
            self.on_change()

    def increment_eventually(self, n: int = 1) -> None:
        """Allow n more. No limit stays none."""
        if self.value:
            raised = self.value + max(n, 0)
            if self.maximum is None or self.value < self.maximum:
                self.set(raised if self.maximum is None else min(raised, self.maximum))

    def decrement_eventually(self, n: int = 1) -> None:
        """Allow n fewer, and at least one. No limit stays none."""
        if self.value:
            self.set(max(self.value - n, 1))

    def update(self) -> int:
        """The limit; it is always in effect."""
        return self.value


class Intake:
    """Receives from one broker consumer; `consumer.task_consumer`.

    Args:
        hub: the worker's hub.
        source: the broker's consumer.
        qos: the prefetch limit.
        on_message: given each delivery.
        slots: how many more tasks may begin at once, for `worker_disable_prefetch`; None: as many
            as the limit allows.
    """

    def __init__(
        self,
        hub: Hub,
        source: Consumer,
        qos: Prefetch,
        on_message: Callable[[Delivery], Any],
        slots: Callable[[], int] | None = None,
    ) -> None:
        self.hub = hub
        self.source = source
        self.qos = qos
        self.on_message = on_message
        self.slots = slots
        #: Fetched, and nothing decided yet.
        self.unsettled = 0
        self._queues: dict[str, Queue] = {}
        self._decided: list[Settlement] = []
        self._has_decided = asyncio.Event()
        self._has_room = asyncio.Event()
        self._settling = asyncio.Lock()

    # -- queues

    @property
    def queues(self) -> list[Queue]:
        """What is consumed from."""
        return list(self._queues.values())

    def consuming_from(self, queue: Queue | str) -> bool:
        """Whether the queue is consumed from."""
        return getattr(queue, "name", queue) in self._queues

    async def add_queue(self, queue: Queue) -> None:
        """Declare a queue and consume from it."""
        self._queues[queue.name] = queue
        await self.source.add_queue(queue)

    async def cancel_by_queue(self, name: str) -> None:
        """Consume from a queue no more."""
        self._queues.pop(name, None)
        await self.source.cancel_queue(name)

    # -- fetching

    def room(self) -> int:
        """How many deliveries may be fetched now."""
        room = min(self.qos.value - self.unsettled, BATCH) if self.qos.value else BATCH
        return room if self.slots is None else min(room, self.slots())

    def wake(self) -> None:
        """There may be room now."""
        self._has_room.set()

    def limit_changed(self) -> None:
        """The prefetch limit is another one: there may be room, and the broker is to know."""
        self.wake()
        self.hub.run_or_spawn(self.source.set_prefetch(self.qos.value))

    async def consume(self) -> None:
        """Fetch until cancelled; what is raised is the connection's failure."""
        while True:
            room = self.room()
            if room <= 0:
                self._has_room.clear()
                await self._has_room.wait()
                continue
            batch = await self.source.fetch(room, PATIENCE_S)
            self.unsettled += len(batch)
            for delivery in batch:
                delivery.on_settle = self._on_settle
            for delivery in batch:
                self.on_message(delivery)

    # -- settling

    def _on_settle(self, delivery: Delivery, action: Action, until: float | None) -> None:
        self.unsettled -= 1
        self._decided.append(Settlement(delivery, action, until))
        self._has_decided.set()
        self._has_room.set()

    async def settle(self) -> None:
        """Settle until cancelled; what is raised is the connection's failure."""
        while True:
            await self._has_decided.wait()
            await self.flush()

    async def flush(self) -> None:
        """Settle what has been decided. If that fails it is kept, and tried again next time."""
        async with self._settling:
            batch, self._decided = self._decided, []
            self._has_decided.clear()
            if not batch:
                return
            try:
                await self.source.settle(batch)
            except BaseException:
                self._decided[:0] = batch
                self._has_decided.set()
                raise

    @property
    def undelivered(self) -> int:
        """Decisions that the broker has not been told."""
        return len(self._decided)
