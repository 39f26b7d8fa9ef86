"""When a task may start and when it is too late: countdown, eta and expires, as datetimes.

A naive datetime of the caller's stays naive on the wire, where it means UTC (local time when
`enable_utc` is off); everything computed here is aware.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from celery.utils.iso8601 import parse_iso8601

__all__ = ["resolve_eta", "resolve_expires", "seconds_until"]


def resolve_eta(
    countdown: float | None, eta: datetime | str | None, now: datetime
) -> datetime | None:
    """The earliest time of a call; a countdown (seconds, not zero) wins over an eta.

    Args:
        now: aware.
    """
    if countdown:
        return now + timedelta(seconds=float(countdown))
    return parse_iso8601(eta) if isinstance(eta, str) else eta


def resolve_expires(
    expires: float | str | datetime | timedelta | None, now: datetime
) -> datetime | None:
    """The latest time at which a call may start; seconds count from now."""
    match expires:
        case None:
            return None
        case timedelta():
            return now + expires
        case int() | float():
            return now + timedelta(seconds=expires)
        case str():
            return parse_iso8601(expires)
        case _:
            return expires


def seconds_until(when: datetime, now: datetime, naive_tz: tzinfo = UTC) -> float:
    """Seconds from now (aware) until then, never negative."""
    if when.tzinfo is None:
        when = when.replace(tzinfo=naive_tz)
    return max((when - now).total_seconds(), 0.0)


def retry_countdown(eta: Any, countdown: float | None, default: float | None) -> float | None:
    """How long a retry waits when no eta is given: a countdown of zero is honoured."""
    if eta:
        return countdown
    return default if countdown is None else countdown
