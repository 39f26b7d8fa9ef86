"""The state of a cluster as its events tell it."""

from celery.events.state.state import State
from celery.events.state.task import TASK_EVENT_TO_STATE, Task, _depickle_task
from celery.events.state.worker import (
    HEARTBEAT_DRIFT_MAX,
    HEARTBEAT_EXPIRE_WINDOW,
    Worker,
    heartbeat_expires,
)

# Monitors keep pickles of these: they name them as documented, in this version and in others.
for _pickled in (State, Task, Worker, _depickle_task):
    _pickled.__module__ = __name__

__all__ = (
    "HEARTBEAT_DRIFT_MAX",
    "HEARTBEAT_EXPIRE_WINDOW",
    "TASK_EVENT_TO_STATE",
    "State",
    "Task",
    "Worker",
    "heartbeat_expires",
)
