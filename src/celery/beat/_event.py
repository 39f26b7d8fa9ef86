"""When to look at an entry again: what the scheduler's heap is made of (pure but for clocks)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

__all__ = ["DRIFT_S", "PRIORITY", "epoch", "event_t", "until"]

#: An entry is looked at this many seconds early, as waking up takes its time.
DRIFT_S: Final = -0.010

#: Priority of events; all have the same.
PRIORITY: Final = 5


class event_t(NamedTuple):
    """When to look at an entry again.

    Args:
        time: seconds since the epoch.
        priority: among events of the same time the lowest comes first.
        entry: the entry.
    """

    time: float
    priority: int
    entry: Any


def epoch(entry: Any) -> float:
    """The time by the clock of an entry, in seconds since the epoch."""
    now: datetime = entry.default_now()
    return (now if now.tzinfo is not None else now.replace(tzinfo=UTC)).timestamp()


def until(event: event_t) -> float:
    """Seconds until the time of an event, by the clock of its entry."""
    return event.time - epoch(event.entry)


event_t.__module__ = "celery.beat"
