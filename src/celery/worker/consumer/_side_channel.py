"""The thread that drains `c.connection`: remote control, gossip, and consumers of users' own steps.

kombu's connections block, so nothing of them is used on the loop.  While the loop runs, this
thread alone uses the connection; before and after that, while steps start and stop, the main
thread does.  Whoever receives a message here and has to touch the worker hops over with `on_loop`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from celery.utils.log import get_logger

if TYPE_CHECKING:
    from celery.worker.consumer.consumer import Consumer

__all__ = ["SideChannel"]

logger = get_logger(__name__)

#: Seconds between two looks whether to stop; messages do not wait for it.
DRAIN_S = 1.0


class SideChannel:
    """Drains the consumer's connection in a thread, from `start` to `stop`.

    If nobody consumes from the connection there is no thread.
    """

    def __init__(self, c: Consumer) -> None:
        self.c = c
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    @property
    def wanted(self) -> bool:
        """Whether a step has consumers on the connection."""
        return any(getattr(step, "consumers", None) for step in self.c.steps)

    def start(self) -> None:
        """Drain from now on, if there is anything to."""
        if self._thread is None and self.wanted:
            self._stopping.clear()
            self._thread = threading.Thread(
                target=self._run, args=(self.c.connection,), name="SideChannel", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Drain no more; returns when the thread has ended. Safe twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            thread.join()

    def _run(self, connection: Any) -> None:
        beats = bool(connection.heartbeat and connection.supports_heartbeats)
        try:
            while not self._stopping.is_set():
                with suppress(TimeoutError):
                    connection.drain_events(timeout=DRAIN_S)
                if beats:
                    connection.heartbeat_check()
        except Exception as exc:
            if not self._stopping.is_set():
                self._report(exc)

    def _report(self, exc: Exception) -> None:
        """The connection is lost: the consumer starts again. All else is a defect of a step."""
        if not isinstance(exc, self.c.connection_errors):
            logger.error("A message consumer of the worker raised %r", exc, exc_info=exc)
        self.c.hub.call_soon_threadsafe(self.c.fail, exc)

    def on_loop(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function on the loop's thread, from this one; returns what it returns.

        Raises:
            Exception: what it raises.
            TimeoutError: the loop ends before it was called.
        """
        outcome: Future[Any] = Future()

        def call() -> None:
            try:
                outcome.set_result(function(*args, **kwargs))
            except BaseException as exc:  # it belongs to the caller, exits included
                outcome.set_exception(exc)

        self.c.hub.call_soon_threadsafe(call)
        while True:
            try:
                return outcome.result(DRAIN_S)
            except NotYet:
                if outcome.done():
                    raise  # the function's own
                if self._stopping.is_set():
                    raise
