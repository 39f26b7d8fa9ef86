"""The pool: a crew of processes, made usable from any thread, with a worker's loop or without."""

import asyncio
import gc
import itertools
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event, get_ident
from typing import Any, Final

from celery.concurrency._job import Job
from celery.concurrency._loops import LoopThread
from celery.concurrency._prefork import protocol
from celery.concurrency._prefork.crew import Crew
from celery.concurrency._prefork.options import PoolOptions
from celery.concurrency._prefork.process import PoolProcess

__all__ = ("ProcessPool",)

#: How long a process may take to exit, in seconds, after `ProcessPool.terminate` has asked it to.
TERMINATING_TIME: Final = 1.0


class ProcessPool:
    """Processes that run jobs.

    It works on the loop given to `attach`, or, when it is used without one, on a loop in a thread
    of its own.  Callbacks are called there.

    Args:
        limit: how many processes.
        options: everything else.
    """

    def __init__(self, limit: int, options: PoolOptions) -> None:
        self.options = options
        self._gone = Event()
        self._on_gone: Callable[[], None] = self._gone.set
        self._crew = Crew(limit, options, lambda: self._on_gone())
        self._job_ids = itertools.count()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread: int | None = None
        self._own_loop: LoopThread | None = None

    # -- facts

    @property
    def wanted(self) -> int:
        """How many processes there are to be."""
        return self._crew.wanted

    @property
    def processes(self) -> list[PoolProcess]:
        """The living processes."""
        return list(self._crew.processes)

    @property
    def jobs_sent(self) -> int:
        """How many jobs were sent to the processes since the start."""
        return self._crew.dispatcher.jobs_sent

    def did_start_ok(self) -> bool:
        """Has no process died while it was set up, as far as is known?"""
        return not self._crew.starts.failures and all(
            process.ready or process.exitcode() is None for process in self.processes
        )

    # -- start and stop

    def start(self) -> None:
        """Start the processes.

        Raises:
            OSError: The system refuses; nothing is left behind.
        """
        gc.collect()  # what is garbage now would be kept in every process
        try:
            for _ in range(self.wanted):
                self._crew.spawn()
        except BaseException:
            self.terminate()
            raise

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Work on this loop from now on; called on the thread that runs it."""
        self._leave_loop()
        self._loop, self._loop_thread = loop, get_ident()
        self._crew.attach(loop)

    def close(self) -> None:
        """Take no more jobs; the processes leave when those taken have ended.  Safe twice."""
        if not self._closed:
            self._closed = True
            self._on_loop(self._crew.close)

    def join(self) -> None:
        """Wait, after `close`, until the last process has ended.  The jobs' callbacks are called.

        On the thread of a loop that does not run at the moment, it is run for as long.  From
        inside a running loop, callbacks are made by a thread of the pool meanwhile.
        """
        loop = self._loop
        if loop is not None and self._own_loop is None and self._loop_thread == get_ident():
            if loop.is_running() or loop.is_closed():
                self._enter_own_loop()
            elif not self._gone.is_set():
                self._run_until_gone(loop)
        self._gone.wait()
        self._release()

    def terminate(self) -> None:
        """End all processes now, and forget all jobs.  Safe twice."""
        self._closed = True
        self._leave_loop()
        processes = self.processes
        for process in processes:
            process.signal(signal.SIGTERM)
        give_up = time.monotonic() + TERMINATING_TIME
        for process in processes:
            process.join(max(0.0, give_up - time.monotonic()))
            process.signal(signal.SIGKILL)
            process.join()
            process.dispose()
        self._crew.processes.clear()
        self._gone.set()
        self._release()

    def _release(self) -> None:
        self._leave_loop()
        self._crew.dispatcher.close()

    # -- jobs

    def submit(
        self,
        target: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        **options: Any,
    ) -> Job:
        """Run a call in one of the processes; options as for `Job`.  From any thread.

        Raises:
            RuntimeError: The pool is closed.
            Exception: What pickling the call raises.
        """
        if self._closed:
            raise RuntimeError("the pool is closed: it takes no more jobs")
        body = protocol.encode_call(target, args, kwargs)
        job = Job(next(self._job_ids), **options)
        job.soft_timeout = job.soft_timeout or self.options.soft_timeout
        job.timeout = job.timeout or self.options.timeout
        job.body = body
        self._on_loop(self._crew.dispatcher.add, job)
        return job

    def terminate_job(self, pid: int, signum: int) -> None:
        """Send the signal to the process, if it is still running the job it is running now.

        When it dies of it the job's error callback is given ``Terminated``.
        """
        self._on_loop(self._crew.terminate_job, pid, signum)

    def flush(self) -> None:
        """Send as many jobs to the processes as there is room for."""
        self._on_loop(self._crew.dispatcher.flush)

    # -- size

    def resize(self, size: int) -> None:
        """Have so many processes; superfluous ones leave when they are idle."""
        self._on_loop(self._crew.resize, size)

    def restart(self) -> None:
        """Replace every process, each when its running job has ended."""
        self._on_loop(self._crew.restart)

    # -- the loop

    def _on_loop(self, call: Callable[..., None], *args: Any) -> None:
        """Make the call on the loop: at once if this is its thread."""
        if self._gone.is_set():
            return
        if self._loop is None or self._loop.is_closed():
            self._enter_own_loop()
        if self._loop_thread == get_ident():
            call(*args)
        elif self._loop is not None:
            self._loop.call_soon_threadsafe(call, *args)

    def _enter_own_loop(self) -> None:
        self._leave_loop()
        own = LoopThread("celery-pool")
        self._own_loop, self._loop, self._loop_thread = own, own.loop, own.ident
        own.loop.call_soon_threadsafe(self._crew.attach, own.loop)

    def _leave_loop(self) -> None:
        own, self._own_loop, self._loop = self._own_loop, None, None
        if own is None:
            self._crew.detach()
        else:
            own.loop.call_soon_threadsafe(self._crew.detach)
            own.stop()

    def _run_until_gone(self, loop: asyncio.AbstractEventLoop) -> None:
        gone = loop.create_future()

        def tell() -> None:
            self._gone.set()
            if not gone.done():
                gone.set_result(None)

        self._on_gone = tell
        try:
            loop.run_until_complete(gone)
        finally:
            self._on_gone = self._gone.set
