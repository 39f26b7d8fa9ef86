"""Signals that hit one job and no other: its time limits, and its termination.

A process may finish a job at the very moment at which it is to be interrupted, and start the
next one.  So it is stopped first, what it has reported is read, and only if it is still running
that job does it get the signal.
"""

import math
import signal
from collections.abc import Callable

from celery.concurrency._job import Job
from celery.concurrency._prefork.process import PoolProcess

__all__ = ("arm", "disarm", "enforce", "next_limit", "signal_job")

#: Reads what the process has reported, and handles it.
Drain = Callable[[PoolProcess], bool]


def arm(process: PoolProcess, job: Job, start: float) -> None:
    """Note when the limits of the job are over that `process` accepted at the time `start`."""
    process.soft_limit_at = start + job.soft_timeout if job.soft_timeout else math.inf
    process.hard_limit_at = start + job.timeout if job.timeout else math.inf


def disarm(process: PoolProcess) -> None:
    """Forget the limits: the job has finished."""
    process.soft_limit_at = process.hard_limit_at = math.inf


def next_limit(process: PoolProcess) -> float:
    """The monotonic time at which the next limit is over; infinite if there is none."""
    return min(process.soft_limit_at, process.hard_limit_at)


def enforce(process: PoolProcess, now: float, drain: Drain) -> Callable[[], None] | None:
    """Enforce the limits that are over at `now`; returns what of its job is to be called then."""
    job = process.job
    if job is None:
        disarm(process)
    elif process.hard_limit_at <= now:
        process.hard_limit_at = math.inf
        if signal_job(process, job, signal.SIGKILL, drain):
            return job.on_hard_timeout
    elif process.soft_limit_at <= now:
        process.soft_limit_at = math.inf
        if signal_job(process, job, signal.SIGUSR1, drain):
            return job.on_soft_timeout
    return None


def signal_job(process: PoolProcess, job: Job, number: int, drain: Drain) -> bool:
    """Send the signal to `process` if it is still running `job`; returns whether it was."""
    with process.frozen():
        drain(process)
        if process.job is not job:
            return False
        process.signal(number)
        return True
