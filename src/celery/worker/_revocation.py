"""Is a call still wanted? By id, by stamp, by expiry: pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

__all__ = ["is_expired", "merge_stamps", "revoking_stamps"]


def is_expired(expires: datetime | None, now: datetime) -> bool:
    """Whether the time after which the call is not wanted has passed. Both times are aware."""
    return expires is not None and now > expires


def revoking_stamps(
    revoked: Mapping[str, Iterable[Any]],
    stamped_headers: Iterable[str] | None,
    stamps: Mapping[str, Any] | None,
) -> dict[str, list[Any]]:
    """The stamps of a call that have been revoked, by name; empty if it is wanted.

    Args:
        revoked: revoked values by stamp name.
        stamped_headers: which stamps the call has.
        stamps: their values, each one value or a list.
    """
    if not revoked or not stamped_headers or not stamps:
        return {}
    found = {}
    for name in stamped_headers:
        if name in revoked:
            unwanted = set(as_values(revoked[name]))
            hit = [value for value in as_values(stamps.get(name)) if value in unwanted]
            if hit:
                found[name] = hit
    return found


def as_values(value: Any) -> list[Any]:
    """One value or several, as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value]


def merge_stamps(
    known: Mapping[str, Collection[Any]], more: Mapping[str, Any]
) -> dict[str, list[Any]]:
    """Revoked stamps with those of another command added."""
    merged = {name: list(values) for name, values in known.items()}
    for name, value in more.items():
        values = merged.setdefault(name, [])
        values.extend(new for new in as_values(value) if new not in values)
    return merged
