"""Due when the clock says so: minute, hour, day of week, day of month and month of year.

A crontab is about what a clock on the wall shows.  The next match is sought among naive times in
the schedule's zone; where the zone changes its offset:

* a time the clock skips is taken with the offset before the change (02:30 runs when the clock
  shows 03:30);
* a time the clock shows twice runs the first time, and not again the second.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from celery.schedules._crontab_parser import crontab_parser
from celery.schedules.base import BaseSchedule, schedstate, seconds_between
from celery.utils.time import ffwd as _ffwd
from celery.utils.time import make_aware

__all__ = ("Cronspec", "cronfield", "crontab")

Cronspec = int | str | Iterable[int]

_LONGEST_MONTH: Final = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


class crontab(BaseSchedule):
    """Due at the minutes at which every field matches.

    Mind the order of the arguments: it is not that of a line in a crontab file, for which there
    is :meth:`from_string`.  Unlike there, a time must match both the day of the week and the day
    of the month.

    Missed runs are not caught up: after them the task is due once, or not at all if
    ``beat_cron_starting_deadline`` has passed.

    Args:
        minute: 0-59; like all fields a number, several, or text such as ``"*/15"`` or
            ``"0,30"`` (see :class:`crontab_parser`).
        hour: 0-23.
        day_of_week: 0-6 from Sunday, or names.
        day_of_month: 1-31.
        month_of_year: 1-12, or names.
        **kwargs: See :class:`BaseSchedule`.

    Raises:
        ParseException: A text does not follow the grammar.
        ValueError: A value is out of range, or the fields never match together.
        TypeError: A field is neither number nor text nor several numbers.

    >>> crontab(minute=30, hour=7, day_of_week="mon-fri")
    <crontab: 30 7 * * mon-fri (m/h/dM/MY/d)>
    """

    def __init__(
        self,
        minute: Cronspec = "*",
        hour: Cronspec = "*",
        day_of_week: Cronspec = "*",
        day_of_month: Cronspec = "*",
        month_of_year: Cronspec = "*",
        **kwargs: Any,
    ) -> None:
        self._orig_minute = cronfield(minute)
        self._orig_hour = cronfield(hour)
        self._orig_day_of_week = cronfield(day_of_week)
        self._orig_day_of_month = cronfield(day_of_month)
        self._orig_month_of_year = cronfield(month_of_year)
        super().__init__(**kwargs)
        self.minute = self._expand_cronspec(minute, 60)
        self.hour = self._expand_cronspec(hour, 24)
        self.day_of_week = self._expand_cronspec(day_of_week, 7)
        self.day_of_month = self._expand_cronspec(day_of_month, 31, 1)
        self.month_of_year = self._expand_cronspec(month_of_year, 12, 1)
        if all(
            day > _LONGEST_MONTH.get(month, 31)
            for month in self.month_of_year
            for day in self.day_of_month
        ):
            raise ValueError(
                f"Invalid crontab: day_of_month {day_of_month!r} never occurs in "
                f"month_of_year {month_of_year!r}."
            )

    @classmethod
    def from_string(cls, crontab: str) -> Self:
        """Make a schedule of a line as in a crontab file: ``"30 7 * * mon-fri"``.

        Raises:
            ValueError: There are not five fields, with one blank between each.
        """
        fields = crontab.split(" ")
        if len(fields) != 5:
            raise ValueError(
                f"A crontab has five fields (minute, hour, day of month, month, day of week), "
                f"separated by one blank each; {crontab!r} has {len(fields)}"
            )
        minute, hour, day_of_month, month_of_year, day_of_week = fields
        return cls(minute, hour, day_of_week, day_of_month, month_of_year)

    @staticmethod
    def _expand_cronspec(cronspec: Any, max_: int, min_: int = 0) -> set[int]:
        """Return the numbers a field stands for.

        Args:
            cronspec: A number, text, or several numbers.
            max_: How many values the field has.
            min_: The smallest of them.
        """
        if isinstance(cronspec, int):
            numbers = {cronspec}
        elif isinstance(cronspec, str):
            numbers = crontab_parser(max_, min_).parse(cronspec)
        elif isinstance(cronspec, Iterable):
            numbers = set(cronspec)
        else:
            raise TypeError(
                "A field of a crontab is an int, a str or an iterable of ints, "
                f"not {type(cronspec)!r}."
            )
        for number in numbers:
            if not min_ <= number < max_ + min_:
                raise ValueError(
                    f"Invalid crontab pattern.  Valid range is {min_}-{max_ + min_ - 1}. "
                    f"'{number}' was found."
                )
        return numbers

    # -- the next match

    def next_match(self, after: datetime) -> datetime:
        """Return the first minute later than `after` at which all fields match; both naive."""
        at = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
        day = self._next_day(at.date())
        if day == at.date():
            moment = self._next_time(at.time())
            if moment is not None:
                return datetime.combine(day, moment)
            day = self._next_day(day + timedelta(days=1))
        return datetime.combine(day, time(min(self.hour), min(self.minute)))

    def _next_day(self, day: date) -> date:
        """Return `day` or the first later one that matches."""
        while not self._matches(day):
            if day.month in self.month_of_year:
                day += timedelta(days=1)
            else:
                day = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
        return day

    def _matches(self, day: date) -> bool:
        return (
            day.month in self.month_of_year
            and day.day in self.day_of_month
            and day.isoweekday() % 7 in self.day_of_week
        )

    def _next_time(self, at: time) -> time | None:
        """Return `at` or the first later time of the same day that matches."""
        if at.hour in self.hour:
            minutes = [minute for minute in self.minute if minute >= at.minute]
            if minutes:
                return time(at.hour, min(minutes))
        hours = [hour for hour in self.hour if hour > at.hour]
        return time(min(hours), min(self.minute)) if hours else None

    def _next_run(self, after: datetime, zone: tzinfo) -> datetime:
        """Return the next match after `after`, an aware time, in `zone`."""
        wall = after.astimezone(zone).replace(tzinfo=None, fold=0)
        while True:
            wall = self.next_match(wall)
            run = make_aware(wall, zone)
            if seconds_between(after, run) > timedelta(0):
                return run
            # `after` is in an hour the clock shows twice, and this was in the first of the two.

    def _in_zone(self, dt: datetime, tz: tzinfo) -> datetime:
        return self.maybe_make_aware(dt).astimezone(tz)

    # -- what beat asks

    def remaining_delta(
        self,
        last_run_at: datetime,
        tz: str | tzinfo | None = None,
        ffwd: Callable[..., Any] = _ffwd,
    ) -> tuple[datetime, Any, datetime]:
        """Return when the task last ran, what to add for the next time, and now.

        Args:
            last_run_at: When it last ran; UTC if naive.
            tz: Zone to count in; the schedule's own if not given.
            ffwd: Makes what is to be added, of the parts of the time to set.
        """
        zone = ZoneInfo(tz) if isinstance(tz, str) else tz or self.tz
        last = self._in_zone(last_run_at, zone)
        due = self._next_run(last, zone)
        delta = ffwd(
            year=due.year,
            month=due.month,
            day=due.day,
            hour=due.hour,
            minute=due.minute,
            second=0,
            microsecond=0,
        )
        return last, delta, self._in_zone(self.now(), zone)

    def remaining_estimate(
        self, last_run_at: datetime, ffwd: Callable[..., Any] = _ffwd
    ) -> timedelta:
        """Return the time from now until the task is due; negative when it is overdue.

        Args:
            last_run_at: When it last ran; UTC if naive.
            ffwd: Kept for the signature's sake.
        """
        due = self._next_run(self.maybe_make_aware(last_run_at), self.tz)
        return seconds_between(self.maybe_make_aware(self.now()), due)

    def is_due(self, last_run_at: datetime) -> schedstate:
        """Say whether the task is due, and when to ask again.

        Args:
            last_run_at: When it last ran; UTC if naive.
        """
        remaining_s = self.remaining_estimate(last_run_at).total_seconds()
        if remaining_s > 0:
            return schedstate(is_due=False, next=remaining_s)
        now = self.maybe_make_aware(self.now())
        next_s = self.remaining_estimate(now).total_seconds()
        return schedstate(is_due=self._is_in_time(now), next=next_s)

    def _is_in_time(self, now: datetime) -> bool:
        """Say whether a match lies close enough to `now` for a missed run to be made up for."""
        deadline_s: float | None = self.app.conf.beat_cron_starting_deadline
        if deadline_s is None:
            return True
        earliest = self._next_run(now - timedelta(seconds=deadline_s), self.tz)
        return seconds_between(earliest, now) >= timedelta(0)

    # -- as a value

    def __repr__(self) -> str:
        fields = (
            self._orig_minute,
            self._orig_hour,
            self._orig_day_of_month,
            self._orig_month_of_year,
            self._orig_day_of_week,
        )
        return f"<crontab: {' '.join(map(str, fields))} (m/h/dM/MY/d)>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, crontab):
            return NotImplemented
        return self._fields() == other._fields() and self.nowfun == other.nowfun

    def _fields(self) -> tuple[set[int], ...]:
        return self.minute, self.hour, self.day_of_week, self.day_of_month, self.month_of_year

    def __reduce__(self) -> tuple[Any, ...]:
        # The application stays behind: the process that loads the schedule has its own.
        fields = (
            self._orig_minute,
            self._orig_hour,
            self._orig_day_of_week,
            self._orig_day_of_month,
            self._orig_month_of_year,
        )
        return type(self), fields, {} if self.nowfun is None else {"nowfun": self.nowfun}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__init__(nowfun=state.get("nowfun"), app=state.get("app"))


def cronfield(s: Any) -> Any:
    """Return what a field stands for when it is not given: everything."""
    return "*" if s is None else s


crontab.__module__ = "celery.schedules"
