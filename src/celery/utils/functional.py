"""Functions over sequences, functions and lazy values."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from types import TracebackType
from typing import Any, TypeVar

from kombu.utils.functional import (
    LRUCache,
    dictfilter,
    fxrange,
    fxrangemax,
    is_list,
    lazy,
    maybe_evaluate,
    maybe_list,
    memoize,
    retry_over_time,
)

from celery.utils._callables import (
    arity_greater,
    fun_accepts_kwargs,
    fun_takes_argument,
    head_from_fun,
)
from celery.utils._regen import regen

__all__ = (
    "DummyContext",
    "LRUCache",
    "arity_greater",
    "chunks",
    "dictfilter",
    "evaluate_promises",
    "first",
    "firstmethod",
    "fun_accepts_kwargs",
    "fun_takes_argument",
    "fxrange",
    "fxrangemax",
    "head_from_fun",
    "is_list",
    "is_numeric_value",
    "lazy",
    "lookahead",
    "mattrgetter",
    "maybe",
    "maybe_evaluate",
    "maybe_list",
    "memoize",
    "mlazy",
    "noop",
    "padlist",
    "pass1",
    "regen",
    "retry_over_time",
    "seq_concat_item",
    "seq_concat_seq",
    "uniq",
)

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)
R = TypeVar("R")


class DummyContext:
    """A context manager that does nothing."""

    def __enter__(self) -> "DummyContext":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class mlazy(lazy):
    """A value computed when it is first asked for, and kept."""

    #: Whether it has been computed.
    evaluated = False
    _value: Any = None

    def evaluate(self) -> Any:
        """Return the value."""
        if not self.evaluated:
            self._value = super().evaluate()  # type: ignore[no-untyped-call]  # kombu's
            self.evaluated = True
        return self._value


def noop(*args: Any, **kwargs: Any) -> None:
    """Do nothing, whatever the arguments."""


def pass1(arg: T, *args: Any, **kwargs: Any) -> T:
    """Return the first argument."""
    return arg


def maybe(typ: Callable[[Any], R], val: Any) -> R | None:
    """Convert a value unless it is ``None``."""
    return None if val is None else typ(val)


def evaluate_promises(it: Iterable[Any]) -> Iterator[Any]:
    """Yield each item, computed if it is lazy."""
    return map(maybe_evaluate, it)


def first(predicate: Callable[[T], Any] | None, it: Iterable[T]) -> T | None:
    """Return the first item `predicate` holds for, without one the first that is not ``None``."""
    for item in it:
        if item is not None if predicate is None else predicate(item):
            return item
    return None


def firstmethod(method: str, on_call: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """Make a function that asks objects in turn, and returns the first answer.

    Args:
        method: Name of the method to call; objects without it are passed over.
        on_call: Calls the method: given the method and the arguments.

    Returns:
        ``matcher(objects, *args, **kwargs)``: the first result that is not ``None``.
    """

    def matcher(it: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        for obj in it:
            call = getattr(maybe_evaluate(obj), method, None)
            if call is None:
                continue
            answer = on_call(call, *args, **kwargs) if on_call else call(*args, **kwargs)
            if answer is not None:
                return answer
        return None

    return matcher


def chunks(it: Iterable[T], n: int) -> Iterator[list[T]]:
    """Yield lists of `n` items, the last one of what is left.

    >>> list(chunks(range(5), 2))
    [[0, 1], [2, 3], [4]]
    """
    items = iter(it)
    while chunk := list(islice(items, n)):
        yield chunk


def padlist(container: Sequence[T], size: int, default: T | None = None) -> list[T | None]:
    """Return exactly `size` items, `default` where there are too few.

    >>> first_name, last_name, city = padlist(["George", "Costanza"], 3)
    """
    items: list[T | None] = list(container[:size])
    return items + [default] * (size - len(items))


def mattrgetter(*attrs: str) -> Callable[[Any], dict[str, Any]]:
    """Make a function that returns these attributes of an object as a dictionary."""
    return lambda obj: {attr: getattr(obj, attr, None) for attr in attrs}


def uniq(it: Iterable[H]) -> Iterator[H]:
    """Yield each item the first time it occurs."""
    seen: set[H] = set()
    for item in it:
        if item not in seen:
            seen.add(item)
            yield item


def lookahead(it: Iterable[T]) -> Iterator[tuple[T, T | None]]:
    """Yield each item with the one after it, ``None`` after the last."""
    pairs: Iterator[tuple[Any, Any]] = pairwise(chain(it, [None]))
    return pairs


def seq_concat_item(seq: Any, item: Any) -> Any:
    """Return a list or tuple with one more item at its end."""
    return seq + type(seq)((item,))


def seq_concat_seq(a: Any, b: Any) -> Any:
    """Return two lists or tuples as one, of the type of the longer (the first, if equal)."""
    kind = type(b) if len(b) > len(a) else type(a)
    return kind(chain(a, b))


def is_numeric_value(value: Any) -> bool:
    """Say whether `value` is a number, and not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)
