"""What a schedule is, and the simplest one: an interval."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from typing import Any, NamedTuple

from celery._ports import AppPort
from celery._state import get_current_app
from celery.utils.time import delta_resolution, humanize_seconds, make_aware, maybe_timedelta

__all__ = ("BaseSchedule", "schedstate", "schedule", "seconds_between")


class schedstate(NamedTuple):
    """Is a task due, and in how many seconds should one ask again?"""

    is_due: bool
    next: float


def seconds_between(start: datetime, end: datetime) -> timedelta:
    """Return the time that passes from `start` to `end`, which are aware.

    Subtracting two times of one zone ignores that it may change its offset in between.
    """
    return end.astimezone(UTC) - start.astimezone(UTC)


class BaseSchedule(ABC):
    """Says when a task is due, given when it last ran.

    Args:
        nowfun: Returns the time; the application's clock if not given.
        app: The application, for its time zone and settings; the current one if not given.
    """

    def __init__(
        self, nowfun: Callable[[], datetime] | None = None, app: AppPort | None = None
    ) -> None:
        self.nowfun = nowfun
        self._app = app

    @abstractmethod
    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        """Return the time from now until the task is due; negative when it is overdue."""

    @abstractmethod
    def is_due(self, last_run_at: datetime) -> schedstate:
        """Say whether the task is due, and when to ask again.

        Args:
            last_run_at: When it last ran; UTC if naive.
        """

    def now(self) -> datetime:
        """Return the time."""
        return (self.nowfun or self.app.now)()

    @property
    def app(self) -> AppPort:
        """The application."""
        return self._app or get_current_app()

    @app.setter
    def app(self, app: AppPort) -> None:
        self._app = app

    # A subclass may set another zone, as django-celery-beat does: hence not a property.
    @cached_property
    def tz(self) -> tzinfo:
        """The time zone the schedule counts in."""
        return self.app.timezone

    @cached_property
    def utc_enabled(self) -> bool:
        """The application uses UTC internally."""
        return bool(self.app.conf.enable_utc)

    def to_local(self, dt: datetime) -> datetime:
        """Return `dt` in the time zone of this machine; if naive and UTC is in use, unchanged."""
        if dt.tzinfo is None and self.utc_enabled:
            return dt
        return dt.astimezone()

    def maybe_make_aware(self, dt: datetime, naive_as_utc: bool = True) -> datetime:
        """Return `dt`, in the schedule's time zone if it had none.

        Args:
            dt: A time.
            naive_as_utc: Without a time zone, it is UTC; else it is in the schedule's zone.
        """
        if dt.tzinfo is not None:
            return dt
        if naive_as_utc:
            return dt.replace(tzinfo=UTC).astimezone(self.tz)
        return make_aware(dt, self.tz)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, BaseSchedule):
            return other.nowfun == self.nowfun
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # schedules are compared by value, and change


class schedule(BaseSchedule):
    """Due a fixed time after the last run, whatever the clock does.

    Missed runs are not caught up: after them the task is due once.

    Args:
        run_every: The time between two runs, or its number of seconds.
        relative: Round the time the task is due down to the unit of `run_every`: every hour
            then means at the full hour, every two days at midnight.
        nowfun: See :class:`BaseSchedule`.
        app: See :class:`BaseSchedule`.
    """

    def __init__(
        self,
        run_every: float | timedelta | None = None,
        relative: bool = False,
        nowfun: Callable[[], datetime] | None = None,
        app: AppPort | None = None,
    ) -> None:
        super().__init__(nowfun=nowfun, app=app)
        self.run_every: timedelta = maybe_timedelta(run_every or 0)
        self.relative = relative

    def remaining_estimate(self, last_run_at: datetime) -> timedelta:
        return seconds_between(
            self.maybe_make_aware(self.now()), self._due_after(self.maybe_make_aware(last_run_at))
        )

    def _due_after(self, last_run_at: datetime) -> datetime:
        due = last_run_at.astimezone(UTC) + self.run_every
        if self.relative:
            return delta_resolution(due.astimezone(self.tz), self.run_every)
        return due

    def is_due(self, last_run_at: datetime) -> schedstate:
        remaining_s = self.remaining_estimate(last_run_at).total_seconds()
        if remaining_s > 0:
            return schedstate(is_due=False, next=remaining_s)
        if self.relative:
            return schedstate(True, self.remaining_estimate(self.now()).total_seconds())
        return schedstate(is_due=True, next=self.seconds)

    @property
    def seconds(self) -> float:
        """Seconds between two runs; never negative."""
        return max(self.run_every.total_seconds(), 0)

    @property
    def human_seconds(self) -> str:
        """The time between two runs, in words."""
        return humanize_seconds(self.seconds)

    def __repr__(self) -> str:
        return f"<freq: {self.human_seconds}>"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, schedule):
            return self.run_every == other.run_every
        return bool(self.run_every == maybe_timedelta(other))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.run_every, self.relative, self.nowfun)


for _cls in (BaseSchedule, schedstate, schedule):
    _cls.__module__ = "celery.schedules"  # the path stored schedules are found under
