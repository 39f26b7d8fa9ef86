"""LimitedSet: a set that forgets its oldest members, when there are too many or after a time."""

import heapq
import time
from collections.abc import Iterable, Iterator, Mapping, MutableSet
from itertools import count
from typing import Any, Final

__all__ = ("LimitedSet",)

#: The heap is made anew when it has that many more entries, in per cent, than there are members.
MAX_OVERLOAD: Final = 15


class LimitedSet(MutableSet[Any]):
    """A set that keeps when each member was added, and forgets the oldest.

    >>> revoked = LimitedSet(maxlen=50000, expires=3600)
    >>> revoked.add("an id")
    >>> "an id" in revoked
    True

    Asking for a member takes the same time however many there are.  Members are forgotten when
    others are added, or :meth:`purge` is called; not by asking.

    Args:
        maxlen: How many members to keep at most; 0 for no limit.
        expires: Seconds after which members are forgotten; 0 for never.
        data: Members to begin with, see :meth:`update`.
        minlen: How many members to keep even if they have expired.

    Raises:
        ValueError: A limit is negative, or `minlen` exceeds `maxlen`.
    """

    max_heap_percent_overload = MAX_OVERLOAD

    def __init__(
        self,
        maxlen: int | None = 0,
        expires: float | None = 0,
        data: Any = None,
        minlen: int | None = 0,
    ) -> None:
        self.maxlen = maxlen or 0
        self.minlen = minlen or 0
        self.expires = expires or 0
        if not 0 <= self.minlen <= self.maxlen and (self.maxlen or self.minlen):
            raise ValueError("minlen must be a positive number, less or equal to maxlen.")
        if self.maxlen < 0:
            raise ValueError("maxlen cannot be negative!")
        if self.expires < 0:
            raise ValueError("expires cannot be negative!")
        #: Member -> its entry in the heap: (when it was added, a tie-break, itself).
        self._data: dict[Any, tuple[float, int, Any]] = {}
        # The oldest first; entries of members removed or added again since are left in it.
        self._heap: list[tuple[float, int, Any]] = []
        self._seq = count()
        if data:
            self.update(data)

    def add(self, item: Any, now: float | None = None) -> None:
        """Add a member; one that is there already counts as added now.

        Args:
            item: The member.
            now: When it is added, on the monotonic clock.
        """
        entry = time.monotonic() if now is None else float(now), next(self._seq), item
        self._data[item] = entry
        heapq.heappush(self._heap, entry)
        self._shrink_heap()
        if self.maxlen and len(self._data) > self.maxlen:
            self.purge()

    def update(self, other: Any) -> None:
        """Add the members of another set, the keys of a mapping (its values are when they were
        added), or the items of anything else."""
        if not other:
            return
        if isinstance(other, LimitedSet):
            other = other.as_dict()
        if isinstance(other, Mapping):
            for item, added in other.items():
                # Workers tell each other their entries: when it was added, and more.
                self.add(item, float(added[0] if isinstance(added, list | tuple) else added))
        elif isinstance(other, Iterable):
            for item in other:
                self.add(item)
        else:
            raise ValueError("LimitedSet.update() takes a set, a mapping or an iterable.")

    def discard(self, item: Any) -> None:
        """Remove a member, if it is one."""
        self._data.pop(item, None)
        self._shrink_heap()

    pop_value = discard

    def pop(self, default: Any = None) -> Any:
        """Remove the oldest member and return it; `default` if there is none."""
        while self._heap:
            entry = heapq.heappop(self._heap)
            if self._is_current(entry):
                del self._data[entry[2]]
                return entry[2]
        return default

    def purge(self, now: float | None = None) -> None:
        """Forget the members that are too many, and those that have expired.

        Args:
            now: The present, on the monotonic clock.
        """
        while self.maxlen and len(self._data) > self.maxlen:
            self.pop()
        if not self.expires:
            return
        oldest_kept = (time.monotonic() if now is None else now) - self.expires
        while len(self._data) > self.minlen:
            added = self._oldest()
            if added is None or added > oldest_kept:
                break
            self.pop()

    def clear(self) -> None:
        """Forget all members."""
        self._data.clear()
        self._heap.clear()

    def as_dict(self) -> dict[Any, float]:
        """Return the members with when they were added."""
        return {item: entry[0] for item, entry in self._data.items()}

    def _is_current(self, entry: tuple[float, int, Any]) -> bool:
        """Say whether an entry of the heap is that of a member, and the last one of it."""
        return self._data.get(entry[2]) is entry

    def _oldest(self) -> float | None:
        """Return when the oldest member was added."""
        while self._heap and not self._is_current(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _shrink_heap(self) -> None:
        """Make the heap anew once there is too much in it that is no longer current."""
        members = len(self._data)
        if len(self._heap) > members * (1 + self.max_heap_percent_overload / 100) + 1:
            self._heap = list(self._data.values())
            heapq.heapify(self._heap)

    def __contains__(self, item: Any) -> bool:
        return item in self._data

    def __iter__(self) -> Iterator[Any]:
        """Yield the members, the oldest first."""
        return (item for _, _, item in sorted(self._data.values(), key=lambda entry: entry[:2]))

    def __len__(self) -> int:
        return len(self._data)

    def __bool__(self) -> bool:
        return bool(self._data)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LimitedSet):
            return NotImplemented
        return self.as_dict() == other.as_dict()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __reduce__(self) -> tuple[type["LimitedSet"], tuple[Any, ...]]:
        return type(self), (self.maxlen, self.expires, self.as_dict(), self.minlen)

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__}({len(self)}): maxlen={self.maxlen}, "
            f"expires={self.expires}, minlen={self.minlen}>"
        )
