"""When a periodic task is due: at an interval, by the clock, by the sun."""

from celery.schedules._crontab import cronfield, crontab
from celery.schedules._crontab_parser import ParseException, crontab_parser
from celery.schedules._solar import solar
from celery.schedules.base import BaseSchedule, schedstate, schedule
from celery.schedules.convert import maybe_schedule

__all__ = (
    "BaseSchedule",
    "ParseException",
    "cronfield",
    "crontab",
    "crontab_parser",
    "maybe_schedule",
    "schedstate",
    "schedule",
    "solar",
)
