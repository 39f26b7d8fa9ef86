"""Time zones, and which of them a datetime is in; :mod:`celery.utils.time` shows the names."""

import os
import time as _time
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ("LocalTimezone", "is_naive", "localize", "make_aware", "timezone")

ZERO: Final = timedelta(0)


def is_naive(dt: datetime) -> bool:
    """Say whether `dt` does not tell which instant it is."""
    return dt.tzinfo is None or dt.tzinfo.utcoffset(dt) is None


def make_aware(dt: datetime, tz: tzinfo) -> datetime:
    """Read the wall-clock time `dt` in the zone `tz`.

    A time the clocks skipped is moved to the instant they showed next: 02:30 becomes 03:30.
    """
    if hasattr(tz, "localize"):  # pytz, whose zones must not be set with replace()
        zone: Any = tz
        made: datetime = zone.normalize(zone.localize(dt.replace(tzinfo=None)))
        return made
    aware = dt.replace(tzinfo=tz)
    return aware.astimezone(UTC).astimezone(tz)


def localize(dt: datetime, tz: tzinfo) -> datetime:
    """Return the instant `dt` in the zone `tz`; naive is read as being in that zone."""
    return make_aware(dt, tz) if is_naive(dt) else dt.astimezone(tz)


class LocalTimezone(tzinfo):
    """The zone of this machine, as the C library knows it, for when it has no name."""

    def __repr__(self) -> str:
        return f"<LocalTimezone: UTC{-_time.timezone // 3600:+03d}>"

    def _here(self, dt: datetime | None) -> datetime:
        """Return `dt`, wall-clock time here, as an aware datetime with a fixed offset."""
        return datetime.now().astimezone() if dt is None else dt.replace(tzinfo=None).astimezone()

    def utcoffset(self, dt: datetime | None) -> timedelta:
        """Return how far local time is ahead of UTC at `dt`."""
        return self._here(dt).utcoffset() or ZERO

    def dst(self, dt: datetime | None) -> timedelta:
        """Return how far the clocks are put forward at `dt`."""
        here = self._here(dt)
        if not _time.localtime(here.timestamp()).tm_isdst:
            return ZERO
        return (here.utcoffset() or ZERO) + timedelta(seconds=_time.timezone)

    def tzname(self, dt: datetime | None) -> str:
        """Return the abbreviation of the zone at `dt`."""
        return self._here(dt).tzname() or "UTC"

    def fromutc(self, dt: datetime) -> datetime:
        """Return `dt`, given in UTC, in local time."""
        here = dt.replace(tzinfo=UTC).astimezone()
        fold = datetime.fromtimestamp(here.timestamp()).fold
        return here.replace(tzinfo=self, fold=fold)


def _zone_of_this_machine() -> tzinfo:
    """Return the zone the environment or ``/etc/localtime`` names, else :class:`LocalTimezone`."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if not named:
        named = os.path.realpath("/etc/localtime").partition("/zoneinfo/")[2]
    if not named:
        return LocalTimezone()
    try:
        return ZoneInfo(named)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a POSIX rule, a path, unknown
        return LocalTimezone()


class _Zone:
    """The time zones there are, and how to get from one to another."""

    @cached_property
    def utc(self) -> tzinfo:
        """Coordinated universal time."""
        return ZoneInfo("UTC")

    @cached_property
    def local(self) -> tzinfo:
        """The zone of this machine."""
        return _zone_of_this_machine()

    def get_timezone(self, zone: str | tzinfo) -> tzinfo:
        """Return a zone by its name in the time zone database.

        Raises:
            zoneinfo.ZoneInfoNotFoundError: There is none of that name.
        """
        if isinstance(zone, str):
            return self.utc if zone == "UTC" else ZoneInfo(zone)
        return zone

    def tz_or_local(self, tzinfo: tzinfo | None = None) -> tzinfo:
        """Return the zone, or the local one if there is none."""
        return self.local if tzinfo is None else tzinfo

    def to_local(
        self, dt: datetime, local: tzinfo | None = None, orig: tzinfo | None = None
    ) -> datetime:
        """Return `dt` in the zone `local`, by default this machine's; naive means `orig` or UTC."""
        if is_naive(dt):
            dt = make_aware(dt, orig or self.utc)
        return localize(dt, self.tz_or_local(local))

    def to_system(self, dt: datetime) -> datetime:
        """Return `dt` with the fixed offset local time has then; naive means local time."""
        return dt.astimezone()

    def to_local_fallback(self, dt: datetime) -> datetime:
        """Return `dt` in the zone of this machine; naive means local time."""
        return make_aware(dt, self.local) if is_naive(dt) else localize(dt, self.local)


timezone: Final = _Zone()
