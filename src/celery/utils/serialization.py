"""Making values fit for the wire: exceptions that pickle, JSON-ready data, base64."""

import base64
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from numbers import Real
from typing import Any, Final, NoReturn

from celery.utils.saferepr import saferepr

__all__ = (
    "UnpickleableExceptionWrapper",
    "b64decode",
    "b64encode",
    "create_exception_cls",
    "ensure_serializable",
    "find_pickleable_exception",
    "get_pickleable_etype",
    "get_pickleable_exception",
    "get_pickled_exception",
    "itermro",
    "jsonify",
    "raise_with_context",
    "strtobool",
    "subclass_exception",
)

Loads = Callable[[bytes], Any]
Dumps = Callable[[Any], bytes]

#: Classes too general to stand in for another exception.
unwanted_base_classes: Final = (Exception, BaseException, object)

STRTOBOOL_DEFAULT_TABLE: Final[Mapping[str, bool]] = {
    "false": False,
    "no": False,
    "0": False,
    "off": False,
    "true": True,
    "yes": True,
    "1": True,
    "on": True,
}


# -- exceptions


def subclass_exception(name: str, parent: type[BaseException], module: str) -> type[BaseException]:
    """Make an exception class: a subclass of `parent` that says it comes from `module`."""
    return type(name, (parent,), {"__module__": module})


def create_exception_cls(
    name: str, module: str, parent: type[BaseException] | None = None
) -> type[BaseException]:
    """Make a class to stand for an exception whose own class is not known here."""
    return subclass_exception(name, parent or Exception, module)


def itermro(cls: type[Any], stop: Iterable[type[Any]]) -> Iterator[type[Any]]:
    """Yield the class and its bases, most special first, up to the first that is in `stop`."""
    ends = frozenset(stop)
    for base in cls.__mro__:
        if base in ends:
            return
        yield base


def _survives(value: Any, loads: Loads, dumps: Dumps) -> bool:
    """Say whether `value` can be serialized and read again."""
    try:
        loads(dumps(value))
    except Exception:  # whatever the value's own methods raise
        return False
    return True


def find_pickleable_exception(
    exc: BaseException, loads: Loads = pickle.loads, dumps: Dumps = pickle.dumps
) -> BaseException | None:
    """Return an exception of the nearest base class of `exc` that survives being pickled.

    Args:
        exc: The exception, which need not.
        loads: Reads what `dumps` has written.
        dumps: Serializes.

    Returns:
        An exception with the same arguments, ``None`` if only :exc:`Exception` itself would do.
    """
    for cls in itermro(type(exc), unwanted_base_classes):
        try:
            candidate: BaseException = cls(*exc.args)
        except Exception:  # it takes other arguments than it hands on
            continue
        if _survives(candidate, loads, dumps):
            return candidate
    return None


class UnpickleableExceptionWrapper(Exception):
    """Carries an exception that cannot be pickled to where its class may be known.

    Args:
        exc_module: Module of its class.
        exc_cls_name: Name of its class.
        exc_args: Its arguments, those that cannot be pickled as text.
        text: Its representation.
    """

    def __init__(
        self,
        exc_module: str,
        exc_cls_name: str,
        exc_args: Iterable[Any],
        text: str | None = None,
    ) -> None:
        safe_args = ensure_serializable(exc_args, pickle.dumps)
        self.exc_module = exc_module
        self.exc_cls_name = exc_cls_name
        self.exc_args = safe_args
        self.text = text
        super().__init__(exc_module, exc_cls_name, safe_args, text)

    @classmethod
    def from_exception(cls, exc: BaseException) -> "UnpickleableExceptionWrapper":
        """Wrap an exception; one that is wrapped already is returned as it is."""
        if isinstance(exc, UnpickleableExceptionWrapper):
            return exc
        return cls(
            type(exc).__module__, type(exc).__name__, getattr(exc, "args", ()), saferepr(exc)
        )

    def restore(self) -> BaseException:
        """Return an exception of a class made for it: same name and module, same arguments."""
        return create_exception_cls(self.exc_cls_name, self.exc_module)(*self.exc_args)

    def __str__(self) -> str:
        return self.text or f"{self.exc_cls_name}{self.exc_args!r}"


