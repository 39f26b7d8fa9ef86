"""One call handed to a pool: its callbacks, and the handle its submitter keeps."""

import logging
import threading
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, Protocol

from billiard.einfo import ExceptionInfo
from billiard.exceptions import TimeLimitExceeded

__all__ = ("AcceptCallback", "Job", "TimeoutCallback", "call_back", "exception_info")

logger = logging.getLogger("celery.pool")


class AcceptCallback(Protocol):
    """Called when a process or thread starts on the job."""

    def __call__(self, pid: int, time_accepted: float, /) -> Any: ...


class TimeoutCallback(Protocol):
    """Called when a limit has passed: `soft` tells which, `timeout` is that limit in seconds."""

    def __call__(self, soft: bool, timeout: float, /) -> Any: ...


class _State(Enum):
    WAITING = "waiting"
    ACCEPTED = "accepted"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DISCARDED = "discarded"


_ENDED: Final = frozenset({_State.SUCCEEDED, _State.FAILED, _State.DISCARDED})


def exception_info(exc: BaseException) -> ExceptionInfo:
    """Return `exc`, with the traceback it carries, as the value that error callbacks are given.

    Its ``exception`` is `exc` itself, as it is when one arrives from another process.
    """
    if exc.__traceback__ is None:
        try:
            raise exc
        except type(exc):
            pass  # it has got the traceback that the class insists on
    info = ExceptionInfo((type(exc), exc, exc.__traceback__))
    info.exception = exc
    return info


def call_back(
    callback: Callable[..., Any] | None, *args: Any, propagate: tuple[type[BaseException], ...] = ()
) -> None:
    """Call `callback`, if any.  What it raises is logged, except `propagate` and exits."""
    if callback is None:
        return
    try:
        callback(*args)
    except propagate:
        raise
    except Exception:
        logger.exception("Pool callback raised exception", extra={"callback": repr(callback)})


class Job:
    """One call handed to a pool.

    The states, of which a job passes through each at most once::

        waiting --accepted--> accepted --succeeded--> succeeded
           |                     |------failed-----> failed   (raised, lost, terminated, timed out)
           \\---------------------+------discard---> discarded (no callback any more)

    Whatever the pool says about a job that has ended is ignored, so that exactly one of
    `callback`, `error_callback` and the hard `timeout_callback` is called.

    Args:
        job_id: number of the job in its pool, from 0.
        callback: given what the target returned.
        error_callback: given the ``ExceptionInfo`` of what it raised, or of
            ``WorkerLostError`` or ``Terminated``.
        accept_callback: given the process id and the monotonic time of the start.
        timeout_callback: given ``(soft, seconds)``.
        soft_timeout: seconds until ``SoftTimeLimitExceeded`` is raised in the target.
        timeout: seconds until the target is stopped by force.
        correlation_id: the task's id, for the submitter's own use.
        propagate: exceptions of callbacks that are not caught.
    """

    __slots__ = (
        "_accept_callback",
        "_callback",
        "_error_callback",
        "_event",
        "_propagate",
        "_state",
        "_timeout_callback",
        "_value",
        "body",
        "correlation_id",
        "job_id",
        "pid",
        "soft_timeout",
        "terminated",
        "time_accepted",
        "timeout",
    )

    def __init__(  # noqa: PLR0913  # the options of `apply_async`, by keyword
        self,
        job_id: int,
        *,
        callback: Callable[[Any], Any] | None = None,
        error_callback: Callable[[ExceptionInfo], Any] | None = None,
        accept_callback: AcceptCallback | None = None,
        timeout_callback: TimeoutCallback | None = None,
        soft_timeout: float | None = None,
        timeout: float | None = None,
        correlation_id: str | None = None,
        propagate: tuple[type[BaseException], ...] = (),
    ) -> None:
        self.job_id = job_id
        self.soft_timeout = soft_timeout
        self.timeout = timeout
        self.correlation_id = correlation_id
        #: The process that accepted it.
        self.pid: int | None = None
        self.time_accepted: float | None = None
        #: The signal by which it was told to end, if it was.
        self.terminated: int | None = None
        #: What is sent to the process that runs it; empty once it has left.
        self.body = b""
        self._callback = callback
        self._error_callback = error_callback
        self._accept_callback = accept_callback
        self._timeout_callback = timeout_callback
        self._propagate = propagate
        self._state = _State.WAITING
        self._value: Any = None
        self._event: threading.Event | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.job_id} {self._state.value}>"

    # -- what the pool says

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """A process or thread of process `pid` starts on it now."""
        if self._state is not _State.WAITING:
            return
        self._state = _State.ACCEPTED
        self.pid = pid
        self.time_accepted = time_accepted
        call_back(self._accept_callback, pid, time_accepted, propagate=self._propagate)

    def on_success(self, value: Any) -> None:
        """The target returned `value`."""
        if self._end(_State.SUCCEEDED, value):
            call_back(self._callback, value, propagate=self._propagate)

    def on_error(self, info: ExceptionInfo) -> None:
        """The target raised, or its process was lost or terminated."""
        if self._end(_State.FAILED, info):
            call_back(self._error_callback, info, propagate=self._propagate)

    def on_soft_timeout(self) -> None:
        """The soft limit has passed and the target was told; it is still running."""
        if self._state not in _ENDED:
            call_back(self._timeout_callback, True, self.soft_timeout, propagate=self._propagate)

    def on_hard_timeout(self) -> None:
        """The hard limit has passed and the target was stopped."""
        if self._end(_State.FAILED, exception_info(TimeLimitExceeded(self.timeout))):
            call_back(self._timeout_callback, False, self.timeout, propagate=self._propagate)

    def _end(self, state: _State, value: Any) -> bool:
        if self._state in _ENDED:
            return False
        self._value = value
        self._state = state
        # Read after the state is set; `wait` sets the event before it reads the state.
        event = self._event
        if event is not None:
            event.set()
        return True

    # -- what the submitter asks

    def accepted(self) -> bool:
        """Has a process or thread started on it?"""
        return self.pid is not None

    def ready(self) -> bool:
        """Has it ended?"""
        return self._state in _ENDED

    def successful(self) -> bool:
        """Did the target return?

        Raises:
            ValueError: It has not ended yet.
        """
        if not self.ready():
            raise ValueError(f"{self!r} has not ended: ask ready() first")
        return self._state is _State.SUCCEEDED

    def worker_pids(self) -> list[int]:
        """The process that runs it, or none."""
        return [] if self.pid is None else [self.pid]

    def terminate(self, signum: int) -> None:
        """Tell the end of its process, from now on, as a termination by `signum`."""
        self.terminated = signum

    def discard(self) -> None:
        """Forget about it: no callback is called any more, and unless it was sent it never runs."""
        self._end(_State.DISCARDED, None)

    def wait(self, timeout: float | None = None) -> None:
        """Block until it has ended, or `timeout` seconds have passed."""
        if self._event is None:
            self._event = threading.Event()
        if not self.ready():
            self._event.wait(timeout)

    def get(self, timeout: float | None = None) -> Any:
        """Return what the target returned, waiting for it; raise what it raised.

        Raises:
            TimeoutError: It has not ended within `timeout` seconds.
        """
        self.wait(timeout)
        if not self.ready():
            raise TimeoutError(f"{self!r} has not ended after {timeout} seconds")
        if self._state is _State.FAILED:
            raise self._value.exception
        return self._value
