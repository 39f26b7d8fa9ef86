"""What every pool is: the base class that pools extend, and a call made in this very thread."""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from billiard.einfo import ExceptionInfo
from billiard.exceptions import WorkerLostError

from celery.concurrency._job import exception_info
from celery.exceptions import WorkerShutdown, WorkerTerminate
from celery.utils import timer2
from celery.utils.text import truncate

if TYPE_CHECKING:
    from celery._ports import AppPort
    from celery.concurrency._loops import HubPort

__all__ = ("BasePool", "apply_target")

logger = logging.getLogger("celery.pool")

#: No more characters of a job's arguments than this go to the debug log.
LOGGED_ARGUMENTS = 1024


def apply_target(  # noqa: PLR0913  # the documented signature, which pools call
    target: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    callback: Callable[[Any], Any] | None = None,
    accept_callback: Callable[[int, float], Any] | None = None,
    pid: int | None = None,
    getpid: Callable[[], int] = os.getpid,
    propagate: tuple[type[BaseException], ...] = (),
    monotonic: Callable[[], float] = time.monotonic,
    error_callback: Callable[[ExceptionInfo], Any] | None = None,
    **_: Any,
) -> None:
    """Call `target` in this thread, telling the callbacks as a pool does.

    Args:
        target: what to call, with `args` and `kwargs`.
        callback: given what it returned.
        accept_callback: given ``(pid, monotonic time)`` before the call.
        error_callback: given the ``ExceptionInfo`` of what it raised.  Without it an ordinary
            exception is raised here, and an exit (``SystemExit``, ``KeyboardInterrupt``) goes to
            `callback`, as ``WorkerLostError``.
        propagate: exceptions that are always raised here, as are ``WorkerShutdown`` and
            ``WorkerTerminate``.
        **_: the options that only other pools know.
    """
    if accept_callback is not None:
        accept_callback(pid or getpid(), monotonic())
    raised_here: tuple[type[BaseException], ...] = (*propagate, WorkerShutdown, WorkerTerminate)
    try:
        value = target(*args, **(kwargs or {}))
    except raised_here:
        raise
    except Exception as exc:
        if error_callback is None:
            raise
        error_callback(exception_info(exc))
    except BaseException as exc:
        lost = WorkerLostError(repr(exc)).with_traceback(exc.__traceback__)
        report = error_callback or callback
        if report is not None:
            report(exception_info(lost))
    else:
        if callback is not None:
            callback(value)


