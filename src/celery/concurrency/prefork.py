"""Pool of processes."""

import logging
import os
import signal as _signal
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from celery import _state, signals
from celery._late import late
from celery.concurrency._job import Job
from celery.concurrency._prefork.options import DEFAULT_ALIVE_TIMEOUT, PoolOptions
from celery.concurrency._prefork.pool import ProcessPool
from celery.concurrency.base import BasePool
from celery.exceptions import ImproperlyConfigured
from celery.platforms import set_mp_process_title

if TYPE_CHECKING:
    from celery._ports import AppPort
    from celery.concurrency._loops import HubPort

__all__ = ("TaskPool", "process_destructor", "process_initializer")

logger = logging.getLogger("celery.pool")

#: The values of ``worker_pool_start_method``.
START_METHODS: Final = ("fork", "spawn")

#: The node this process belongs to; set in the processes of a pool only, which serve one worker.
_nodename: str | None = None


def process_initializer(app: "AppPort", hostname: str | None) -> None:
    """Set up a process of the pool to run the tasks of `app` for the node `hostname`.

    Connections inherited from the main process are forgotten by the app itself, when it forks.
    """
    global _nodename
    _nodename = hostname
    _state._set_task_join_will_block(True)
    set_mp_process_title("celeryd", hostname=hostname)
    app.set_current()
    app.set_default()
    if not app.finalized:  # spawned: nothing is inherited
        app.loader.import_default_modules()
    app.loader.init_worker_process()
    environ = os.environ.get
    app.log.setup(
        int(environ("CELERY_LOG_LEVEL") or 0),
        environ("CELERY_LOG_FILE") or None,
        bool(environ("CELERY_LOG_REDIRECT")),
        environ("CELERY_LOG_REDIRECT_LEVEL") or "WARNING",
        hostname=hostname,
    )
    late("celery.app.trace:setup_worker_optimizations")(app, hostname)
    signals.worker_process_init.send(sender=hostname)


def process_destructor(pid: int, exitcode: int) -> None:
    """Tell this process's receivers that it is about to exit."""
    signals.worker_process_shutdown.send(sender=_nodename, pid=pid, exitcode=exitcode)


