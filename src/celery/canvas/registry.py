"""Type name to class: lets chain, group and chord build each other without importing each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["TYPES", "class_of", "register_type"]

#: ``subtask_type`` on the wire -> class.
TYPES: dict[str, Any] = {}


def register_type(name: str | None = None) -> Callable[[type], type]:
    """Make a class known under a type name (default: its own)."""

    def register(cls: type) -> type:
        TYPES[name or cls.__name__] = cls
        return cls

    return register


def class_of(name: str) -> Any:
    """The class of a type name.

    Raises:
        KeyError: there is none.
    """
    return TYPES[name]
