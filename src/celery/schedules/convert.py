"""What people write for a schedule, to a schedule."""

from datetime import timedelta
from typing import Any

from celery._ports import AppPort
from celery.schedules.base import BaseSchedule, schedule

__all__ = ("maybe_schedule",)


def maybe_schedule(s: Any, relative: bool = False, app: AppPort | None = None) -> Any:
    """Return the schedule `s` stands for.

    Args:
        s: Seconds, a time between runs, or a schedule, which then belongs to `app`; None stays
            None.
        relative: See :class:`schedule`.
        app: The application.
    """
    if s is None:
        return None
    if isinstance(s, int | float):
        s = timedelta(seconds=s)
    if isinstance(s, timedelta):
        return schedule(s, relative, app=app)
    belonging: BaseSchedule = s
    if app is not None:
        belonging.app = app
    return belonging
