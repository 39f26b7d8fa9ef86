"""From the pool's queue into the job socket, and the record of what is there."""

import asyncio
import itertools
from collections import deque
from enum import Enum
from typing import Final

from celery.concurrency._job import Job
from celery.concurrency._prefork.jobsocket import JobSocket
from celery.concurrency._prefork.ledger import Ledger
from celery.concurrency._prefork.protocol import MessageKind, encode_generation

__all__ = ("ANY_GENERATION", "Control", "Dispatcher", "Item", "Purpose")

#: Generation of a `MessageKind.LEAVE` that is for every process.
ANY_GENERATION: Final = 2**64 - 1

#: So many messages may be in the socket, beside one for each process.  What is there cannot be
#: called back, so it is kept few; but while processes find the socket empty, and jobs wait, it
#: is raised, as the pool's loop does not get to fill it often enough.
MARGIN_LEAST: Final = 2
MARGIN_MOST: Final = 64

#: After this many seconds a send is tried again for which the system had no descriptor or memory.
RETRY_TIME: Final = 0.05


class Purpose(Enum):
    """What a message that is not a job is for."""

    #: To have idle processes speak.
    PROBE = "probe"
    #: To have fewer processes.
    SHRINK = "shrink"
    #: To have a process make room for its successor.
    RECYCLE = "recycle"


class Control:
    """A message that is not a job.

    Args:
        purpose: what it is for.
        generation: processes of this generation and older are to leave, unless it is a probe.
    """

    __slots__ = ("body", "kind", "purpose")

    def __init__(self, purpose: Purpose, generation: int = ANY_GENERATION) -> None:
        self.purpose = purpose
        self.kind = MessageKind.PROBE if purpose is Purpose.PROBE else MessageKind.LEAVE
        self.body = encode_generation(generation)


Item = Job | Control


class Dispatcher:
    """Sends what waits as long as there is room; knows what was sent and not accepted."""

    def __init__(self) -> None:
        self.socket = JobSocket()
        self.ledger: Ledger[Item] = Ledger()
        #: How many processes there are.
        self.processes = 0
        #: How many jobs were sent.
        self.jobs_sent = 0
        self._margin = MARGIN_LEAST
        self._waiting: deque[Item] = deque()
        self._sequence = itertools.count(1)
        self._next = next(self._sequence)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watching = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for room on this loop from now on."""
        self.detach()
        self._loop = loop
        loop.call_soon(self.flush)

    def detach(self) -> None:
        """Wait for nothing until it is attached again."""
        self._stop_watching()
        self._loop = None

    def has_jobs(self) -> bool:
        """Is there a job that was not accepted yet?"""
        return any(
            isinstance(item, Job) and not item.ready()
            for item in itertools.chain(self._waiting, self.ledger.items())
        )

    def oldest(self) -> int:
        """All messages below this sequence number were taken by processes."""
        oldest = self.socket.oldest()
        return self._next if oldest is None else oldest

    def add(self, job: Job) -> None:
        """Send the job after all that wait."""
        self._waiting.append(job)
        self.flush()

    def add_first(self, control: Control) -> None:
        """Send the message before all that wait."""
        self._waiting.appendleft(control)
        self.flush()

    def flush(self) -> None:
        """Send what waits, as long as there is room."""
        waiting = self._waiting
        room = self.processes + self._margin if self.processes else 0
        while waiting and len(self.ledger) < room:
            item = waiting[0]
            if isinstance(item, Control):
                kind = item.kind
            elif item.ready():  # discarded
                waiting.popleft()
                continue
            else:
                kind = MessageKind.JOB
            try:
                sent = self.socket.send(kind, self._next, item.body)
            except BlockingIOError:
                self._watch()
                return
            if not sent:
                if self._loop is not None:
                    self._loop.call_later(RETRY_TIME, self.flush)
                return
            waiting.popleft()
            item.body = b""
            self.jobs_sent += kind is MessageKind.JOB
            self.ledger.sent(self._next, item)
            self._next = next(self._sequence)
        self._stop_watching()

    def refill(self) -> None:
        """Send what waits, after processes have reported: they may have emptied the socket."""
        if self._waiting:
            left = len(self.ledger)
            if left <= self._margin // 4:
                self._margin = min(2 * self._margin, MARGIN_MOST)
            elif left > self._margin:
                self._margin = max(self._margin - 1, MARGIN_LEAST)
            self.flush()

    def close(self) -> None:
        """Close the socket; forget everything."""
        self.detach()
        self._waiting.clear()
        self.socket.close()

    def _watch(self) -> None:
        if not self._watching and self._loop is not None:
            self._loop.add_writer(self.socket.fileno(), self.flush)
            self._watching = True

    def _stop_watching(self) -> None:
        if self._watching and self._loop is not None:
            self._loop.remove_writer(self.socket.fileno())
            self._watching = False
