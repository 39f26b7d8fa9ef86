"""Points in time, time zones, durations, rates.

Differences and sums of aware datetimes are taken in absolute time: an hour after 01:30 on the
night the clocks go forward is 03:30, because an hour of sleep has passed.
"""

import random
import time as _time
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final

from celery.utils._zones import LocalTimezone, is_naive, localize, make_aware, timezone
from celery.utils.text import pluralize

__all__ = (
    "LocalTimezone",
    "add_seconds_to_datetime",
    "adjust_timestamp",
    "delta_resolution",
    "ffwd",
    "get_exponential_backoff_interval",
    "humanize_seconds",
    "is_naive",
    "localize",
    "make_aware",
    "maybe_iso8601",
    "maybe_make_aware",
    "maybe_timedelta",
    "rate",
    "remaining",
    "subtract_datetimes",
    "timezone",
    "to_utc",
    "utcoffset",
    "weekday",
)

ZERO: Final = timedelta(0)

DAYNAMES: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
WEEKDAYS: Final = {name: number for number, name in enumerate(DAYNAMES)}

MONTHNAMES: Final = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
YEARMONTHS: Final = {name: number for number, name in enumerate(MONTHNAMES, 1)}

#: Unit after the slash of a rate -> its length in seconds.
_RATE_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}

#: Units of :func:`humanize_seconds`, the longest first, with their lengths in seconds.
_TIME_UNITS: Final = (("day", 86400.0), ("hour", 3600.0), ("minute", 60.0), ("second", 1.0))


# -- naive and aware


def to_utc(dt: datetime) -> datetime:
    """Return `dt` in UTC; naive is read as being UTC already."""
    return localize(dt, timezone.utc)


def maybe_make_aware(dt: datetime, tz: tzinfo | None = None, naive_as_utc: bool = True) -> datetime:
    """Make `dt` aware unless it is.

    Args:
        dt: A datetime.
        tz: The zone it shall be in; UTC by default.
        naive_as_utc: Read a naive one as UTC (and convert it), not as being in `tz`.
    """
    if not is_naive(dt):
        return dt
    zone = timezone.utc if tz is None else tz
    return localize(to_utc(dt), zone) if naive_as_utc else make_aware(dt, zone)


def maybe_iso8601(dt: datetime | str | None) -> datetime | None:
    """Return a datetime as it is, and ISO 8601 text as a datetime; ``None`` for nothing.

    Raises:
        ValueError: The text is not an ISO 8601 date.
    """
    if not dt:
        return None
    return dt if isinstance(dt, datetime) else datetime.fromisoformat(dt)


# -- differences and sums


def maybe_timedelta(delta: Any) -> Any:
    """Return seconds as a :class:`~datetime.timedelta`, anything else as it is."""
    return timedelta(seconds=delta) if isinstance(delta, int | float) else delta


def delta_resolution(dt: datetime, delta: timedelta) -> datetime:
    """Round `dt` down to the day, hour or minute, whichever fits in `delta`."""
    seconds = max(delta.total_seconds(), 0.0)
    if seconds >= 86400:
        return dt.replace(hour=0, minute=0, second=0, microsecond=0)
    if seconds >= 3600:
        return dt.replace(minute=0, second=0, microsecond=0)
    if seconds >= 60:
        return dt.replace(second=0, microsecond=0)
    return dt


def add_seconds_to_datetime(dt: datetime, seconds: float) -> datetime:
    """Return the instant `seconds` after `dt`, in the same zone."""
    delta = timedelta(seconds=seconds)
    if is_naive(dt):
        return dt + delta
    return (dt.astimezone(UTC) + delta).astimezone(dt.tzinfo)


def subtract_datetimes(end: datetime, start: datetime) -> timedelta:
    """Return the time that passes from `start` to `end`; one that is naive is read as UTC."""
    if is_naive(end) and is_naive(start):
        return end - start
    return to_utc(end) - to_utc(start)


def remaining(
    start: datetime,
    ends_in: "timedelta | ffwd",
    now: datetime | None = None,
    relative: bool = False,
) -> timedelta:
    """Return how long it is from `now` until `ends_in` after `start`; negative if it is over.

    Args:
        start: When it began.
        ends_in: How long it takes, or the wall-clock time at which it ends.
        now: The present, by default that of the clock.
        relative: Round the end down to the resolution of `ends_in`, see
            :func:`delta_resolution`.

    Of `start` and `now`, one that is naive while the other is not is read as local time.
    """
    now = datetime.now(UTC) if now is None else now
    if is_naive(start) != is_naive(now):
        start, now = timezone.to_local_fallback(start), timezone.to_local_fallback(now)
    if isinstance(ends_in, ffwd):
        end = start + ends_in
    else:
        end = add_seconds_to_datetime(start, ends_in.total_seconds())
        if relative:
            end = delta_resolution(end, ends_in)
    return subtract_datetimes(end, now)


