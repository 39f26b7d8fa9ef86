"""Timer: a thread that calls functions at given times."""

import os
import signal
import threading
import traceback
from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any

from kombu.asynchronous.timer import Entry, to_timestamp
from kombu.asynchronous.timer import Timer as Schedule

__all__ = ("Entry", "Schedule", "Timer", "to_timestamp")


class Timer(threading.Thread):
    """A thread that calls functions at given times; it starts when the first is entered.

    The times are kept in `schedule`, a heap.  An error in a function is handed to `on_error`, and
    logged if there is none; it does not end the thread.

    Args:
        schedule: Keeps the times.
        on_error: Called with an exception a function has raised.
        on_tick: Called with the seconds the thread is going to wait, each time before it does.
        on_start: Called with the timer when the thread starts.
        max_interval: The longest time to wait before looking again, in seconds.
        **kwargs: Passed to :class:`threading.Thread`.
    """

    Entry = Entry
    Schedule = Schedule

    #: Whether the thread has been started.
    running = False
    on_tick: Callable[[float], Any] | None = None

    _numbers = count(1)

    def __init__(
        self,
        schedule: Any = None,
        on_error: Callable[[Exception], Any] | None = None,
        on_tick: Callable[[float], Any] | None = None,
        on_start: Callable[["Timer"], Any] | None = None,
        max_interval: float | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("name", f"Timer-{next(self._numbers)}")
        super().__init__(daemon=True, **kwargs)
        heap: Any = self.Schedule
        self.schedule = schedule or heap(max_interval, on_error)
        self.on_tick = on_tick or self.on_tick
        self.on_start = on_start
        # Guards the schedule; notified when there may be something to do earlier than thought.
        self._changed = threading.Condition()
        self._is_shutdown = threading.Event()
        self._due = iter(self.schedule)

    # -- the thread

    def run(self) -> None:
        """Call what is due, and wait for what is not, until stopped."""
        try:
            while not self._is_shutdown.is_set():
                entry = self._next_entry()
                if entry is not None:
                    self.schedule.apply_entry(entry)
        except Exception:
            # Whoever counts on the timer cannot notice that it is gone: end the process instead.
            traceback.print_exc()
            os._exit(1)
        finally:
            self.running = False

    def _next_entry(self) -> Any:
        """Return an entry that is due; if there is none, wait for a while and return ``None``."""
        with self._changed:
            delay, entry = next(self._due)
            if entry is None and not self._is_shutdown.is_set():
                if self.on_tick and delay is not None:
                    self.on_tick(delay)
                self._changed.wait(self.schedule.max_interval if delay is None else delay)
        return entry

    def ensure_started(self) -> None:
        """Start the thread, unless it was started before."""
        if self.running or self.is_alive() or self._is_shutdown.is_set():
            return
        if self.on_start:
            self.on_start(self)
        self.running = True
        self.start()

    def stop(self) -> None:
        """Stop calling functions; return when the thread has ended."""
        self._is_shutdown.set()
        if self.is_alive() and threading.current_thread() is not self:
            with self._changed:
                self._changed.notify_all()
            self.join(threading.TIMEOUT_MAX)
        self.running = False

    # -- what to call

    def _do_enter(self, method: str, *args: Any, **kwargs: Any) -> Any:
        self.ensure_started()
        with self._changed:
            entry = getattr(self.schedule, method)(*args, **kwargs)
            self._changed.notify()
        return entry

    def enter(self, entry: Any, eta: float | datetime | None, priority: int | None = None) -> Any:
        """Call an entry at a time: that of the monotonic clock, or an aware datetime."""
        return self._do_enter("enter_at", entry, eta, priority=priority or 0)

    def call_at(self, *args: Any, **kwargs: Any) -> Any:
        """``call_at(eta, fun, args=(), kwargs=None, priority=0)``: call a function at a time."""
        return self._do_enter("call_at", *args, **kwargs)

    def enter_after(self, *args: Any, **kwargs: Any) -> Any:
        """``enter_after(secs, entry, priority=0)``: call an entry after a while."""
        return self._do_enter("enter_after", *args, **kwargs)

    def call_after(self, *args: Any, **kwargs: Any) -> Any:
        """``call_after(secs, fun, args=(), kwargs=None, priority=0)``: call after a while."""
        return self._do_enter("call_after", *args, **kwargs)

    def call_repeatedly(self, *args: Any, **kwargs: Any) -> Any:
        """``call_repeatedly(secs, fun, args=(), kwargs=None, priority=0)``: call every `secs`."""
        return self._do_enter("call_repeatedly", *args, **kwargs)

    def exit_after(self, secs: float, priority: int = 10) -> None:
        """End the process after a while, as if it were told to terminate."""
        self.call_after(secs, signal.raise_signal, (signal.SIGTERM,), priority=priority)

    def cancel(self, tref: Any) -> None:
        """Do not call an entry (any more)."""
        tref.cancel()

    def clear(self) -> None:
        """Forget all that was to be called."""
        with self._changed:
            self.schedule.clear()

    def empty(self) -> bool:
        """Say whether nothing is to be called."""
        return not len(self)

    def __len__(self) -> int:
        return len(self.schedule)

    def __bool__(self) -> bool:
        return True

    @property
    def queue(self) -> Any:
        """What is to be called, soonest first."""
        return self.schedule.queue
