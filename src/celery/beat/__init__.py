"""Beat: sends periodic tasks when they are due."""

from celery.beat._event import event_t
from celery.beat._pidbox import NODENAME_DEFAULT, BeatPidbox, beat_nodename
from celery.beat.embedded import EmbeddedService
from celery.beat.entry import BeatLazyFunc, ScheduleEntry
from celery.beat.persistent import PersistentScheduler
from celery.beat.scheduler import DEFAULT_MAX_INTERVAL, Scheduler, SchedulingError
from celery.beat.service import Service

__all__ = (
    "DEFAULT_MAX_INTERVAL",
    "NODENAME_DEFAULT",
    "BeatLazyFunc",
    "BeatPidbox",
    "EmbeddedService",
    "PersistentScheduler",
    "ScheduleEntry",
    "Scheduler",
    "SchedulingError",
    "Service",
    "beat_nodename",
    "event_t",
)
