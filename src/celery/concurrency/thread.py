"""Pool of threads in the worker's process."""

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from celery.concurrency._job import Job, exception_info
from celery.concurrency._loops import Callbacks
from celery.concurrency.base import BasePool

if TYPE_CHECKING:
    from celery.concurrency._loops import HubPort

__all__ = ("TaskPool",)

logger = logging.getLogger("celery.pool")

_Call = tuple[Job, Callable[..., Any], Sequence[Any], Mapping[str, Any]]


class TaskPool(BasePool):
    """A fixed number of daemon threads that take jobs from one queue.

    Jobs start in the order in which they were submitted.  Stopping the pool cancels those that
    no thread has taken (no callback is called for them) and waits for the running ones.
    """

    body_can_be_buffer = True
    signal_safe = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.limit = self.limit or 1
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._callbacks = Callbacks()
        self._threads: list[threading.Thread] = []
        self._job_ids = itertools.count()

    def on_start(self) -> None:
        """Start the threads."""
        for number in range(1, self.num_processes + 1):
            thread = threading.Thread(
                target=self._work, name=f"ThreadPoolWorker-{number}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def register_with_event_loop(self, loop: "HubPort") -> None:
        """From now on make all callbacks on ``loop.loop``."""
        self._callbacks.attach(loop.loop)

    def on_apply(
        self,
        target: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        callbacks_propagate: tuple[type[BaseException], ...] = (),
        waitforslot: bool = True,
        **options: Any,
    ) -> Job:
        """Queue the job for the next thread that is free."""
        job = Job(next(self._job_ids), propagate=callbacks_propagate, **options)
        self._calls.put((job, target, args, kwargs or {}))
        return job

    def _work(self) -> None:
        """Take one job after the other, until there is None."""
        post = self._callbacks.post
        pid = os.getpid()
        while (call := self._calls.get()) is not None:
            job, target, args, kwargs = call
            if job.ready():  # discarded while it waited
                continue
            post(job.on_accepted, pid, time.monotonic())
            try:
                value = target(*args, **kwargs)
            except BaseException as exc:
                # SystemExit and its like end the job, never the thread.
                post(job.on_error, exception_info(exc))
            else:
                post(job.on_success, value)
            # Held until the next job comes otherwise, perhaps for hours.
            del call, job, target, args, kwargs
            value = None

    def on_stop(self) -> None:
        """Cancel what has not started, wait for what has, tell the callbacks all that is left."""
        self._cancel_waiting()
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._callbacks.run()

    def on_terminate(self) -> None:
        """Cancel what has not started; a thread cannot be ended from outside."""
        self._cancel_waiting()
        for _ in self._threads:
            self._calls.put(None)
        self._threads.clear()

    def _cancel_waiting(self) -> None:
        try:
            while True:
                call = self._calls.get_nowait()
                if call is not None:
                    call[0].discard()
        except Empty:
            return

    def _get_info(self) -> dict[str, Any]:
        info = super()._get_info()
        info["threads"] = sum(thread.is_alive() for thread in self._threads)
        return info
