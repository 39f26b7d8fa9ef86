"""regen: an iterable that is consumed as far as asked, once, and can be read again."""

from collections import UserList
from collections.abc import Callable, Iterable, Iterator
from operator import length_hint
from typing import Any, TypeVar

__all__ = ("regen",)

T = TypeVar("T")


def regen(it: Iterable[T]) -> Any:
    """Return something with the contents of `it` that can be iterated any number of times.

    Lists and tuples are returned as they are.  Anything else becomes a kind of list that takes
    from `it` only what has been asked for: the parts of a group may come from a generator that
    is endless, or slow.
    """
    return it if isinstance(it, list | tuple) else _Regen(it)


class _Regen(UserList[T], list[T]):  # type: ignore[misc]  # a list for isinstance(), no more
    """What :func:`regen` makes: `_seen` has come out of `_rest` already."""

    def __init__(self, it: Iterable[T]) -> None:
        self._rest = iter(it)
        self._seen: list[T] = []
        self._exhausted = False

    def _take(self) -> bool:
        """Move one item from the rest; say whether there was one."""
        try:
            self._seen.append(next(self._rest))
        except StopIteration:
            self._exhausted = True
            return False
        return True

    @property
    def data(self) -> list[T]:  # type: ignore[override]  # read by all that UserList does
        """All items."""
        while not self._exhausted:
            self._take()
        return self._seen

    def map(self, func: Callable[[T], T]) -> None:
        """Replace every item by what `func` makes of it; of the rest when it is asked for."""
        self._seen[:] = map(func, self._seen)
        self._rest = map(func, self._rest)

    def __iter__(self) -> Iterator[T]:
        position = 0
        while position < len(self._seen) or (not self._exhausted and self._take()):
            yield self._seen[position]
            position += 1

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, int) and index >= 0:
            while index >= len(self._seen) and not self._exhausted:
                self._take()
            return self._seen[index]
        return self.data[index]

    def __bool__(self) -> bool:
        return bool(self._seen) or (not self._exhausted and self._take())

    def __length_hint__(self) -> int:
        return len(self._seen) + length_hint(self._rest)

    def __repr__(self) -> str:
        items = [repr(item) for item in self._seen]
        if not self._exhausted:
            items.append("...")
        return f"<regen: [{', '.join(items)}]>"

    def __copy__(self) -> list[T]:  # type: ignore[override]  # the iterator cannot be copied
        return list(self.data)

    def __reduce__(self) -> tuple[type[list[T]], tuple[list[T]]]:
        return list, (self.data,)