class TaskPool(BasePool):
    """Processes that take jobs from one socket, each one job at a time.

    A process that dies is replaced at once; its job's error callback is given
    ``WorkerLostError``.  No job is lost without that, and none is run twice.

    Args:
        limit: how many processes.
        initargs: ``(app, node name)``; by default the app given and no name.
        maxtasksperchild: a process is replaced after so many jobs.
        max_memory_per_child: a process is replaced after a job that leaves it with more KiB.
        timeout, soft_timeout: limits, in seconds, of jobs that bring none.
        proc_alive_timeout: seconds a process may take to be set up; by default from settings.
        start_method: ``fork`` or ``spawn``; by default from settings.

    Other options that workers give, such as `semaphore` and `sched_strategy`, mean nothing here:
    the job socket bounds and balances by itself.

    Raises:
        ImproperlyConfigured: Another start method is asked for.
    """

    uses_semaphore = True

    _pool: ProcessPool | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._process_options = self._make_options()

    def _make_options(self) -> PoolOptions:
        get = self.options.get
        conf = None if self.app is None else self.app.conf
        start_method = get("start_method") or (
            "fork" if conf is None else conf.worker_pool_start_method
        )
        if start_method == "fork" and not self.forking_enable:
            start_method = "spawn"
        if start_method not in START_METHODS:
            raise ImproperlyConfigured(
                f"worker_pool_start_method is {start_method!r}: it must be one of "
                + ", ".join(map(repr, START_METHODS))
            )
        alive_timeout = get("proc_alive_timeout") or (
            None if conf is None else conf.worker_proc_alive_timeout
        )
        initializer: Callable[..., Any] | None = None
        initargs: tuple[Any, ...] = get("initargs") or ()
        if self.app is not None or initargs:
            initializer, initargs = process_initializer, initargs or (self.app, None)
        return PoolOptions(
            initializer=initializer,
            initargs=initargs,
            finalizer=process_destructor,
            before_start=self._announce_process,
            max_jobs=get("maxtasksperchild") or None,
            max_memory=get("max_memory_per_child") or None,
            soft_timeout=get("soft_timeout"),
            timeout=get("timeout"),
            alive_timeout=alive_timeout or DEFAULT_ALIVE_TIMEOUT,
            start_method=start_method,
        )

    def _announce_process(self) -> None:
        signals.worker_before_create_process.send(sender=self._pool)

    # -- hooks of the base class

    def on_start(self) -> None:
        """Start the processes."""
        self._pool = ProcessPool(self.limit or os.cpu_count() or 1, self._process_options)
        self._pool.start()

    def did_start_ok(self) -> bool:
        """Has no process died while it was set up, as far as is known?"""
        return self._pool is not None and self._pool.did_start_ok()

    def register_with_event_loop(self, loop: "HubPort") -> None:
        """From now on work, and make all callbacks, on ``loop.loop``; called on its thread."""
        self._started.attach(loop.loop)

    def on_close(self) -> None:
        """Take no more jobs."""
        if self._pool is not None:
            self._pool.close()

    def on_stop(self) -> None:
        """Wait for the jobs taken, and for the processes to end."""
        if self._pool is not None:
            self._pool.close()
            self._pool.join()

    def on_terminate(self) -> None:
        """End all processes now; no callback is called."""
        if self._pool is not None:
            self._pool.terminate()

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
        """Queue the job for the next process that is free."""
        return self._started.submit(
            target, args, kwargs or {}, propagate=callbacks_propagate, **options
        )

    def flush(self) -> None:
        """Send as many jobs to the processes as there is room for."""
        if self._pool is not None:
            self._pool.flush()

    def terminate_job(self, pid: int, signal: int | None = None) -> None:
        """Signal the process `pid` (SIGTERM by default), if it is still running its present job."""
        self._started.terminate_job(pid, signal or _signal.SIGTERM)

    def restart(self) -> None:
        """Replace every process, each when its running job has ended."""
        self._started.restart()

    def grow(self, n: int = 1) -> None:
        """Have `n` more processes."""
        self._started.resize(self._started.wanted + n)

    def shrink(self, n: int = 1) -> None:
        """Have `n` fewer processes: the next ones that are idle leave.

        Raises:
            ValueError: There are not so many.
        """
        size = self.num_processes - n
        if size < 0:
            raise ValueError(f"Can't shrink pool by {n}: it has {self.num_processes} processes")
        self._started.resize(size)

    @property
    def _started(self) -> ProcessPool:
        if self._pool is None:
            raise RuntimeError("the pool is not started")
        return self._pool

    # -- facts

    @property
    def num_processes(self) -> int:
        """How many processes there are to be."""
        return (self.limit or 0) if self._pool is None else self._pool.wanted

    def _get_info(self) -> dict[str, Any]:
        options = self._process_options
        pool = self._pool
        info = super()._get_info()
        info.update(
            {
                "max-concurrency": self.num_processes,
                "processes": [] if pool is None else [process.pid for process in pool.processes],
                "max-tasks-per-child": options.max_jobs or "N/A",
                "put-guarded-by-semaphore": self.putlocks,
                "timeouts": (options.soft_timeout or 0, options.timeout or 0),
                "writes": "N/A" if pool is None else _describe_writes(pool),
            }
        )
        return info


def _describe_writes(pool: ProcessPool) -> dict[str, Any]:
    """Say how the jobs are spread over the processes."""
    counts = [process.accepted for process in pool.processes]
    total = sum(counts)
    shares = [f"{count / total if total else 0:.2%}" for count in counts]
    return {
        "total": pool.jobs_sent,
        "avg": f"{1 / len(counts) if counts and total else 0:.2%}",
        "all": ", ".join(shares),
        "raw": ", ".join(map(str, counts)),
        "strategy": "shared",
        "inqueues": {
            "total": len(counts),
            "active": sum(process.job is not None for process in pool.processes),
        },
    }
