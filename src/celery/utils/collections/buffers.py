"""Buffers of bounded size: one, and one for each of many keys."""

from collections import OrderedDict as _OrderedDict
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from queue import Empty
from typing import Any

__all__ = ("BufferMap", "Evictable", "Messagebuffer", "OrderedDict")


class OrderedDict(_OrderedDict[Any, Any]):
    """A dictionary in the order of use, as far as its users keep it so."""

    def _LRUkey(self) -> Any:  # read by tools
        """Return the first key."""
        return next(iter(self))


class Evictable:
    """Something that holds items, and lets go of the oldest when there are too many."""

    Empty = Empty

    @property
    def _evictcount(self) -> int:
        """How many items there are too many."""
        raise NotImplementedError(f"{type(self).__name__} must define _evictcount")

    def _pop_to_evict(self) -> Any:
        """Let go of one item."""
        raise NotImplementedError(f"{type(self).__name__} must define _pop_to_evict()")

    def evict(self) -> None:
        """Let go of all that are too many."""
        while self._evictcount > 0:
            self._pop_to_evict()


class Messagebuffer(Evictable):
    """A queue of at most `maxsize` items that lets go of the oldest.

    Iterating takes the items out.

    Args:
        maxsize: How many items to keep; ``None`` for no limit.
        iterable: Items to begin with.
        deque: What keeps them.
    """

    def __init__(
        self,
        maxsize: int | None,
        iterable: Iterable[Any] | None = None,
        deque: Callable[..., Any] = deque,
    ) -> None:
        self.maxsize = maxsize
        self.data = deque(iterable or ())
        self.evict()

    def put(self, item: Any) -> None:
        """Add an item."""
        self.data.append(item)
        self.evict()

    def extend(self, it: Iterable[Any]) -> None:
        """Add items."""
        self.data.extend(it)
        self.evict()

    def take(self, *default: Any) -> Any:
        """Take the oldest item out.

        Raises:
            queue.Empty: There is none, and no default.
        """
        if self.data:
            return self.data.popleft()
        if default:
            return default[0]
        raise self.Empty

    def _pop_to_evict(self) -> Any:
        return self.take()

    @property
    def _evictcount(self) -> int:
        return 0 if self.maxsize is None else max(len(self.data) - self.maxsize, 0)

    def __iter__(self) -> Iterator[Any]:
        while self.data:
            yield self.data.popleft()

    def __reversed__(self) -> Iterator[Any]:
        while self.data:
            yield self.data.pop()

    def __getitem__(self, index: int) -> Any:
        return self.data[index]

    def __contains__(self, item: object) -> bool:
        return item in self.data

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)}/{self.maxsize}>"


class BufferMap(OrderedDict, Evictable):
    """A buffer for each key, with a limit for each, and one for all together.

    When there are too many items, the oldest of the key that was least recently put to is let go.
    Items should be taken out with :meth:`take`: those taken from a buffer directly are counted
    until that is noticed.

    Args:
        maxsize: How many items to keep, of all keys together.
        iterable: Keys with their items to begin with, as a mapping or pairs.
        bufmaxsize: How many items to keep of one key.
    """

    Buffer = Messagebuffer

    def __init__(
        self,
        maxsize: int | None,
        iterable: Mapping[Any, Iterable[Any]] | Iterable[tuple[Any, Iterable[Any]]] | None = None,
        bufmaxsize: int | None = 1000,
    ) -> None:
        super().__init__()
        self.maxsize = maxsize
        self.bufmaxsize = bufmaxsize
        #: How many items there are.
        self.total = 0
        pairs = iterable.items() if isinstance(iterable, Mapping) else iterable or ()
        for key, items in pairs:
            self.extend(key, items)

    def put(self, key: Any, item: Any) -> None:
        """Add an item to the buffer of a key."""
        self.extend(key, (item,))

    def extend(self, key: Any, it: Iterable[Any]) -> None:
        """Add items to the buffer of a key."""
        buffer = self.get(key)
        if buffer is None:
            buffer = self[key] = self.Buffer(self.bufmaxsize)
        self.move_to_end(key)
        before = len(buffer)
        buffer.extend(it)
        self.total += len(buffer) - before
        self.evict()

    def take(self, key: Any, *default: Any) -> Any:
        """Take the oldest item out of the buffer of a key.

        Raises:
            queue.Empty: There is none, and no default.
        """
        buffer = self.get(key)
        if not buffer:
            if buffer is not None:  # somebody has emptied it
                del self[key]
                self.total = sum(map(len, self.values()))
            if default:
                return default[0]
            raise self.Empty
        item = buffer.take()
        self.total -= 1
        if not buffer:
            del self[key]
        return item

    def _pop_to_evict(self) -> Any:
        return self.take(self._LRUkey(), None)

    @property
    def _evictcount(self) -> int:
        return 0 if self.maxsize is None else max(self.total - self.maxsize, 0)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.total}/{self.maxsize}>"
