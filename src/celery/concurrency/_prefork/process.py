"""One process of the pool, as the pool sees it: starting it, reading it, signalling it, its end."""

import gc
import math
import multiprocessing
import os
import signal
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Final

from billiard.einfo import ExceptionInfo
from billiard.exceptions import Terminated, WorkerLostError

from celery.concurrency._job import Job, exception_info
from celery.concurrency._prefork.child import CAUGHT_SIGNALS, ChildSpec, Closeable, child_main
from celery.concurrency._prefork.protocol import Report, ReportDecoder

__all__ = ("PoolProcess", "describe_exit", "loss")

#: How long to wait for a stopped process to stop, in seconds: longer only in uninterruptible sleep.
STOPPING_TIME: Final = 0.02

#: Bytes read from a process at once.
READ_SIZE: Final = 256 * 1024

#: First word of a process's name, by start method.
NAME_PREFIX: Final = {"fork": "Fork", "spawn": "Spawn"}


class PoolProcess:
    """One process of the pool.

    Args:
        spec: what it is told.
        start_method: ``fork`` or ``spawn``.
        siblings: what a forked process must not keep open, beside the pool's end of its stream.
    """

    def __init__(
        self, spec: ChildSpec, *, start_method: str, siblings: tuple[Closeable, ...]
    ) -> None:
        self.index = spec.index
        self.generation = spec.generation
        self.name = f"{NAME_PREFIX[start_method]}PoolWorker-{spec.number}"
        #: The job it has accepted and not finished.
        self.job: Job | None = None
        #: How many jobs it has accepted.
        self.accepted = 0
        #: Has it reported that it is set up?
        self.ready = False
        #: Has it reported that it takes no more jobs?
        self.leaving = False
        #: Has its stream ended?  It should be dead at once.
        self.silent = False
        #: Monotonic times at which something is due: a limit of its job, or, if it has not got
        #: ready or ended by then, its death.
        self.soft_limit_at = math.inf
        self.hard_limit_at = math.inf
        self.kill_at = math.inf
        self._decoder = ReportDecoder()
        self._stream, childs_end = socket.socketpair()
        self._stream.setblocking(False)
        try:
            self._process = _start(
                spec, childs_end, (*siblings, self._stream), self.name, start_method
            )
        except BaseException:
            self._stream.close()
            raise
        finally:
            childs_end.close()
        self.pid: int = self._process.pid or 0
        # Readable when the process is dead, whoever else still holds its end of the stream.
        self._pidfd = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.name} pid:{self.pid}>"

    def fileno(self) -> int:
        """The descriptor on which reports arrive."""
        return self._stream.fileno()

    @property
    def pidfd(self) -> int | None:
        """The descriptor that is readable when the process is dead, where the system has one."""
        return self._pidfd

    def read(self) -> list[Report] | None:
        """Return the reports that are complete now; None at the end of the stream.

        Raises:
            BlockingIOError: Nothing has arrived.
        """
        try:
            data = self._stream.recv(READ_SIZE)
        except ConnectionResetError:
            return None
        if not data:
            return None
        return list(self._decoder.feed(data))

    # -- its end

    def exitcode(self) -> int | None:
        """Its exit code (a signal as negative number); None while it lives.  Reaps it."""
        return self._process.exitcode

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end."""
        self._process.join(timeout)

    def signal(self, number: int) -> None:
        """Send it a signal; nothing happens if it is dead."""
        if self.exitcode() is None:
            os.kill(self.pid, number)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop it for as long as the block runs.

        What it has reported can then be read in full, and a signal sent inside meets it in the
        state that it was seen in.
        """
        self.signal(signal.SIGSTOP)
        if hasattr(os, "waitid"):
            give_up = time.monotonic() + STOPPING_TIME
            flags = os.WSTOPPED | os.WEXITED | os.WNOHANG | os.WNOWAIT
            while self.exitcode() is None and time.monotonic() < give_up:
                if os.waitid(os.P_PID, self.pid, flags) is not None:
                    break
                os.sched_yield()
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def close(self) -> None:
        """Release its descriptors.  In a forked sibling too; the process itself lives on."""
        self._stream.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

    def dispose(self) -> None:
        """Release everything about a dead process."""
        self.close()
        if self.exitcode() is not None:  # None: somebody else has reaped it
            self._process.close()


def describe_exit(exitcode: int | None) -> str:
    """Say how a process ended: ``signal 9 (SIGKILL)`` or ``exitcode 1``."""
    if exitcode is not None and exitcode < 0:
        try:
            name = signal.Signals(-exitcode).name
        except ValueError:
            name = "unknown"
        return f"signal {-exitcode} ({name})"
    return f"exitcode {exitcode}"


def loss(job: Job, exitcode: int | None) -> ExceptionInfo:
    """Return what a job's error callback is given when its process has ended under it."""
    if job.terminated is not None:
        signum = -exitcode if exitcode is not None and exitcode < 0 else job.terminated
        return exception_info(Terminated(signum))
    return exception_info(
        WorkerLostError(f"Worker exited prematurely: {describe_exit(exitcode)} Job: {job.job_id}.")
    )


def _start(
    spec: ChildSpec,
    reports: socket.socket,
    inherited: tuple[Closeable, ...],
    name: str,
    start_method: str,
) -> BaseProcess:
    """Start the process that `spec` describes."""
    parent = None
    if start_method == "spawn":
        inherited = ()
    elif threading.current_thread() is threading.main_thread():
        # Linux takes the end of the thread that forked for the end of the parent.
        parent = os.getpid()
    context = multiprocessing.get_context(start_method)
    process: BaseProcess = context.Process(  # type: ignore[attr-defined]  # each context has it
        target=child_main, args=(spec, reports, parent, inherited), name=name, daemon=True
    )
    if start_method == "fork":
        _fork(process)
    else:
        process.start()
    return process


def _fork(process: BaseProcess) -> None:
    """Start `process` by forking, its memory shared with this one for as long as possible."""
    # The collector would write to every object it visits; what there is now it will not visit.
    ours = gc.get_freeze_count() == 0
    gc.freeze()
    # Until the process has handlers of its own, the worker's would run in it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, CAUGHT_SIGNALS)
    try:
        with warnings.catch_warnings():
            # Python 3.12 warns when other threads run.  They do (leases, timers); the process
            # only uses what was made safe for it, and one that hangs at its start is replaced.
            warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)
            process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if ours:
            gc.unfreeze()
