"""The processes of a pool: what happens when one reports, dies, or is late.

All of it runs on the thread of one asyncio loop.  The states of a process::

    starting --READY--> idle <--ACCEPTED / finished--> running
        |                 |                               |
        |                 +---LEAVING--> leaving <--LEAVING
        v                 v                 v             v
       dead <-------------+-----------------+-------------+

Whenever one is dead or leaves, `Crew.balance` compares how many there are with how many are
wanted, counting the requests to leave that no process has taken yet.
"""

import asyncio
import itertools
import logging
import math
import pickle
import signal
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final, NoReturn

from celery.concurrency._job import Job, exception_info
from celery.concurrency._prefork import limits, protocol
from celery.concurrency._prefork.alarm import Alarm
from celery.concurrency._prefork.child import ChildSpec
from celery.concurrency._prefork.dispatch import ANY_GENERATION, Control, Dispatcher, Item, Purpose
from celery.concurrency._prefork.options import PoolOptions
from celery.concurrency._prefork.process import PoolProcess, describe_exit, loss
from celery.concurrency._prefork.protocol import Report, ReportKind
from celery.concurrency._prefork.starts import DELAY_MOST, Starts

__all__ = ("Crew",)

logger = logging.getLogger("celery.pool")

#: How long a process may take to exit, in seconds, after it has said that it leaves.
LEAVING_TIME: Final = 10.0
#: The same, after its stream has ended.
SILENT_TIME: Final = 0.5
#: Where no descriptor tells the death of a process it is looked for so often, in seconds.
POLL_TIME: Final = 0.5
#: The same, once its stream has ended.
SILENT_POLL_TIME: Final = 0.01
#: A message that the wrong process has taken is sent again after so many seconds.
REPEAT_TIME: Final = 0.05


