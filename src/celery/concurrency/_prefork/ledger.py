"""Who has which message: so that the death of a process loses nothing unnoticed.

A message's way, seen by the pool::

    sent --(a process receives it)--> taken --(it reports so)--> accepted

The step in the middle is invisible, and a process may die just there.  What makes the dead
process's message certain all the same:

* messages leave the socket in order, so all those older than the oldest one still in it have
  been taken;
* each process receives in order, one at a time, and reports each before it receives the next.

So for each process there is a number below which it surely holds nothing unreported: one more
than the last message it accepted; what the socket's oldest was when it was born; and, if it was
seen running a job *after* the socket's oldest was looked up, that oldest.  A message taken,
accepted by nobody, and below that number for every living process was in the hands of a dead one.

A living process that idles may have a number too low to tell.  Then the pool sends probes, which
idle processes accept, until the number has risen (or the process turns out to hold the message
after all).
"""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

__all__ = ("Ledger",)

T = TypeVar("T")


class Ledger(Generic[T]):
    """The messages sent and not yet accepted, and what each process may hold of them.

    Sequence numbers must rise from one `sent` to the next.
    """

    __slots__ = ("_clear_below", "_doubtful_below", "_sent")

    def __init__(self) -> None:
        self._sent: dict[int, T] = {}
        self._clear_below: dict[Hashable, int] = {}
        # Messages below this were taken before the last death: some may be lost.
        self._doubtful_below = 0

    def __len__(self) -> int:
        """How many messages were sent and not accepted."""
        return len(self._sent)

    def items(self) -> Iterable[T]:
        """What was sent and not accepted, oldest first."""
        return self._sent.values()

    def sent(self, sequence: int, item: T) -> None:
        """`item` was written to the socket under this number."""
        self._sent[sequence] = item

    def accepted(self, process: Hashable, sequence: int) -> T | None:
        """`process` reported the message; returns its item, or None if it is not on record."""
        if process in self._clear_below:
            self._clear_below[process] = sequence + 1
        return self._sent.pop(sequence, None)

    def born(self, process: Hashable, oldest: int) -> None:
        """A process is there, which can only take messages from `oldest` on."""
        self._clear_below[process] = oldest

    def seen_running(self, process: Hashable, oldest: int) -> None:
        """`process` was running a job when all below `oldest` had already been taken."""
        if process in self._clear_below:
            self._clear_below[process] = max(oldest, self._clear_below[process])

    def left(self, process: Hashable) -> None:
        """`process` said that it takes no more messages: it holds none, whatever becomes of it."""
        self._clear_below.pop(process, None)

    def died(self, process: Hashable, oldest: int) -> None:
        """`process` is dead, and all its reports are read; messages below `oldest` were taken."""
        if self._clear_below.pop(process, None) is not None:
            self._doubtful_below = max(self._doubtful_below, oldest)

    def doubtful(self) -> bool:
        """May a message be lost?"""
        return next(iter(self._sent), self._doubtful_below) < self._doubtful_below

    def lost(self) -> list[T]:
        """Take off the record, and return, what was surely in the hands of dead processes."""
        limit = min(self._clear_below.values(), default=self._doubtful_below)
        limit = min(limit, self._doubtful_below)
        return [self._sent.pop(sequence) for sequence in list(self._sent) if sequence < limit]

    def witnesses(self) -> int:
        """How many living processes must accept something before all doubts are settled."""
        doubts = [sequence for sequence in self._sent if sequence < self._doubtful_below]
        if not doubts:
            return 0
        return sum(clear <= doubts[-1] for clear in self._clear_below.values())
