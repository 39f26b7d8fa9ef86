"""The one way to deprecate a name: warn about it, or wrap a function or property so that it warns.

Every helper takes the same facts:

* `deprecation`: version in which the name will be deprecated; given, the warning is only a
  :exc:`~celery.exceptions.CPendingDeprecationWarning`;
* `removal`: version in which it will be removed;
* `alternative`: what to use instead, as a sentence;
* `description`: what is deprecated; functions and properties default to their own name.
"""

import warnings
from collections.abc import Callable as AnyCallable
from functools import wraps
from typing import Any, ParamSpec, Self, TypeVar

from celery.exceptions import CDeprecationWarning, CPendingDeprecationWarning

__all__ = ("Callable", "Property", "warn")

P = ParamSpec("P")
R = TypeVar("R")


def warn(
    description: str | None = None,
    deprecation: str | None = None,
    removal: str | None = None,
    alternative: str | None = None,
    stacklevel: int = 2,
) -> None:
    """Warn that something is, or will be, deprecated.

    Args:
        description: What it is.
        deprecation: Version of the deprecation, if that is still to come.
        removal: Version of the removal.
        alternative: What to use instead.
        stacklevel: Whose fault it is: 2 is the caller of the function that called this one.
    """
    category: type[Warning]
    if deprecation is None:
        category = CDeprecationWarning
        text = f"{description} is deprecated and scheduled for removal in version {removal}."
    else:
        category = CPendingDeprecationWarning
        text = (
            f"{description} is scheduled for deprecation in version {deprecation} "
            f"and removal in version {removal}."
        )
    if alternative:
        text = f"{text} {alternative}"
    warnings.warn(text, category, stacklevel=stacklevel + 1)


def Callable(  # documented name
    deprecation: str | None = None,
    removal: str | None = None,
    alternative: str | None = None,
    description: str | None = None,
) -> AnyCallable[[AnyCallable[P, R]], AnyCallable[P, R]]:
    """Make a decorator for functions that warn at each call."""

    def decorate(fun: AnyCallable[P, R]) -> AnyCallable[P, R]:
        name = description or f"{fun.__module__}.{fun.__qualname__}"

        @wraps(fun)
        def warning(*args: P.args, **kwargs: P.kwargs) -> R:
            warn(name, deprecation, removal, alternative, stacklevel=2)
            return fun(*args, **kwargs)

        return warning

    return decorate


class _DeprecatedProperty:
    """A property that warns at each use."""

    def __init__(
        self,
        fget: AnyCallable[[Any], Any] | None,
        fset: AnyCallable[[Any, Any], None] | None = None,
        fdel: AnyCallable[[Any], None] | None = None,
        **facts: str | None,
    ) -> None:
        self._property = property(fget, fset, fdel)
        self._facts = facts
        self.__doc__ = fget.__doc__ if fget else None

    def _warn(self) -> None:
        warn(**self._facts, stacklevel=3)

    def __get__(self, obj: Any, owner: type[Any] | None = None) -> Any:
        if obj is None:
            return self
        self._warn()
        return self._property.__get__(obj, owner)

    def __set__(self, obj: Any, value: Any) -> None:
        if self._property.fset is None:
            raise AttributeError("cannot set attribute")
        self._warn()
        self._property.__set__(obj, value)

    def __delete__(self, obj: Any) -> None:
        if self._property.fdel is None:
            raise AttributeError("cannot delete attribute")
        self._warn()
        self._property.__delete__(obj)

    def setter(self, fset: AnyCallable[[Any, Any], None]) -> Self:
        """Return the same property with a setter."""
        return type(self)(self._property.fget, fset, self._property.fdel, **self._facts)

    def deleter(self, fdel: AnyCallable[[Any], None]) -> Self:
        """Return the same property with a deleter."""
        return type(self)(self._property.fget, self._property.fset, fdel, **self._facts)


def Property(  # documented name
    deprecation: str | None = None,
    removal: str | None = None,
    alternative: str | None = None,
    description: str | None = None,
) -> AnyCallable[[AnyCallable[[Any], Any]], _DeprecatedProperty]:
    """Make a decorator for properties that warn whenever they are read, set or deleted."""

    def decorate(fget: AnyCallable[[Any], Any]) -> _DeprecatedProperty:
        return _DeprecatedProperty(
            fget,
            deprecation=deprecation,
            removal=removal,
            alternative=alternative,
            description=description or fget.__name__,
        )

    return decorate
