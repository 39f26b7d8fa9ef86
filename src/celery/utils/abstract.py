"""What it takes to be called a task, or a signature: abstract classes for ``isinstance``.

A class counts as one when it has the methods, or when it is registered::

    >>> class Quacks:
    ...     def __call__(self): ...
    ...     def delay(self): ...
    ...     def apply_async(self): ...
    ...     def apply(self): ...
    >>> issubclass(Quacks, CallableTask)
    True
"""

from abc import ABCMeta, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

__all__ = ("CallableSignature", "CallableTask")


def _has_all(cls: type[Any], names: Iterable[str]) -> bool:
    """Say whether `cls` or one of its bases defines each of `names`."""
    return all(any(name in base.__dict__ for base in cls.__mro__) for name in names)


class _ByItsMethods(metaclass=ABCMeta):  # noqa: B024  # its subclasses have abstract methods
    """A class that others belong to for having its `__required_attributes__`."""

    __required_attributes__: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __subclasshook__(cls, other: type[Any], /) -> bool:
        own = cls.__dict__.get("__required_attributes__")
        return bool(own and _has_all(other, {"__call__", *own})) or NotImplemented


class CallableTask(_ByItsMethods):
    """Something that runs when called, and can be sent away with ``delay``."""

    __required_attributes__ = frozenset({"delay", "apply_async", "apply"})

    @abstractmethod
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run here and now."""

    @abstractmethod
    def delay(self, *args: Any, **kwargs: Any) -> Any:
        """Send away with these arguments."""

    @abstractmethod
    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        """Send away, with options."""

    @abstractmethod
    def apply(self, *args: Any, **kwargs: Any) -> Any:
        """Run here, with options."""


class CallableSignature(CallableTask):
    """A call of a task, kept as a value: its name, arguments and options."""

    __required_attributes__ = frozenset(
        {"clone", "freeze", "set", "link", "link_error", "__or__"},
    )

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the task."""

    @property
    @abstractmethod
    def type(self) -> Any:
        """The task itself."""

    @property
    @abstractmethod
    def app(self) -> Any:
        """The application the task belongs to."""

    @property
    @abstractmethod
    def id(self) -> str | None:
        """Id of the call, once it is frozen."""

    @property
    @abstractmethod
    def task(self) -> str:
        """Name of the task, as it travels."""

    @property
    @abstractmethod
    def args(self) -> Any:
        """Positional arguments."""

    @property
    @abstractmethod
    def kwargs(self) -> Any:
        """Keyword arguments."""

    @property
    @abstractmethod
    def options(self) -> Any:
        """Options of ``apply_async``."""

    @property
    @abstractmethod
    def subtask_type(self) -> str | None:
        """Kind of the signature: ``"chain"``, ``"group"`` ..."""

    @property
    @abstractmethod
    def chord_size(self) -> int | None:
        """Number of results a chord has to wait for."""

    @property
    @abstractmethod
    def immutable(self) -> bool:
        """Whether results of other tasks are kept out of the arguments."""

    @abstractmethod
    def clone(self, args: Any = None, kwargs: Any = None) -> Any:
        """Return a copy, with further arguments."""

    @abstractmethod
    def freeze(
        self,
        id: str | None = None,
        group_id: str | None = None,
        chord: Any = None,
        root_id: str | None = None,
        group_index: int | None = None,
    ) -> Any:
        """Give the call its id, and return the result it will have."""

    @abstractmethod
    def set(self, immutable: bool | None = None, **options: Any) -> Any:
        """Set options; return the signature."""

    @abstractmethod
    def link(self, callback: Any) -> Any:
        """Call `callback` with the result when the task has succeeded."""

    @abstractmethod
    def link_error(self, errback: Any) -> Any:
        """Call `errback` when the task has failed."""

    @abstractmethod
    def __or__(self, other: Any) -> Any:
        """Return a chain: this, then `other`."""

    @abstractmethod
    def __invert__(self) -> Any:
        """Send it, and wait for its result."""
