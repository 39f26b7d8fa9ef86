"""The callbacks and errbacks of a signature: lists in its options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from celery.canvas.merge import append_unless_there

__all__ = ["as_list", "flatten", "link"]


def as_list(value: Any) -> list[Any]:
    """One signature, several or none, as a list."""
    if not value:
        return []
    return [value] if isinstance(value, Mapping) else list(value)


def link(options: dict[str, Any], key: str, signature: Any) -> Any:
    """Add a signature to ``options[key]`` unless it is there; returns the signature."""
    options[key] = append_unless_there(as_list(options.get(key)), signature)
    return signature


def flatten(signature: Any) -> Iterator[Any]:
    """The signature, the signatures it links to, and so on."""
    yield signature
    for linked in as_list(signature.options.get("link")):
        yield from flatten(linked)
