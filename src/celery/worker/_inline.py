"""Runs tasks on the loop's own thread, one after the other: for pools that have no other place.

Between two tasks the loop has its turn; before each, what was decided (the acknowledgement of
this very task, if it is an early one) has reached the broker.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from celery.worker.request import Request

__all__ = ["InlineRunner"]


class InlineRunner:
    """The queue of requests of a solo worker.

    Args:
        execute: runs one request to its end.
        is_stopping: whether the worker is to begin no more tasks.
    """

    def __init__(self, execute: Callable[[Request], Any], is_stopping: Callable[[], bool]) -> None:
        self.execute = execute
        self.is_stopping = is_stopping
        self._waiting: deque[Request] = deque()
        self._has_work = asyncio.Event()

    def submit(self, request: Request) -> None:
        """Run a request when those before it have ended."""
        self._waiting.append(request)
        self._has_work.set()

    async def run(self, flush: Callable[[], Awaitable[None]]) -> None:
        """Run requests until cancelled; those that have not begun then are kept.

        Args:
            flush: brings decisions to the broker.
        """
        while True:
            await self._has_work.wait()
            while self._waiting and not self.is_stopping():
                request = self._waiting[0]
                if not request.task.acks_late:
                    request.acknowledge()
                await flush()
                self._waiting.popleft()
                self.execute(request)
                await asyncio.sleep(0)
            self._has_work.clear()

    def finish(self) -> list[Request]:
        """Run what is acknowledged (one at most); forget the rest, and return it."""
        waiting = list(self._waiting)
        self._waiting.clear()
        for request in waiting:
            if request.acknowledged:
                self.execute(request)
        return [request for request in waiting if not request.acknowledged]
