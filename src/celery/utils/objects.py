"""Small tools around objects, classes and their attributes."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Generic, TypeVar

__all__ = ("Bunch", "FallbackContext", "getitem_property", "mro_lookup")

T = TypeVar("T")


class Bunch:
    """An object with the attributes it is made with."""

    def __init__(self, **kwargs: Any) -> None:
        self.__dict__.update(kwargs)


def mro_lookup(
    cls: type[Any],
    attr: str,
    stop: Iterable[type[Any]] | None = None,
    monkey_patched: Iterable[str] | None = None,
) -> type[Any] | None:
    """Return the first class, in method resolution order, that defines `attr` itself.

    Args:
        cls: Where to start.
        attr: Name of the attribute.
        stop: Classes that do not count, and end the search.
        monkey_patched: Modules that may define the attributes of a class in `stop`.  A definition
            from elsewhere was put there by somebody else, and does count.
    """
    ends = frozenset(stop or ())
    expected = frozenset(monkey_patched or ())
    for base in cls.__mro__:
        if base in ends:
            origin = getattr(base.__dict__.get(attr), "__module__", None)
            return base if origin is not None and origin not in expected else None
        if attr in base.__dict__:
            return base
    return None


class FallbackContext(Generic[T]):
    """A context manager that yields what it is given, or enters `fallback` if that is ``None``.

    Only what the fallback made is closed on leaving::

        with FallbackContext(connection, app.connection_for_write) as connection:
            ...
    """

    def __init__(
        self,
        provided: T | None,
        fallback: Callable[..., AbstractContextManager[T]],
        *fb_args: Any,
        **fb_kwargs: Any,
    ) -> None:
        self.provided = provided
        self.fallback = fallback
        self.fb_args = fb_args
        self.fb_kwargs = fb_kwargs
        self._context: AbstractContextManager[T] | None = None

    def __enter__(self) -> T:
        if self.provided is not None:
            return self.provided
        self._context = self.fallback(*self.fb_args, **self.fb_kwargs)
        return self._context.__enter__()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        if self._context is None:
            return None
        return self._context.__exit__(exc_type, exc, traceback)


class getitem_property:
    """An attribute that reads and writes an item of its object, a mapping.

    >>> class Message(dict):
    ...     user = getitem_property("properties.user", "Who sent it.")
    >>> Message(properties={"user": "me"}).user
    'me'

    The last key of a dotted path may be missing (``None``), those before it may not.
    """

    def __init__(self, keypath: str, doc: str | None = None) -> None:
        *self.path, self.key = keypath.split(".")
        self.__doc__ = doc

    def _container(self, obj: Any) -> Any:
        for key in self.path:
            obj = obj[key]
        return obj

    def __get__(self, obj: Any, owner: type[Any] | None = None) -> Any:
        if obj is None:
            return self
        return self._container(obj).get(self.key)

    def __set__(self, obj: Any, value: Any) -> None:
        self._container(obj)[self.key] = value
