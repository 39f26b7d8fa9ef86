"""Beat inside a worker (``-B``): a process of its own, or a thread.

The process ends with the worker: stopped by it, or, on Linux, told by the system when the worker
has been killed, so that no beat is left behind to send everything twice.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from typing import Any, Final

from celery import platforms
from celery.beat.service import Service
from celery.utils.log import get_logger

__all__ = ["EmbeddedService"]

logger = get_logger("celery.beat")

#: Seconds between two looks at the schedule, at most, for a thread.
_THREAD_INTERVAL_S: Final = 1.0
#: Seconds the process has to store its schedule.
_STOP_TIMEOUT_S: Final = 10.0

_STOPPING: Final = ("TERM", "INT", "QUIT")
#: What the worker's handlers would otherwise handle in the process, too.
_CAUGHT: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP})


def EmbeddedService(  # the documented name, as if it were a class
    app: Any, max_interval: float | None = None, **kwargs: Any
) -> EmbeddedThread | EmbeddedProcess:
    """A beat that runs beside something else; `start` it and `stop` it.

    Args:
        app: the application.
        max_interval: longest sleep between two ticks, in seconds.
        **kwargs: `thread` for a thread, in which it is 1; the rest as for `Service`.
    """
    if kwargs.pop("thread", False):
        return EmbeddedThread(app, max_interval=_THREAD_INTERVAL_S, **kwargs)
    return EmbeddedProcess(app, max_interval=max_interval, **kwargs)


class EmbeddedThread(threading.Thread):
    """Beat as a thread."""

    def __init__(self, app: Any, **kwargs: Any) -> None:
        super().__init__(name="Beat", daemon=True)
        self.app = app
        self.service = Service(app, remote_control=False, **kwargs)

    def run(self) -> None:
        """Run until it is stopped."""
        self.app.set_current()
        self.service.start()

    def stop(self) -> None:
        """Stop; when this returns, the schedule has been stored. Safe twice."""
        self.service.stop(wait=self.is_alive())


class EmbeddedProcess:
    """Beat as a process."""

    name = "Beat"
    daemon = True

    def __init__(self, app: Any, **kwargs: Any) -> None:
        self.app = app
        self.service = Service(app, remote_control=False, **kwargs)
        self._process: Any = None

    @property
    def pid(self) -> int | None:
        """The process id; None while there is no process."""
        return None if self._process is None else self._process.pid

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.is_alive()

    def start(self) -> None:
        """Start the process. Safe twice."""
        if self.is_alive():
            return
        # Linux takes the end of the thread that forked for the end of the process.
        in_main = threading.current_thread() is threading.main_thread()
        self._process = multiprocessing.get_context("fork").Process(
            target=self._run, args=(os.getpid() if in_main else None,), name=self.name, daemon=True
        )
        # Until the process has handlers of its own, the worker's would run in it.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _CAUGHT)
        try:
            with warnings.catch_warnings():
                # Python 3.12 warns when other threads run; what beat uses is safe after a fork.
                warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)
                self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def stop(self) -> None:
        """Stop; when this returns, the process has stored its schedule and ended. Safe twice."""
        process = self._process
        if process is None:
            return
        process.terminate()
        process.join(_STOP_TIMEOUT_S)
        if process.is_alive():
            logger.error("beat: did not stop within %s seconds: killed", _STOP_TIMEOUT_S)
            process.kill()
            process.join()

    terminate = stop

    def _run(self, parent: int | None) -> None:
        """Run in the process until it is told to stop.

        Args:
            parent: process id of the worker, to end with it; None: where that cannot be done.
        """
        platforms.signals.update(dict.fromkeys(_STOPPING, self._on_signal), HUP=signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _CAUGHT)
        if parent is not None:
            platforms.set_pdeathsig("TERM")
            if os.getppid() != parent:  # it was too quick for that
                return
        platforms.set_mp_process_title("celery beat")
        self.app.set_default()
        self.app.set_current()
        try:
            self.service.start(embedded_process=True)
        except Exception as exc:
            logger.critical("beat raised exception %s: %r", type(exc), exc, exc_info=True)
            raise SystemExit(1) from exc

    def _on_signal(self, signum: int, frame: Any) -> None:
        self.service.stop()