class ffwd:
    """Forward a date to given fields of it: ``date + ffwd(hour=0, minute=30)``.

    Args:
        year, month, day, hour, minute, second, microsecond: Values to set; a day the month does
            not have becomes its last one.
        weeks: Weeks to add.
        weekday: Day of the week to go on to (0 is Monday), today included.
    """

    def __init__(  # noqa: PLR0913  # documented: one for each field
        self,
        year: int | None = None,
        month: int | None = None,
        weeks: int = 0,
        weekday: int | None = None,
        day: int | None = None,
        hour: int | None = None,
        minute: int | None = None,
        second: int | None = None,
        microsecond: int | None = None,
        **_ignored: Any,
    ) -> None:
        # Accepted and ignored: callers pass all the fields of a dateutil.relativedelta.
        self.year = year
        self.month = month
        self.weeks = weeks
        self.weekday = weekday
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
        self.microsecond = microsecond
        self.days = weeks * 7

    def _fields(self, **extra: Any) -> dict[str, Any]:
        """Return the values to set, and `extra`."""
        names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in {**values, **extra}.items() if value is not None}

    def __repr__(self) -> str:
        fields = {**self._fields(), "weeks": self.weeks, "weekday": self.weekday}
        text = ", ".join(f"{name}={value!r}" for name, value in fields.items() if value is not None)
        return f"ffwd({text})"

    def __radd__(self, other: Any) -> Any:
        if not isinstance(other, date):
            return NotImplemented
        last_day = monthrange(self.year or other.year, self.month or other.month)[1]
        moved = other.replace(**self._fields(day=min(last_day, self.day or other.day)))
        moved += timedelta(days=self.days)
        if self.weekday is not None:
            moved += timedelta(days=(self.weekday - moved.weekday()) % 7)
        return moved


# -- words


def rate(r: str | float | None) -> float:
    """Return the events per second of a rate such as ``"10/m"``; 0 means no limit.

    Raises:
        ValueError: It is not a number, optionally followed by ``/s``, ``/m`` or ``/h``.
    """
    if not r:
        return 0
    if not isinstance(r, str):
        return r
    count, _, unit = r.partition("/")
    try:
        return float(count) / _RATE_UNITS[unit or "s"]
    except KeyError:
        raise ValueError(f"invalid rate {r!r}: the unit is one of s, m and h") from None


def weekday(name: str) -> int:
    """Return the number of a day of the week, Sunday being 0; three letters are enough.

    Raises:
        KeyError: There is no such day.
    """
    return _by_abbreviation(WEEKDAYS, name)


def yearmonth(name: str) -> int:
    """Return the number of a month, January being 1; three letters are enough.

    Raises:
        KeyError: There is no such month.
    """
    return _by_abbreviation(YEARMONTHS, name)


def _by_abbreviation(numbers: dict[str, int], name: str) -> int:
    try:
        return numbers[name[:3].lower()]
    except KeyError:
        raise KeyError(name) from None


def humanize_seconds(
    secs: float, prefix: str = "", sep: str = "", now: str = "now", microseconds: bool = False
) -> str:
    """Return a duration in its largest unit: ``"1.50 minutes"``.

    Args:
        secs: The duration, in seconds.
        prefix: What to put before it, with `sep` in between.
        sep: See `prefix`.
        now: What to say for nothing, and for what is over.
        microseconds: Also say durations of less than a second.
    """
    secs = round(float(secs), 2)
    for unit, length in _TIME_UNITS:
        if secs >= length:
            count = secs / length
            return f"{prefix}{sep}{count:.2f} {pluralize(count, unit)}"
    if microseconds and secs > 0.0:
        return f"{prefix}{sep}{secs:.2f} seconds"
    return now


# -- clocks of other machines, waiting times


def utcoffset(time: Any = _time, localtime: Callable[..., Any] = _time.localtime) -> float:
    """Return how many hours local time is behind UTC now."""
    seconds: float = time.altzone if localtime().tm_isdst else time.timezone
    return seconds / 3600.0


def adjust_timestamp(ts: float, offset: float, here: Callable[..., float] = utcoffset) -> float:
    """Return a timestamp of a machine `offset` hours behind UTC as one of this machine."""
    return ts - (offset - here()) * 3600


def get_exponential_backoff_interval(
    factor: float, retries: int, maximum: float, full_jitter: bool = False
) -> float:
    """Return how long to wait before the next try: twice as long after each.

    Args:
        factor: The first wait, in seconds.
        retries: How many retries there have been.
        maximum: The longest wait, in seconds.
        full_jitter: Wait a random time, up to what it would be.
    """
    # No wait anyone allows is longer than 2**64 times another: keeps floats from overflowing.
    countdown: float = min(maximum, factor * 2 ** min(retries, 64))
    if full_jitter:
        countdown = random.randrange(int(max(countdown, 0)) + 1)
    return max(0, countdown)