def get_pickleable_exception(exc: BaseException) -> BaseException:
    """Return `exc` if it survives being pickled, else the next best thing that does."""
    if _survives(exc, pickle.loads, pickle.dumps):
        return exc
    return find_pickleable_exception(exc) or UnpickleableExceptionWrapper.from_exception(exc)


def get_pickleable_etype(
    cls: type[BaseException], loads: Loads = pickle.loads, dumps: Dumps = pickle.dumps
) -> type[BaseException]:
    """Return `cls` if it can be pickled, else its nearest base class that can."""
    for base in itermro(cls, unwanted_base_classes):
        if _survives(base, loads, dumps):
            return base
    return Exception


def get_pickled_exception(exc: BaseException) -> BaseException:
    """Return the exception :func:`get_pickleable_exception` was given, as far as possible."""
    return exc.restore() if isinstance(exc, UnpickleableExceptionWrapper) else exc


def raise_with_context(exc: BaseException) -> NoReturn:
    """Raise `exc` from the exception being handled; if it is that one, go on raising it."""
    current = sys.exc_info()[1]
    if current is None or current is exc:
        raise exc
    raise exc from current


# -- data


def ensure_serializable(items: Iterable[Any], encoder: Callable[[Any], Any]) -> tuple[Any, ...]:
    """Return the items, those that `encoder` cannot encode as text."""
    return tuple(item if _encodes(item, encoder) else saferepr(item) for item in items)


def _encodes(item: Any, encoder: Callable[[Any], Any]) -> bool:
    try:
        encoder(item)
    except Exception:  # whatever the item's own methods raise
        return False
    return True


def b64encode(s: str | bytes) -> str:
    """Return text (as UTF-8) or bytes in base64."""
    return base64.b64encode(s.encode() if isinstance(s, str) else s).decode()


def b64decode(s: str | bytes) -> bytes:
    """Return the bytes that base64 text stands for."""
    return base64.b64decode(s)


def strtobool(term: Any, table: Mapping[str, bool] | None = None) -> Any:
    """Return the truth value a word stands for; anything but a string is returned as it is.

    Args:
        term: The word, in any case: true, yes, 1, on, and their opposites.
        table: Other words, in lower case.

    Raises:
        TypeError: It is none of the words.
    """
    if not isinstance(term, str):
        return term
    try:
        return (STRTOBOOL_DEFAULT_TABLE if table is None else table)[term.lower()]
    except KeyError:
        raise TypeError(f"Cannot coerce {term!r} to type bool") from None


def _time_to_json(value: datetime | time) -> str:
    """Return an ISO 8601 text of milliseconds, with ``Z`` for UTC."""
    timespec = "milliseconds" if value.microsecond else "seconds"
    return value.isoformat(timespec=timespec).replace("+00:00", "Z")


def jsonify(
    obj: Any,
    builtin_types: tuple[type[Any], ...] = (Real, str),
    key: Any = None,
    keyfilter: Callable[[Any], bool] | None = None,
    unknown_type_filter: Callable[[Any], Any] | None = None,
) -> Any:
    """Return `obj` made of types JSON knows: dates and durations as text, tuples as lists.

    Args:
        obj: The value.
        builtin_types: Types to leave as they are.
        key: Key the value is found under, for the error message.
        keyfilter: Leave out the items of mappings for whose key it returns something false.
        unknown_type_filter: Converts values of other types.

    Raises:
        ValueError: There is a value of another type, and no `unknown_type_filter`.
    """

    def convert(value: Any, key: Any) -> Any:
        if value is None or isinstance(value, builtin_types):
            return value
        if isinstance(value, tuple | list):
            return [convert(item, key) for item in value]
        if isinstance(value, Mapping):
            return {
                name: convert(item, name)
                for name, item in value.items()
                if keyfilter is None or keyfilter(name)
            }
        if isinstance(value, datetime | time):
            return _time_to_json(value)
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, timedelta):
            return str(value)
        if unknown_type_filter is None:
            raise ValueError(f"Unsupported type: {type(value)!r} {value!r} (parent: {key})")
        return unknown_type_filter(value)

    return convert(obj, key)
