"""Moving the messages of waiting tasks: to other queues of a broker, or to another broker.

Nothing is lost on the way: a message is published at its new place before it leaves the old one,
so a crash between the two leaves it at both. What is looked at and stays is given back, and may
be marked as redelivered. Stop the workers of the queues before, else they take part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from kombu import Exchange, Producer, Queue
from kombu.common import maybe_declare
from kombu.utils.encoding import ensure_bytes

from celery._state import app_or_default
from celery.contrib._queue_filter import QueueFilter, State, StopFiltering
from celery.utils.nodenames import worker_direct

__all__ = (
    "State",
    "StopFiltering",
    "migrate_task",
    "migrate_tasks",
    "move",
    "move_by_idmap",
    "move_by_taskmap",
    "move_direct",
    "move_direct_by_id",
    "move_task_by_id",
    "republish",
    "start_filter",
    "task_id_eq",
    "task_id_in",
)

