"""Where a pool's callbacks run: the worker's asyncio loop, or a loop in a thread of the pool."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ("Callbacks", "HubPort", "LoopThread")


class HubPort(Protocol):
    """What a pool needs of the worker's hub."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...


class LoopThread:
    """An asyncio loop in a daemon thread, for a pool that is used without a worker."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    @property
    def ident(self) -> int | None:
        """The thread's identifier."""
        return self._thread.ident

    def stop(self) -> None:
        """End the thread and close the loop.  Safe twice; not from the thread itself."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
            self.loop.close()


class Callbacks:
    """Calls from any thread, made in order on the thread of one loop, one wake-up a batch.

    Until a loop is given each call is made at once, where it is posted.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._calls: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._woken = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on make the calls on `loop`."""
        self._loop = loop

    def post(self, call: Callable[..., None], *args: Any) -> None:
        """Have ``call(*args)`` made; does not wait for it."""
        if self._loop is None:
            call(*args)
            return
        self._calls.append((call, args))
        # `run` clears the flag before it takes the calls: whoever still sees it set is in time.
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self.run)

    def run(self) -> None:
        """Make the calls that wait; on the loop's thread.

        A call that raises (callbacks let exits through) leaves those behind it for the next turn.
        """
        self._woken = False
        calls = self._calls
        try:
            while calls:
                call, args = calls.popleft()
                call(*args)
        finally:
            if calls and self._loop is not None and not self._woken:
                self._woken = True
                self._loop.call_soon_threadsafe(self.run)
