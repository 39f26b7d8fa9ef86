"""Merging the parts of a call into a signature: pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["append_unless_there", "merge_call", "merge_options"]

#: An option that, once set, no later call may change: it says which group the task belongs to.
_FIXED = ("group_id",)


def merge_options(own: Mapping[str, Any], given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Options of a signature with those of a call over them.

    None says nothing; the group and the stamps of the signature stay.
    """
    merged = dict(own)
    if not given:
        return merged
    fixed = {*_FIXED, *(own.get("stamped_headers") or ())}
    for key, value in given.items():
        if key == "stamped_headers":
            merged[key] = sorted({*(own.get(key) or ()), *(value or ())}) or value
        elif value is not None and not (key in fixed and own.get(key) is not None):
            merged[key] = value
    return merged


def merge_call(
    own: Mapping[str, Any], args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments of a signature: those of a call come first and win, unless it is immutable."""
    own_args, own_kwargs = tuple(own["args"] or ()), dict(own["kwargs"] or {})
    if own["immutable"]:
        return own_args, own_kwargs
    return (*(args or ()), *own_args), {**own_kwargs, **(kwargs or {})}


def append_unless_there(items: list[Any] | None, value: Any) -> list[Any]:
    """The list with the value at its end, unless an equal one is in it."""
    items = list(items or ())
    if value not in items:
        items.append(value)
    return items
