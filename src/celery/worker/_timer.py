"""The worker's timer: calls at a time, over its asyncio loop, with the face of kombu's timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from time import time
from typing import Any, NamedTuple

from celery.utils.log import get_logger

__all__ = ["Entry", "Scheduled", "Timer"]

logger = get_logger(__name__)


class Entry:
    """One call to come.

    Attributes:
        fun, args, kwargs: the call.
        canceled: it will not happen.
        eta: epoch seconds.
    """

    __slots__ = ("args", "canceled", "eta", "fun", "handle", "kwargs", "priority", "timer")

    def __init__(
        self, timer: Timer, eta: float, fun: Callable[..., Any], args: Any, kwargs: Any
    ) -> None:
        self.timer = timer
        self.eta = eta
        self.fun = fun
        self.args = args
        self.kwargs = kwargs
        self.priority = 0
        self.canceled = False
        self.handle: asyncio.TimerHandle | None = None

    def __call__(self) -> Any:
        return self.fun(*self.args, **self.kwargs)

    def cancel(self) -> None:
        """Make it not happen. Safe twice, and after it has happened."""
        self.timer.cancel(self)

    @property
    def cancelled(self) -> bool:
        """The same as `canceled`."""
        return self.canceled

    def __repr__(self) -> str:
        return f"<Entry: {self.fun!r} at {self.eta} (canceled: {self.canceled})>"


class Scheduled(NamedTuple):
    """One item of `Timer.queue`."""

    eta: float
    priority: int
    entry: Entry


class Timer:
    """Calls functions at their time, on the loop's thread.

    An exception of a function is given to `on_error`, or logged, and changes nothing else.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_error: Callable[[BaseException], Any] | None = None,
    ) -> None:
        self.loop = loop
        self.on_error = on_error
        self._entries: set[Entry] = set()

    def call_at(
        self,
        eta: float | datetime,
        fun: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        priority: int = 0,
    ) -> Entry:
        """Call at `eta`: epoch seconds or an aware datetime."""
        when = eta.timestamp() if isinstance(eta, datetime) else eta
        entry = Entry(self, when, fun, args, kwargs or {})
        entry.priority = priority
        return self._schedule(entry)

    def call_after(
        self,
        secs: float,
        fun: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        priority: int = 0,
    ) -> Entry:
        """Call after `secs` seconds."""
        return self.call_at(time() + secs, fun, args, kwargs, priority)

    def call_repeatedly(
        self,
        secs: float,
        fun: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        priority: int = 0,
    ) -> Entry:
        """Call every `secs` seconds, until the entry is cancelled."""

        def again() -> Any:
            if not entry.canceled:
                entry.eta = time() + secs
                self._schedule(entry)
            return fun(*args, **(kwargs or {}))

        entry = Entry(self, time() + secs, again, (), {})
        entry.priority = priority
        return self._schedule(entry)

    def _schedule(self, entry: Entry) -> Entry:
        self._entries.add(entry)
        entry.handle = self.loop.call_later(max(entry.eta - time(), 0.0), self._fire, entry)
        return entry

    def _fire(self, entry: Entry) -> None:
        self._entries.discard(entry)
        try:
            entry()
        except Exception as exc:
            if self.on_error is not None:
                self.on_error(exc)
            else:
                logger.exception("Error in timer: %r", exc)

    def cancel(self, entry: Entry) -> None:
        """Make an entry not happen."""
        entry.canceled = True
        if entry.handle is not None:
            entry.handle.cancel()
        self._entries.discard(entry)

    def clear(self) -> None:
        """Cancel every entry."""
        for entry in tuple(self._entries):
            self.cancel(entry)

    def stop(self) -> None:
        """The same as `clear`; the timer may be used again."""
        self.clear()

    @property
    def queue(self) -> list[Scheduled]:
        """What is to come, soonest first."""
        return sorted(
            (Scheduled(entry.eta, entry.priority, entry) for entry in self._entries),
            key=lambda item: item[:2],
        )

    @property
    def schedule(self) -> Timer:
        """The timer itself: it is its own schedule."""
        return self

    def __len__(self) -> int:
        return len(self._entries)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Scheduled]:
        return iter(self.queue)