class Crew:
    """The processes of one pool.

    Args:
        size: how many there are to be.
        options: how they are to be.
        on_gone: called when the last one has ended after `close`.
    """

    def __init__(self, size: int, options: PoolOptions, on_gone: Callable[[], None]) -> None:
        self.options = options
        #: How many processes there are to be.
        self.wanted = size
        self.processes: list[PoolProcess] = []
        self.dispatcher = Dispatcher()
        self.starts = Starts()
        self._ledger = self.dispatcher.ledger
        self._on_gone = on_gone
        self._reports: deque[tuple[PoolProcess, Report]] = deque()
        self._alarm = Alarm(self._on_alarm)
        self._numbers = itertools.count(1)
        self._generation = 0
        #: Messages beside the jobs that were not accepted yet.
        self._asked: Counter[Purpose] = Counter()
        self._balance_at = 0.0
        self._repeat_at = math.inf
        self._last_exit: int | None = None
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None

    # -- the loop

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Work on this loop from now on; on its thread."""
        self.detach()
        self._loop = loop
        for process in self.processes:
            self._watch(process)
        self._alarm.attach(loop)
        self.dispatcher.attach(loop)

    def detach(self) -> None:
        """Do nothing until it is attached again."""
        if self._loop is not None and not self._loop.is_closed():
            for process in self.processes:
                self._unwatch(process)
        self._alarm.detach()
        self.dispatcher.detach()
        self._loop = None

    def _watch(self, process: PoolProcess) -> None:
        if self._loop is not None:
            if not process.silent:
                self._loop.add_reader(process.fileno(), self._on_readable, process)
            if process.pidfd is not None:
                self._loop.add_reader(process.pidfd, self._on_death, process)

    def _unwatch(self, process: PoolProcess) -> None:
        if self._loop is not None:
            self._loop.remove_reader(process.fileno())
            if process.pidfd is not None:
                self._loop.remove_reader(process.pidfd)

    # -- size

    def resize(self, size: int) -> None:
        """Have so many processes from now on."""
        self.wanted = size
        self.balance()

    def balance(self) -> None:
        """Start processes, or ask some to leave, until there are as many as wanted."""
        staying = sum(not process.leaving for process in self.processes)
        missing = self.wanted - (staying - self._asked[Purpose.SHRINK])
        if missing > 0 and self.wanted:
            self._replace(missing)
        self._ask(-missing, Purpose.SHRINK)
        self.dispatcher.processes = len(self.processes)
        self.dispatcher.flush()

    def _replace(self, missing: int) -> None:
        """Start so many processes, now or when it is worth trying again."""
        if time.monotonic() < self._balance_at:
            self._alarm.at(self._balance_at)
            return
        try:
            for _ in range(missing):
                self.spawn()
        except OSError:
            logger.exception("Cannot start a process: trying again")
            self._balance_after(DELAY_MOST)

    def _balance_after(self, delay: float) -> None:
        if delay:
            self._balance_at = time.monotonic() + delay
            self._alarm.at(self._balance_at)

    def spawn(self) -> None:
        """Start one process."""
        options = self.options
        if options.before_start is not None:
            options.before_start()
        taken = {process.index for process in self.processes}
        spec = ChildSpec(
            index=next(index for index in itertools.count() if index not in taken),
            number=next(self._numbers),
            generation=self._generation,
            jobs=self.dispatcher.socket.receiving,
            initializer=options.initializer,
            initargs=options.initargs,
            finalizer=options.finalizer,
            max_jobs=options.max_jobs,
            max_memory=options.max_memory,
        )
        oldest = self.dispatcher.oldest()
        process = PoolProcess(
            spec,
            start_method=options.start_method,
            siblings=(self.dispatcher.socket.pool_end, *self.processes),
        )
        self.processes.append(process)
        self._ledger.born(process, oldest)
        self._due(process, time.monotonic() + options.alive_timeout)
        self.dispatcher.processes = len(self.processes)
        self._watch(process)

    def restart(self) -> None:
        """Replace every process, each when its running job has ended."""
        self._generation += 1
        self._recycle()

    def _recycle(self) -> None:
        """Ask every process of an older generation to leave."""
        old = sum(
            process.generation < self._generation and not process.leaving
            for process in self.processes
        )
        self._ask(old - self._asked[Purpose.RECYCLE], Purpose.RECYCLE, self._generation - 1)

    def _ask(self, times: int, purpose: Purpose, generation: int = ANY_GENERATION) -> None:
        for _ in range(times):
            self._asked[purpose] += 1
            self.dispatcher.add_first(Control(purpose, generation))

    def close(self) -> None:
        """Have the processes leave when all jobs have ended."""
        self._closing = True
        if self.dispatcher.has_jobs():
            self.wanted = max(self.wanted, 1)
        self._look_for_the_end()

    def _look_for_the_end(self) -> None:
        if not self._closing:
            return
        hopeless = self.starts.hopeless(self.wanted)
        if self.wanted and (hopeless or not self.dispatcher.has_jobs()):
            if hopeless:
                logger.error("no process gets ready: giving up the jobs that wait")
            self.resize(0)
        if not self.wanted and not self.processes:
            self._on_gone()

    # -- reports

    def _on_readable(self, process: PoolProcess) -> None:
        if not self.drain(process, times=1):
            self._unwatch(process)
            process.silent = True
            self._watch(process)
            self._due(process, time.monotonic() + SILENT_TIME)
            if process.pidfd is None:
                self._on_alarm()
        self.dispatcher.refill()
        self._look_for_the_end()

    def drain(self, process: PoolProcess, times: int | None = None) -> bool:
        """Read and handle what the process has reported; returns false at the end of the stream.

        Args:
            times: how often to read; None to read until there is nothing left.
        """
        for _ in itertools.repeat(None) if times is None else range(times):
            try:
                reports = process.read()
            except BlockingIOError:
                break
            if reports is None:
                return False
            # A callback may lead here again: whoever comes first takes the oldest.
            self._reports.extend((process, report) for report in reports)
            while self._reports:
                self._handle(*self._reports.popleft())
        return True

    def _handle(self, process: PoolProcess, report: Report) -> None:
        kind, sequence, body = report
        if kind == ReportKind.ACCEPTED:
            self._on_accepted(process, self._ledger.accepted(process, sequence), body)
        elif kind in (ReportKind.SUCCEEDED, ReportKind.FAILED):
            job, process.job = process.job, None
            limits.disarm(process)
            if job is not None:
                self._finish(job, kind, body)
        elif kind == ReportKind.READY:
            process.ready = True
            process.kill_at = math.inf
            self.starts.succeeded()
        elif kind == ReportKind.LEAVING:
            self._taken_off(self._ledger.accepted(process, sequence))
            self._ledger.left(process)
            process.leaving = True
            self._due(process, time.monotonic() + LEAVING_TIME)
            self.balance()

    def _on_accepted(self, process: PoolProcess, item: Item | None, body: bytes) -> None:
        if isinstance(item, Job):
            process.job = item
            process.accepted += 1
            when = protocol.decode_time(body)
            limits.arm(process, item, when)
            self._alarm.at(limits.next_limit(process))
            self._tell(item.on_accepted, process.pid, when)
        else:
            self._taken_off(item)
            # A request to leave that only concerned the predecessor of `process`, or a probe:
            # perhaps it is to be repeated.
            self._repeat_soon()
        if self._ledger.doubtful():
            self._tell_lost()
            self._repeat_soon()

    def _finish(self, job: Job, kind: int, body: bytes) -> None:
        try:
            value = pickle.loads(body)
        except Exception as exc:
            # Its class cannot be made here, say.
            self._tell(job.on_error, exception_info(exc))
        else:
            self._tell(job.on_success if kind == ReportKind.SUCCEEDED else job.on_error, value)

    def _taken_off(self, item: Item | None) -> None:
        """A message was accepted, or is lost: it is not on its way any more."""
        if isinstance(item, Control):
            self._asked[item.purpose] -= 1

    def _repeat_soon(self) -> None:
        if self._repeat_at == math.inf:
            self._repeat_at = time.monotonic() + REPEAT_TIME
            self._alarm.at(self._repeat_at)

    def _tell(self, call: Callable[..., None], *args: Any) -> None:
        """Call a job's callbacks; an exit that one asks for is raised later, out of the loop."""
        try:
            call(*args)
        except BaseException as exc:
            if self._loop is None:
                raise
            self._loop.call_soon(_raise, exc)

    # -- deaths

    def _on_death(self, process: PoolProcess) -> None:
        """The process is dead: tell its job, replace it, and see what else was in its hands."""
        self._last_exit = exitcode = process.exitcode()
        self._unwatch(process)
        self.drain(process)
        self.processes.remove(process)
        # What follows must stand in this order: see `ledger`.
        oldest = self.dispatcher.oldest()
        self._ledger.died(process, oldest)
        for other in list(self.processes):
            self.drain(other)
            if other.job is not None:
                self._ledger.seen_running(other, oldest)
        process.dispose()
        if exitcode != 0:
            text = describe_exit(exitcode)
            logger.error("Process %r pid:%r exited with %r", process.name, process.pid, text)
        if not process.ready:
            self._balance_after(self.starts.failed(self.wanted))
        if process.job is not None:
            self._tell(process.job.on_error, loss(process.job, exitcode))
        self._tell_lost()
        self._probe()
        self.balance()
        self._look_for_the_end()

    def _tell_lost(self) -> None:
        """Tell the jobs that were surely taken by processes that are dead."""
        for item in self._ledger.lost():
            self._taken_off(item)
            if isinstance(item, Job):
                self._tell(item.on_error, loss(item, self._last_exit))

    def _probe(self) -> None:
        """Have the idle processes speak, if that would tell whether more is lost."""
        self._ask(self._ledger.witnesses() - self._asked[Purpose.PROBE], Purpose.PROBE)

    def terminate_job(self, pid: int, signum: int) -> None:
        """Send the signal to the process, if it is still running the job it is running now."""
        for process in self.processes:
            if process.pid == pid and (job := process.job) is not None:
                job.terminated = signum
                limits.signal_job(process, job, signum, self.drain)
                return

    # -- times

    def _due(self, process: PoolProcess, when: float) -> None:
        """The process is killed then, unless it has got ready, or is dead, as it should."""
        process.kill_at = when
        self._alarm.at(when)

    def _on_alarm(self) -> None:
        """See to all that is due, and set the alarm for the rest."""
        now = time.monotonic()
        for process in list(self.processes):
            self._see_to(process, now)
        if self._repeat_at <= now:
            self._repeat_at = math.inf
            self._probe()
            self._recycle()
        self.balance()
        for process in self.processes:
            self._alarm.at(min(process.kill_at, limits.next_limit(process)))
            if process.pidfd is None:
                self._alarm.at(now + (SILENT_POLL_TIME if process.silent else POLL_TIME))
        self._alarm.at(self._repeat_at)

    def _see_to(self, process: PoolProcess, now: float) -> None:
        if process.pidfd is None and process.exitcode() is not None:
            self._on_death(process)
            return
        if process.kill_at <= now:
            self.drain(process)  # it may have said that it is ready
        if process.kill_at <= now:
            process.kill_at = math.inf
            missed = "exit" if process.ready else "get ready"
            logger.error("Process %r did not %s in time: killing it", process.name, missed)
            process.signal(signal.SIGKILL)
        if limits.next_limit(process) <= now:
            call = limits.enforce(process, now, self.drain)
            if call is not None:
                self._tell(call)


def _raise(exc: BaseException) -> NoReturn:
    raise exc
