"""The application and what belongs to it."""

from celery._state import (
    app_or_default,
    default_app,
    disable_trace,
    enable_trace,
    pop_current_task,
    push_current_task,
)
from celery.app._tasks import shared_task
from celery.app.base import Celery
from celery.app.utils import AppPickler, bugreport

__all__ = [
    "AppPickler",
    "Celery",
    "app_or_default",
    "bugreport",
    "default_app",
    "disable_trace",
    "enable_trace",
    "pop_current_task",
    "push_current_task",
    "shared_task",
]
