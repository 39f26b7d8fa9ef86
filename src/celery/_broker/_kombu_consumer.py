"""The asyncio half of the consumer over kombu; the other half is a thread with its connection."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from celery._broker._kombu_session import Session
from celery._broker.base import Action, Consumer, Settlement

if TYPE_CHECKING:
    from kombu import Queue

    from celery._broker.delivery import Delivery

__all__ = ["KombuConsumer"]


class KombuConsumer(Consumer):
    """Buffers what the broker pushes, at most the prefetch limit, and hands it out when asked.

    When the connection is lost `fetch` raises; what was leased is delivered anew by the broker, and
    settling it does nothing any more. After the next `start` the same queues are consumed from.

    Args:
        connect: makes a kombu connection; not connected yet.
        worker: node name.
        prefetch: unsettled deliveries at most; 0: no limit, and all there is comes at once.
    """

    def __init__(self, connect: Callable[[], Any], *, worker: str, prefetch: int) -> None:
        self._connect = connect
        self._worker = worker
        self._prefetch = prefetch
        self._session: Session | None = None
        self._error: BaseException | None = None
        self._queues: dict[str, Queue] = {}
        self._buffers: dict[str, deque[Delivery]] = {}
        self._turns: deque[str] = deque()
        self._changed = asyncio.Event()

    async def start(self) -> None:
        if self._session is not None and self._error is None:
            return
        self._error = None
        self._changed = asyncio.Event()
        session = self._session = Session(
            self._connect(),
            name=self._worker,
            prefetch=self._prefetch,
            loop=asyncio.get_running_loop(),
            on_batch=self._on_batch,
            on_end=self._on_end,
        )
        session.start()
        try:
            await session.ready
            for queue in self._queues.values():
                await self._consume(session, queue)
        except BaseException:
            self._session = None
            session.stop()
            raise

    async def stop(self) -> None:
        session, self._session = self._session, None
        self._error = None
        self._queues.clear()
        self._drop()
        self._changed.set()
        if session is not None:
            session.stop()
            await session.ended

    async def add_queue(self, queue: Queue) -> None:
        await self._consume(self._running(), queue)
        self._queues[queue.name] = queue

    async def cancel_queue(self, name: str) -> None:
        if self._queues.pop(name, None) is None:
            return
        session = self._running()
        await session.call(session.cancel, name)
        left = self._buffers.pop(name, ())
        if left:
            self._turns.remove(name)
            await self.settle([Settlement(delivery, Action.REQUEUE) for delivery in left])

    async def fetch(self, limit: int, timeout: float) -> list[Delivery]:
        if not self._turns and self._session is not None and self._error is None:
            try:
                async with asyncio.timeout(timeout):
                    await self._wait()
            except TimeoutError:
                return []
        if self._error is not None:
            raise self._error
        return self._take(limit)

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        session = self._session
        if session is not None and self._error is None and settlements:
            await session.call(session.settle, settlements)

    async def set_prefetch(self, count: int) -> None:
        if count != self._prefetch:
            self._prefetch = count
            session = self._session
            if session is not None and self._error is None:
                call = session.call(session.limit, count)
                await asyncio.wait([call])
                call.exception()  # The connection is lost, then, and `fetch` says so.

    async def _consume(self, session: Session, queue: Queue) -> None:
        await session.call(session.declare, queue)
        await session.call(session.consume, queue)

    async def _wait(self) -> None:
        """Until there is something to fetch or to report."""
        while not self._turns and self._session is not None and self._error is None:
            self._changed.clear()
            await self._changed.wait()

    def _running(self) -> Session:
        if self._error is not None:
            raise self._error
        if self._session is None:
            raise RuntimeError("the consumer is not started")
        return self._session

    def _take(self, limit: int) -> list[Delivery]:
        """From each queue that has something in turn, so that a full one starves none."""
        taken: list[Delivery] = []
        while self._turns and len(taken) < limit:
            name = self._turns[0]
            buffer = self._buffers[name]
            while buffer and len(taken) < limit:
                taken.append(buffer.popleft())
            if buffer:
                self._turns.rotate(-1)
            else:
                self._turns.popleft()
                del self._buffers[name]
        return taken

    def _drop(self) -> None:
        self._buffers.clear()
        self._turns.clear()

    # -- called by the session, on the loop

    def _on_batch(self, session: Session, batch: list[Delivery]) -> None:
        if session is not self._session:
            return
        for delivery in batch:
            buffer = self._buffers.get(delivery.queue)
            if buffer is None:
                buffer = self._buffers[delivery.queue] = deque()
                self._turns.append(delivery.queue)
            buffer.append(delivery)
        self._changed.set()

    def _on_end(self, session: Session, error: BaseException | None) -> None:
        if session is not self._session:
            return
        self._error = error or ConnectionError("the connection to the broker is closed")
        self._drop()
        self._changed.set()
