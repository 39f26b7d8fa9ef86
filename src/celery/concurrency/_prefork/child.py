"""The life of one process of the pool: receive a job, say so, run it, report, and again.

The states, and what a signal does in each::

    setting up --> waiting --message--> telling --> running --> telling --> waiting
         |            |                                |            |
         |         pool gone, asked to leave           |       worn out, or the job
         v            v                                v       asked for the exit
       leaving  <-----+--------------------------------+------------+

* SIGTERM, SIGQUIT and SIGHUP raise ``SystemExit`` where the process sets up, waits or runs (so
  that ``finally`` clauses run), and are looked at after telling otherwise.  In the end the process
  dies of the signal, so that the pool sees which one it was.  The second one kills at once.
* SIGUSR1, the soft time limit, raises ``SoftTimeLimitExceeded`` while running, and does nothing
  otherwise: a late one never hits the next job.
* SIGINT is ignored: the terminal sends it to all processes of the worker, which ends by itself.
"""

import logging
import multiprocessing
import os
import pickle
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final, NoReturn, Protocol

import billiard
from billiard.einfo import ExceptionInfo
from billiard.exceptions import SoftTimeLimitExceeded
from billiard.pool import MaybeEncodingError

from celery.concurrency._prefork import protocol
from celery.concurrency._prefork.jobsocket import JobReceiver, Message
from celery.concurrency._prefork.protocol import MessageKind, ReportKind
from celery.platforms import set_pdeathsig

__all__ = ("CAUGHT_SIGNALS", "ChildSpec", "child_main")

logger = logging.getLogger("celery.pool")

