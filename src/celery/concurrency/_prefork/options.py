"""What a pool of processes is told when it is made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

__all__ = ("DEFAULT_ALIVE_TIMEOUT", "PoolOptions")

#: How long a process may take to be set up, in seconds.
DEFAULT_ALIVE_TIMEOUT: Final = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOptions:
    """What a pool of processes is told when it is made.

    Args:
        initializer, initargs: called in each process before its first job.
        finalizer: called in each process with ``(pid, exit code)`` before it exits.
        before_start: called in this process before each is started.
        max_jobs: a process leaves after so many jobs.
        max_memory: a process leaves after a job when it has more KiB resident.
        soft_timeout, timeout: limits, in seconds, of jobs that bring none.
        alive_timeout: a process that is not set up after so many seconds is killed.
        start_method: ``fork`` or ``spawn``.
    """

    initializer: Callable[..., Any] | None = None
    initargs: tuple[Any, ...] = ()
    finalizer: Callable[[int, int], Any] | None = None
    before_start: Callable[[], Any] | None = None
    max_jobs: int | None = None
    max_memory: int | None = None
    soft_timeout: float | None = None
    timeout: float | None = None
    alive_timeout: float = DEFAULT_ALIVE_TIMEOUT
    start_method: str = "fork"
