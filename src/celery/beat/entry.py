"""One line of the schedule: which task, with which arguments, when, and when it last ran."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Self

from kombu.utils.functional import reprcall

from celery._ports import AppPort
from celery._state import app_or_default
from celery.schedules import maybe_schedule, schedstate

__all__ = ["BeatLazyFunc", "ScheduleEntry", "evaluate_args", "evaluate_kwargs"]

#: What the configuration says of an entry, as opposed to what beat notes about its runs.
_EDITABLE = ("task", "args", "kwargs", "options", "schedule")


class ScheduleEntry:
    """A task to be sent again and again.

    Entries are replaced rather than changed: when one is sent, `next` makes the entry that takes
    its place.

    Args:
        name: key in the schedule.
        task: name of the task.
        last_run_at: when it was last sent; now if not given, so that a new entry is not due at
            once.
        total_run_count: how often it has been sent.
        schedule: seconds, a `timedelta`, or a schedule.
        args, kwargs: what the task is called with.
        options: as for `Task.apply_async`.
        relative: for an interval: count from full hours, days, ... (see `celery.schedules`).
        app: the application, for its clock and time zone.
    """

    name: Any = None
    schedule: Any = None
    args: Any = None
    kwargs: Any = None
    options: Any = None
    last_run_at: Any = None
    total_run_count = 0

    def __init__(  # noqa: PLR0913  # the documented signature, and the order entries are pickled in
        self,
        name: str | None = None,
        task: str | None = None,
        last_run_at: datetime | None = None,
        total_run_count: int | None = None,
        schedule: Any = None,
        args: Any = (),
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        relative: bool = False,
        app: Any = None,
    ) -> None:
        self.app = app
        self.name = name
        self.task = task
        self.args = args
        self.kwargs: Any = kwargs if kwargs else {}
        self.options: Any = options if options else {}
        self.schedule = maybe_schedule(schedule, relative, app=app)
        self.last_run_at = last_run_at or self.default_now()
        self.total_run_count = total_run_count or 0

    def default_now(self) -> datetime:
        """The time by the clock of its schedule."""
        if self.schedule is not None:
            now: datetime = self.schedule.now()
            return now
        app: AppPort = app_or_default(self.app)
        return app.now()

    _default_now = default_now

    def next(self, last_run_at: datetime | None = None) -> Self:  # the documented name
        """The entry that takes this one's place when it is sent.

        Args:
            last_run_at: when that is; now if not given.
        """
        changes = {
            "last_run_at": last_run_at or self.default_now(),
            "total_run_count": self.total_run_count + 1,
        }
        return type(self)(**{**dict(self), **changes})

    __next__ = _next_instance = next  # noqa: A003  # the method, not the built-in function

    def update(self, other: ScheduleEntry) -> None:
        """Take over what the configuration says of `other`; what was noted of runs stays."""
        for field in _EDITABLE:
            setattr(self, field, getattr(other, field))

    def is_due(self) -> schedstate:
        """Whether it is due, and after how many seconds to ask again."""
        state: schedstate = self.schedule.is_due(self.last_run_at)
        return state

    def editable_fields_equal(self, other: ScheduleEntry) -> bool:
        """Whether the configuration says the same of both."""
        return all(getattr(self, field) == getattr(other, field) for field in _EDITABLE)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """The arguments to make such an entry with, by name."""
        return iter(vars(self).items())

    def __reduce__(self) -> tuple[Any, ...]:
        # The application stays behind: the process that loads the entry has its own.
        fields = (
            self.name,
            self.task,
            self.last_run_at,
            self.total_run_count,
            self.schedule,
            self.args,
            self.kwargs,
            self.options,
        )
        return type(self), fields

    def __eq__(self, other: object) -> bool:
        """Whether both are the same but for what was noted of runs."""
        if not isinstance(other, ScheduleEntry):
            return NotImplemented
        return self.editable_fields_equal(other)

    __hash__ = None  # type: ignore[assignment]  # entries are compared by value, and change

    def __lt__(self, other: object) -> bool:
        """Any order will do: it decides among entries of a heap that are due at the same time."""
        if not isinstance(other, ScheduleEntry):
            return NotImplemented
        return id(self) < id(other)

    def __repr__(self) -> str:
        call: str = reprcall(self.task or "", self.args or (), self.kwargs or {})
        return f"<{type(self).__name__}: {self.name} {call} {self.schedule!r}"


class BeatLazyFunc:
    """An argument of a periodic task that is computed when the task is sent.

    >>> from datetime import UTC
    >>> from celery.schedules import crontab
    >>> app.conf.beat_schedule = {
    ...     "report": {
    ...         "task": "shop.report",
    ...         "schedule": crontab(minute=0),
    ...         "args": (BeatLazyFunc(datetime.now, UTC),),
    ...     },
    ... }

    Args:
        func: computes it.
        *args: what `func` is called with.
        **kwargs: the same.
    """

    def __init__(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self._func = func
        self._func_params: dict[str, Any] = {"args": args, "kwargs": kwargs}

    def __call__(self) -> Any:
        """Compute the value."""
        return self.delay()

    def delay(self) -> Any:
        """Compute the value."""
        return self._func(*self._func_params["args"], **self._func_params["kwargs"])


def evaluate_args(args: Any) -> list[Any]:
    """Positional arguments, those that are computed late among them computed now."""
    return [value() if isinstance(value, BeatLazyFunc) else value for value in args or ()]


def evaluate_kwargs(kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """The same for keyword arguments."""
    return {
        name: value() if isinstance(value, BeatLazyFunc) else value
        for name, value in (kwargs or {}).items()
    }


# The path under which entries are found again in the files of PersistentScheduler.
for _cls in (ScheduleEntry, BeatLazyFunc):
    _cls.__module__ = "celery.beat"
