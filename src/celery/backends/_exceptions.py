"""Exceptions as plain data and back: ``{exc_type, exc_message, exc_module}``."""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from celery.exceptions import SecurityError
from celery.utils.serialization import (
    create_exception_cls,
    ensure_serializable,
    get_pickleable_exception,
    get_pickled_exception,
)

__all__ = ("exception_from_stored", "exception_to_stored")

#: Serializers that carry exception objects as they are.
EXCEPTION_ABLE_SERIALIZERS: Final = frozenset({"pickle"})

#: Module of the classes made for exceptions whose own module is not known here.
_MODULE_OF_UNKNOWN: Final = "celery.exceptions"
_MODULE_OF_UNNAMED: Final = "celery.backends.base"


def exception_to_stored(
    exc: BaseException, serializer: str | None, encode: Callable[[Any], Any]
) -> Any:
    """Return `exc` in the form in which results of `serializer` carry it.

    That is a dictionary, or, for pickle, an exception that can be pickled.

    Args:
        exc: The exception.
        serializer: Name of the serializer the result will be written with.
        encode: The serializer itself; an argument of `exc` that it refuses is replaced by its
            representation.
    """
    if serializer in EXCEPTION_ABLE_SERIALIZERS:
        return get_pickleable_exception(exc)
    cls = type(exc)
    return {
        "exc_type": cls.__qualname__,
        "exc_message": ensure_serializable(exc.args, encode),
        "exc_module": cls.__module__,
    }


def exception_from_stored(stored: Any) -> BaseException | None:
    """Return the exception that :func:`exception_to_stored` wrote.

    Whoever can write to the store chooses the names, so nothing is imported: the class is taken
    from a module that is loaded, or made up, with the same name.  A class whose constructor does
    not take the stored arguments gives a plain ``Exception`` that shows them.

    Raises:
        SecurityError: The names lead to something that is not an exception class.
        ValueError: `stored` does not describe an exception.
    """
    if not stored:
        return None
    if isinstance(stored, BaseException):
        pickled: BaseException = get_pickled_exception(stored)
        return pickled
    if not isinstance(stored, Mapping):
        raise ValueError(f"A stored exception must be an exception or a mapping, not {stored!r}")
    cls = _find_class(stored)
    message = stored.get("exc_message", "")
    args = tuple(message) if isinstance(message, tuple | list) else (message,)
    try:
        return cls(*args)
    except Exception:
        # The constructor wants something else than what it left in `args`: show what there is.
        return Exception(f"{cls}({message})")


def _find_class(stored: Mapping[str, Any]) -> type[BaseException]:
    """Return the class that `stored` names."""
    name = stored.get("exc_type")
    if not isinstance(name, str):
        raise ValueError("Exception information must include the exception type")
    module = stored.get("exc_module")
    if module is None:
        return _made_up(name, _MODULE_OF_UNNAMED)
    found: Any
    try:
        found = sys.modules[module]
        for part in name.split("."):
            found = getattr(found, part)
    except (KeyError, AttributeError):
        return _made_up(name, _MODULE_OF_UNKNOWN)
    # Calling it would be running whatever a writer to the store has named.
    if not (isinstance(found, type) and issubclass(found, BaseException)):
        raise SecurityError(
            f"Expected an exception class, got {module}.{name} "
            f"with payload {stored.get('exc_message', '')}"
        )
    return found


def _made_up(name: str, module: str) -> type[BaseException]:
    cls: type[BaseException] = create_exception_cls(name, module)
    return cls
