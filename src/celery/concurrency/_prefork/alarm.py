"""One timer for all that a pool must not miss."""

import asyncio
import math
import time
from collections.abc import Callable

__all__ = ("Alarm",)


class Alarm:
    """Calls `ring` at the earliest of the times it was told of, on the loop it is attached to.

    The times themselves are kept by who asked: `ring` looks which are due and tells the alarm of
    the others again.  So nothing is undone when something ends in time, and a pool that starts
    thousands of jobs with limits every second sets few timers.

    Args:
        ring: called on the loop.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._when = math.inf

    def at(self, when: float) -> None:
        """Ring at that monotonic time, or earlier; infinity is never."""
        if when < self._when:
            self._when = when
            self._set()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ring on this loop from now on."""
        self.detach()
        self._loop = loop
        self._set()

    def detach(self) -> None:
        """Stop ringing until it is attached again; times are kept."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._loop = None

    def _set(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._loop is not None and self._when < math.inf:
            delay = max(0.0, self._when - time.monotonic())
            self._handle = self._loop.call_later(delay, self._go_off)

    def _go_off(self) -> None:
        self._handle = None
        self._when = math.inf
        self._ring()
