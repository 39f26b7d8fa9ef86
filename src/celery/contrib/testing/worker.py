"""A worker inside the test process, in a thread of its own.

>>> from celery.contrib.testing.worker import start_worker
>>> with start_worker(app, perform_ping_check=False):
...     add.delay(2, 2).get(timeout=10)
4
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery._state import _set_task_join_will_block, task_join_will_block
from celery.contrib.testing.tasks import ping
from celery.result import allow_join_result
from celery.utils.dispatch import Signal
from celery.utils.nodenames import anon_nodename
from celery.worker import WorkController

__all__ = [
    "WORKER_LOGLEVEL",
    "TestWorkController",
    "setup_app_for_worker",
    "start_worker",
    "test_worker_started",
    "test_worker_starting",
    "test_worker_stopped",
]

#: Level of the worker's log; ``WORKER_LOGLEVEL`` in the environment.
WORKER_LOGLEVEL = os.environ.get("WORKER_LOGLEVEL", "error")

#: A worker is about to be made; the sender is the app.
test_worker_starting = Signal(name="test_worker_starting")
#: A worker accepts tasks; the sender is the app.
test_worker_started = Signal(name="test_worker_started", providing_args={"worker", "consumer"})
#: A worker has stopped; the sender is the app.
test_worker_stopped = Signal(name="test_worker_stopped", providing_args={"worker"})

#: Seconds a worker may take until it accepts tasks.
START_TIMEOUT_S = 30.0


class TestWorkController(WorkController):
    """A worker that tells when it accepts tasks, or that it never will."""

    __test__ = False  # it is not a test, whatever its name

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._settled = threading.Event()
        self.error: BaseException | None = None
        super().__init__(*args, **kwargs)

    def start(self) -> None:
        try:
            super().start()
        finally:
            self._settled.set()

    def on_consumer_ready(self, consumer: Any) -> None:
        super().on_consumer_ready(consumer)
        self._settled.set()
        test_worker_started.send(sender=self.app, worker=self, consumer=consumer)

    def ensure_started(self) -> None:
        """Wait until the worker accepts tasks.

        Raises:
            RuntimeError: it has stopped instead, or takes too long; its log says why.
        """
        if not self._settled.wait(START_TIMEOUT_S) or self.exitcode is not None:
            raise RuntimeError(f"The test worker did not start (exit code {self.exitcode})")


@contextmanager
def start_worker(
    app: Any,
    concurrency: int = 1,
    pool: str = "solo",
    loglevel: str | int = WORKER_LOGLEVEL,
    logfile: str | None = None,
    perform_ping_check: bool = True,
    ping_task_timeout: float = 10.0,
    shutdown_timeout: float = 10.0,
    **kwargs: Any,
) -> Iterator[TestWorkController]:
    """A worker in a thread, for as long as the block runs.

    Args:
        perform_ping_check: run the task ``celery.ping`` first; the app needs a result backend.
        ping_task_timeout: seconds it may take.
        shutdown_timeout: seconds the worker may take to stop; at worst that is how long its running
            tasks take.
        **kwargs: options of `WorkController`.

    Raises:
        RuntimeError: the worker did not start, or did not stop.
    """
    test_worker_starting.send(sender=app)
    worker = None
    try:
        with _worker_thread(
            app,
            concurrency=concurrency,
            pool=pool,
            loglevel=loglevel,
            logfile=logfile,
            shutdown_timeout=shutdown_timeout,
            **kwargs,
        ) as worker:
            if perform_ping_check:
                _check(app, ping_task_timeout)
            yield worker
    finally:
        test_worker_stopped.send(sender=app, worker=worker)


def _check(app: Any, timeout: float) -> None:
    if ping.name not in app.tasks:
        raise RuntimeError(
            "The ping check needs the task celery.ping: import celery.contrib.testing.tasks, or "
            "call start_worker(..., perform_ping_check=False)"
        )
    with allow_join_result():
        answer = app.tasks[ping.name].delay().get(timeout=timeout)
    if answer != "pong":
        raise RuntimeError(f"The test worker answered {answer!r} to the ping")


@contextmanager
def _worker_thread(
    app: Any, *, shutdown_timeout: float, loglevel: str | int, logfile: str | None, **kwargs: Any
) -> Iterator[TestWorkController]:
    setup_app_for_worker(app, loglevel, logfile)
    quiet = {"without_heartbeat": True, "without_mingle": True, "without_gossip": True}
    options = {**quiet, **kwargs}
    hostname = options.pop("hostname", None) or anon_nodename()
    will_block = task_join_will_block()
    worker = TestWorkController(
        app=app, hostname=hostname, loglevel=loglevel, logfile=logfile, **options
    )
    thread = threading.Thread(target=worker.start, name=f"worker {hostname}", daemon=True)
    thread.start()
    # The pool says that waiting for results would block; the test's own thread may.
    _set_task_join_will_block(False)
    try:
        worker.ensure_started()
        yield worker
    finally:
        _set_task_join_will_block(will_block)
        worker.request_shutdown()
        thread.join(shutdown_timeout)
        if thread.is_alive():
            raise RuntimeError(
                f"The test worker did not stop within {shutdown_timeout} seconds: a task still "
                "runs; give start_worker a longer shutdown_timeout"
            )


def setup_app_for_worker(app: Any, loglevel: str | int, logfile: str | None) -> None:
    """Make the app ready for a worker in this process: finalized, current, its logging set up."""
    app.finalize()
    app.set_current()
    app.set_default()
    type(app.log)._setup = False
    app.log.setup(loglevel=_level(loglevel), logfile=logfile)


def _level(loglevel: str | int) -> int:
    if isinstance(loglevel, int):
        return loglevel
    return logging.getLevelNamesMapping()[loglevel.upper()]