#: Ask for the exit, politely.
EXIT_SIGNALS: Final = (signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
#: All that it handles; blocked while it is forked.
CAUGHT_SIGNALS: Final = (*EXIT_SIGNALS, signal.SIGINT, signal.SIGUSR1)


class Closeable(Protocol):
    """Something inherited that a forked process must let go."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """All that a process is given by the pool.

    Args:
        index: its slot, from 0; reused by the process that replaces it.
        number: the how-manieth process of the pool it is, from 1.
        generation: rises with each restart of the pool.
        jobs: where messages are received.
        initializer, initargs: called when it is set up, before the first job.
        finalizer: called with ``(pid, exit code)`` before it exits.
        max_jobs: it leaves after so many; None for no limit.
        max_memory: it leaves after a job when it has more KiB resident; None for no limit.
    """

    index: int
    number: int
    generation: int
    jobs: socket.socket
    initializer: Callable[..., Any] | None = None
    initargs: tuple[Any, ...] = ()
    finalizer: Callable[[int, int], Any] | None = None
    max_jobs: int | None = None
    max_memory: int | None = None


def child_main(
    spec: ChildSpec, reports: socket.socket, parent: int | None, inherited: Iterable[Closeable]
) -> None:
    """Be a process of the pool, until it is to leave; the target of the process.

    Args:
        spec: all that it is to know.
        reports: where it reports.
        parent: the pool's process id, if the process is to die with it at once.
        inherited: what it has inherited by fork and must not keep open.
    """
    process = _Child(spec, reports)
    process.catch_signals()
    if parent is not None:
        _die_with(parent)
    for thing in inherited:
        thing.close()
    _take_name(spec)
    exitcode = 1
    try:
        if spec.initializer is not None:
            spec.initializer(*spec.initargs)
        process.serve()
        exitcode = 0
    except SystemExit as exc:
        if not process.exit_signal:
            raise
        exitcode = exc.code if isinstance(exc.code, int) else 1
    except BrokenPipeError:
        # The pool is gone, and nobody will ever read the reports.
        logger.warning("the worker's main process is gone: exiting")
    finally:
        if spec.finalizer is not None:
            spec.finalizer(os.getpid(), exitcode)
    if process.exit_signal:
        _die_of(process.exit_signal)


class _Child:
    """What the process does between its setting up and its leaving."""

    def __init__(self, spec: ChildSpec, reports: socket.socket) -> None:
        self._spec = spec
        self._jobs = JobReceiver(spec.jobs, reports)
        self._reports = reports
        self._running = False
        self._interruptible = True
        self._job_asked_to_exit = False
        #: The signal that asked for the exit, or 0.
        self.exit_signal = 0

    # -- signals

    def catch_signals(self) -> None:
        """Replace the handlers of the worker, which a forked process has inherited."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, self._on_soft_limit)
        for number in EXIT_SIGNALS:
            signal.signal(number, self._on_exit_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, CAUGHT_SIGNALS)

    def _on_soft_limit(self, number: int, frame: FrameType | None) -> None:
        if self._running:
            raise SoftTimeLimitExceeded

    def _on_exit_signal(self, number: int, frame: FrameType | None) -> None:
        for each in EXIT_SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        self.exit_signal = number
        if self._running or self._interruptible:
            self._exit_if_asked()

    # -- messages

    def serve(self) -> None:
        """Handle messages until the pool is gone, or this process is to leave."""
        self._tell(ReportKind.READY)
        jobs_done = 0
        while (message := self._receive()) is not None:
            sequence = message.sequence
            if message.kind == MessageKind.LEAVE:
                if self._spec.generation <= protocol.decode_generation(message.body):
                    self._tell(ReportKind.LEAVING, sequence)
                    return
                self._tell_accepted(sequence)
            elif message.kind == MessageKind.PROBE:
                self._tell_accepted(sequence)
            else:
                self._tell_accepted(sequence)
                self._tell(*self._run(message))
                jobs_done += 1
                if self._job_asked_to_exit or self._is_worn_out(jobs_done):
                    self._tell(ReportKind.LEAVING)
                    return
            del message  # it may be large, and the next one a long time coming

    def _receive(self) -> Message | None:
        # A signal that raises here may throw away a message just received: the pool notices.
        self._interruptible = True
        try:
            self._exit_if_asked()
            return self._jobs.receive()
        finally:
            self._interruptible = False

    def _tell_accepted(self, sequence: int) -> None:
        self._tell(ReportKind.ACCEPTED, sequence, protocol.encode_time(time.monotonic()))

    def _tell(self, kind: int, sequence: int = 0, body: bytes = b"") -> None:
        self._reports.sendall(protocol.encode_report(kind, sequence, body))
        self._exit_if_asked()

    def _exit_if_asked(self) -> None:
        if self.exit_signal:
            raise SystemExit(128 + self.exit_signal)

    def _run(self, message: Message) -> tuple[int, int, bytes]:
        """Call the target; returns the report of what came of it.  Raises only to exit."""
        sequence = message.sequence
        try:
            try:
                self._running = True
                self._exit_if_asked()
                target, args, kwargs = protocol.decode_call(message.body)
                value = target(*args, **kwargs)
            finally:
                self._running = False
        except BaseException as exc:
            self._exit_if_asked()
            self._job_asked_to_exit = isinstance(exc, SystemExit | KeyboardInterrupt)
            return ReportKind.FAILED, sequence, _encode_failure(ExceptionInfo())
        self._exit_if_asked()  # the job may have swallowed the first one
        try:
            return ReportKind.SUCCEEDED, sequence, _dumps(value)
        except Exception as exc:
            return ReportKind.FAILED, sequence, _encode_failure(_encoding_error(exc, value))

    def _is_worn_out(self, jobs_done: int) -> bool:
        spec = self._spec
        if spec.max_jobs is not None and jobs_done >= spec.max_jobs:
            return True
        if spec.max_memory is not None and (used := _resident_kib()) > spec.max_memory:
            logger.warning(
                "child process exiting after exceeding memory limit (%dKiB / %dKiB)",
                used,
                spec.max_memory,
            )
            return True
        return False


# -- encoding


def _dumps(value: Any) -> bytes:
    return pickle.dumps(value, protocol.PICKLE_PROTOCOL)


def _encoding_error(exc: Exception, value: Any) -> ExceptionInfo:
    try:
        raise MaybeEncodingError(exc, value) from None
    except MaybeEncodingError:
        return ExceptionInfo()


def _encode_failure(info: ExceptionInfo) -> bytes:
    """Return `info` pickled, or, if it cannot be read back, an error that says so."""
    try:
        body = _dumps(info)
        pickle.loads(body)
    except Exception as exc:
        return _dumps(_encoding_error(exc, info))
    return body


# -- the process itself


def _take_name(spec: ChildSpec) -> None:
    """Let log records, ``%i`` in file names and tools that look know which process this is."""
    process: Any = multiprocessing.current_process()
    # A task may start processes of its own.
    process.daemon = False
    seen_by_tools = billiard.current_process()
    seen_by_tools.name = process.name
    for each in (process, seen_by_tools):
        each._identity = (spec.number,)
        each.index = spec.index


def _die_with(parent: int) -> None:
    """Have the system kill this process when the pool's process ends, where it can (Linux).

    Where it cannot, the process sees the end of its sockets when it next reads or writes.
    """
    set_pdeathsig(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _die_of(number: int) -> NoReturn:
    """End this process by the signal, as if it had never been caught."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)


def _resident_kib() -> int:
    """How much memory this process has resident, in KiB (where unknown: has had at most)."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize() // 1024
    except FileNotFoundError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak // 1024 if sys.platform == "darwin" else peak
