"""Questions about type hints, asked when the arguments of a task are validated by pydantic."""

from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

__all__ = ("annotation_is_class", "annotation_issubclass", "get_optional_arg", "is_none_type")


def is_none_type(value: Any) -> bool:
    """Say whether `value` is the type of ``None``."""
    return value is NoneType


def get_optional_arg(annotation: Any) -> Any:
    """Return ``X`` of ``Optional[X]`` or ``X | None``; ``None`` for any other hint."""
    if get_origin(annotation) not in (Union, UnionType):
        return None
    args = get_args(annotation)
    others = [arg for arg in args if not is_none_type(arg)]
    return others[0] if len(args) == 2 and len(others) == 1 else None


def annotation_is_class(annotation: Any) -> bool:
    """Say whether the hint is a plain class (``list[int]`` is not)."""
    return isinstance(annotation, type) and get_origin(annotation) is None


def annotation_issubclass(annotation: Any, cls: type[Any]) -> bool:
    """Say whether the hint is a plain class, and `cls` or a subclass of it."""
    return annotation_is_class(annotation) and issubclass(annotation, cls)
