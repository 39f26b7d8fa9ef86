"""The hub: the worker's asyncio loop, with the face that boot steps and pools know from kombu.

The loop runs whenever the worker waits: in the consumer's last step, and, before and after that,
in `Hub.run` for the steps that have something to await.  Everything here may be called from the
loop's thread only, except `call_soon_threadsafe`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from time import time
from typing import Any

from celery.utils.log import get_logger

try:
    import uvloop
except ImportError:
    uvloop = None  # type: ignore[assignment]  # the optional extra is not there

__all__ = ["Hub", "Repeating", "new_event_loop"]

logger = get_logger(__name__)

Callback = Callable[..., Any]


def new_event_loop() -> asyncio.AbstractEventLoop:
    """An uvloop loop where uvloop is installed, else asyncio's own."""
    return asyncio.new_event_loop() if uvloop is None else uvloop.new_event_loop()


class Repeating:
    """A call that repeats until cancelled."""

    __slots__ = ("_handle", "args", "callback", "canceled", "delay", "loop")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        delay: float,
        callback: Callback,
        args: tuple[Any, ...],
    ) -> None:
        self.loop = loop
        self.delay = delay
        self.callback = callback
        self.args = args
        self.canceled = False
        self._handle = loop.call_later(delay, self._fire)

    def _fire(self) -> None:
        self._handle = self.loop.call_later(self.delay, self._fire)
        self.callback(*self.args)

    def cancel(self) -> None:
        """Do not call any more."""
        self.canceled = True
        self._handle.cancel()


class Hub:
    """A face over one asyncio loop.

    Args:
        loop: the loop; one is made if None.

    Attributes:
        on_tick: called at each turn of the consumer's loop; turns come with work, and at least
            once a second.
        on_close: called with the hub when it closes.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.loop = loop or new_event_loop()
        self.loop.set_exception_handler(self._on_loop_error)
        self.on_tick: set[Callback] = set()
        self.on_close: set[Callback] = set()
        #: The worker's timer, set by its step.
        self.timer: Any = None
        self._readers: set[int] = set()
        self._writers: set[int] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    # -- file descriptors

    def add_reader(self, fds: Any, callback: Callback, *args: Any) -> None:
        """Call back whenever one of the descriptors (or objects with `fileno`) is readable."""
        for fd in _filenos(fds):
            self.loop.add_reader(fd, callback, *args)
            self._readers.add(fd)

    def add_writer(self, fds: Any, callback: Callback, *args: Any) -> None:
        """Call back whenever one of the descriptors is writable."""
        for fd in _filenos(fds):
            self.loop.add_writer(fd, callback, *args)
            self._writers.add(fd)

    def remove_reader(self, fds: Any) -> None:
        """Undo `add_reader`; unknown descriptors are no error."""
        for fd in _filenos(fds):
            if fd in self._readers:
                self._readers.discard(fd)
                self.loop.remove_reader(fd)

    def remove_writer(self, fds: Any) -> None:
        """Undo `add_writer`; unknown descriptors are no error."""
        for fd in _filenos(fds):
            if fd in self._writers:
                self._writers.discard(fd)
                self.loop.remove_writer(fd)

    def remove(self, fds: Any) -> None:
        """Watch the descriptors no more, neither way."""
        self.remove_reader(fds)
        self.remove_writer(fds)

    # -- calls

    def call_soon(self, callback: Callback, *args: Any) -> asyncio.Handle:
        """Call at the loop's next turn."""
        return self.loop.call_soon(callback, *args)

    def call_soon_threadsafe(self, callback: Callback, *args: Any) -> asyncio.Handle:
        """Call at the loop's next turn; from any thread, and from signal handlers."""
        return self.loop.call_soon_threadsafe(callback, *args)

    def call_later(self, delay: float, callback: Callback, *args: Any) -> asyncio.TimerHandle:
        """Call after `delay` seconds."""
        return self.loop.call_later(delay, callback, *args)

    def call_at(self, when: float, callback: Callback, *args: Any) -> asyncio.TimerHandle:
        """Call at the epoch time `when`."""
        return self.loop.call_later(max(when - time(), 0.0), callback, *args)

    def call_repeatedly(self, delay: float, callback: Callback, *args: Any) -> Repeating:
        """Call every `delay` seconds, until the returned object is cancelled."""
        return Repeating(self.loop, delay, callback, args)

    # -- running

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end, and with it whatever else is on the loop.

        An exit that is raised on the loop (a signal handler's, a task's in the solo pool) cancels
        the coroutine, and passes through when that has ended.

        Raises:
            RuntimeError: the loop is running already: use `spawn`.
        """
        task = self.loop.create_task(coroutine)
        try:
            return self.loop.run_until_complete(task)
        except BaseException:
            if not task.done():
                task.cancel()
                self.loop.run_until_complete(_gather([task]))
            raise

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine beside everything else; its exception is logged."""
        task = self.loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)
        return task

    def run_or_spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine now if the loop stands still (a step is starting), else beside it."""
        if self.loop.is_running():
            self.spawn(coroutine)
        else:
            self.run(coroutine)

    def tick(self) -> None:
        """One turn of the consumer's loop."""
        for callback in tuple(self.on_tick):
            callback()

    def run_once(self) -> None:
        """Let the loop do what is due, without waiting."""
        self.loop.run_until_complete(asyncio.sleep(0))

    def run_forever(self) -> None:
        """Run until `stop`."""
        self.loop.run_forever()

    def stop(self) -> None:
        """End `run_forever`."""
        self.loop.stop()

    def close(self) -> None:
        """Cancel what is left, tell `on_close`, close the loop. Safe twice."""
        if self.loop.is_closed():
            return
        for callback in tuple(self.on_close):
            callback(self)
        self.on_close.clear()
        for fd in (*self._readers, *self._writers):
            self.remove(fd)
        pending = [task for task in asyncio.all_tasks(self.loop) if not task.done()]
        for task in pending:
            task.cancel()
        if pending:
            self.run(_gather(pending))
        self.run(self.loop.shutdown_asyncgens())
        self.run(self.loop.shutdown_default_executor())
        self.loop.close()

    def _on_task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (exc := task.exception()) is not None:
            logger.error("Background work of the worker failed: %r", exc, exc_info=exc)

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback raised: the worker goes on, the log says why."""
        exc = context.get("exception")
        logger.error(
            "Error in event loop: %s: %r", context.get("message"), exc, exc_info=exc or False
        )


async def _gather(tasks: Iterable[asyncio.Task[Any]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)


def _filenos(fds: Any) -> list[int]:
    """The descriptors of one descriptor, one object with `fileno`, or a list of either."""
    many = fds if isinstance(fds, (list, tuple, set, frozenset)) else [fds]
    return [fd if isinstance(fd, int) else fd.fileno() for fd in many]