class BasePool:
    """The base of all pools, and the extension point for one's own.

    A subclass gives at least `on_apply`.  The worker makes one, calls `start`, then
    `register_with_event_loop` on the thread of its loop, then `apply_async` for each task, and in
    the end `stop` (running jobs end) or `terminate` (they do not).

    Args:
        limit: how many jobs at once.
        putlocks: may the worker hold jobs back while all slots are busy?
        forking_enable: may it start processes by forking?
        callbacks_propagate: exceptions of callbacks that the pool does not catch.
        app: the application whose tasks are run.
        **options: what this kind of pool alone knows; kept in `options`.
    """

    RUN = 0x1
    CLOSE = 0x2
    TERMINATE = 0x3

    #: The class of the timer of a worker that runs on this pool without an event loop.
    Timer: type[Any] = timer2.Timer

    #: May the worker install signal handlers?
    signal_safe = True
    #: Does it run greenlets?
    is_green = False
    #: Is the number of jobs in the pool to be bounded by the worker's semaphore?
    uses_semaphore = False
    #: May a task that waits for another one's result block this pool for good?
    task_join_will_block = True
    #: Does it run a job in the thread that submits it, before `apply_async` returns?
    runs_inline = False
    #: May the body of a message be a memoryview (true where jobs stay in this process)?
    body_can_be_buffer = False

    _pool: Any = None
    _state: int | None = None
    _does_debug = True

    def __init__(
        self,
        limit: int | None = None,
        putlocks: bool = True,
        forking_enable: bool = True,
        callbacks_propagate: tuple[type[BaseException], ...] = (),
        app: "AppPort | None" = None,
        **options: Any,
    ) -> None:
        self.limit = limit
        self.putlocks = putlocks
        self.forking_enable = forking_enable
        self.callbacks_propagate = callbacks_propagate
        self.app = app
        self.options = options

    # -- for a subclass to define

    def on_start(self) -> None:
        """Make ready to run jobs."""

    def on_stop(self) -> None:
        """Wait for the running jobs, then release everything."""

    def on_close(self) -> None:
        """Take no more jobs."""

    def on_terminate(self) -> None:
        """Release everything now; running jobs do not end."""

    def on_apply(self, *args: Any, **kwargs: Any) -> Any:
        """Run a job: ``(target, args, kwargs)`` and the options of `apply_async`."""

    def on_soft_timeout(self, job: Any) -> None:
        """Told that a job has passed its soft limit."""

    def on_hard_timeout(self, job: Any) -> None:
        """Told that a job has passed its hard limit."""

    def did_start_ok(self) -> bool:
        """Are the processes or threads up, or at least not failing?"""
        return True

    def flush(self) -> None:
        """Hand over what is still buffered."""

    def maintain_pool(self, *args: Any, **kwargs: Any) -> None:
        """Replace what has died; for pools that do not see it by themselves."""

    def register_with_event_loop(self, loop: "HubPort") -> None:
        """From now on make all callbacks on ``loop.loop``; called on that loop's thread."""

    def terminate_job(self, pid: int, signal: int | None = None) -> None:
        """End the job that the process `pid` is running.

        Raises:
            NotImplementedError: This kind of pool cannot.
        """
        raise NotImplementedError(f"{type(self)} does not implement kill_job")

    def restart(self) -> None:
        """Replace every process, each when its running job has ended.

        Raises:
            NotImplementedError: This kind of pool cannot.
        """
        raise NotImplementedError(f"{type(self)} does not implement restart")

    def grow(self, n: int = 1) -> None:
        """Run `n` more jobs at once.

        Raises:
            NotImplementedError: This kind of pool cannot.
        """
        raise NotImplementedError(f"{type(self)} does not implement grow")

    def shrink(self, n: int = 1) -> None:
        """Run `n` fewer jobs at once; never interrupts one.

        Raises:
            NotImplementedError: This kind of pool cannot.
        """
        raise NotImplementedError(f"{type(self)} does not implement shrink")

    # -- what the worker calls

    def start(self) -> None:
        """Start the pool."""
        self._does_debug = logger.isEnabledFor(logging.DEBUG)
        self.on_start()
        self._state = self.RUN

    def close(self) -> None:
        """Take no more jobs; those taken are run."""
        self._state = self.CLOSE
        self.on_close()

    def stop(self) -> None:
        """Wait for the running jobs and release everything.  Safe twice."""
        self.on_stop()
        self._state = self.TERMINATE

    def terminate(self) -> None:
        """Release everything now; running jobs do not end and get no callback.  Safe twice."""
        self._state = self.TERMINATE
        self.on_terminate()

    def apply_async(
        self,
        target: Callable[..., Any],
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Run ``target(*args, **kwargs)`` in the pool.

        Args:
            target: the function; a pool of processes pickles it by reference.
            **options: `callback`, `error_callback`, `accept_callback`, `timeout_callback`,
                `soft_timeout`, `timeout`, `correlation_id` as `Job` describes them; a pool
                ignores those it does not know.

        Returns:
            A handle with ``ready()``, ``get()``, ``terminate(signum)``, ``discard()``; None from
            pools that run the job before they return.
        """
        arguments = () if args is None else args
        if self._does_debug:
            logger.debug(
                "TaskPool: Apply %s (args:%s kwargs:%s)",
                target,
                truncate(repr(arguments), LOGGED_ARGUMENTS),
                truncate(repr(kwargs), LOGGED_ARGUMENTS),
            )
        return self.on_apply(
            target,
            arguments,
            {} if kwargs is None else kwargs,
            waitforslot=self.putlocks,
            callbacks_propagate=self.callbacks_propagate,
            **options,
        )

    @property
    def active(self) -> bool:
        """Is it started and neither closed nor stopped?"""
        return self._state == self.RUN

    @property
    def num_processes(self) -> int:
        """How many jobs it runs at once."""
        return self.limit or 0

    @property
    def info(self) -> dict[str, Any]:
        """The facts that ``inspect stats`` shows."""
        return self._get_info()

    def _get_info(self) -> dict[str, Any]:
        return {
            "implementation": f"{type(self).__module__}:{type(self).__qualname__}",
            "max-concurrency": self.limit,
        }
