"""What this process holds: reserved, active and revoked tasks, counters.

These are the documented names other packages read.  They belong to the process: two workers in one
process (as tests have) show each other's tasks here; what a worker decides, it decides on
what its own consumer holds.
"""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from celery import _version
from celery.exceptions import WorkerShutdown, WorkerTerminate
from celery.utils.collections import LimitedSet
from celery.worker._statedb import Persistent

if TYPE_CHECKING:
    from celery.worker.request import Request

__all__ = [
    "SOFTWARE_INFO",
    "Persistent",
    "active_requests",
    "maybe_shutdown",
    "merge_revoked",
    "requests",
    "reserved_requests",
    "reset_state",
    "revoked",
    "revoked_stamps",
    "scheduled_requests",
    "successful_requests",
    "task_accepted",
    "task_ready",
    "task_reserved",
    "task_scheduled",
    "total_count",
]

#: What heartbeats say about the software of this worker.
SOFTWARE_INFO: Final = {
    "sw_ident": "py-celery",
    "sw_ver": _version.__version__,
    "sw_sys": platform.system(),
}

REVOKES_MAX = int(os.environ.get("CELERY_WORKER_REVOKES_MAX", 50_000))
#: Seconds a revoked id is remembered.
REVOKE_EXPIRES = float(os.environ.get("CELERY_WORKER_REVOKE_EXPIRES", 10_800))
SUCCESSFUL_MAX = int(os.environ.get("CELERY_WORKER_SUCCESSFUL_MAX", 1_000))
#: Seconds a finished id is remembered (for `worker_deduplicate_successful_tasks`).
SUCCESSFUL_EXPIRES = float(os.environ.get("CELERY_WORKER_SUCCESSFUL_EXPIRES", 10_800))

#: Requests by task id: everything that is reserved.
requests: dict[str, Request] = {}
#: Received, and not finished.
reserved_requests: set[Request] = set()
#: Received, and waiting for their time or their rate limit.
scheduled_requests: set[Request] = set()
#: Begun, and not finished.
active_requests: set[Request] = set()
#: How many tasks of each name have begun.
total_count: Counter[str] = Counter()
#: How many tasks have begun, in a list of one.
all_total_count = [0]
#: Ids that may not begin any more.
revoked = LimitedSet(maxlen=REVOKES_MAX, expires=REVOKE_EXPIRES)
#: Stamp values that may not begin any more, by stamp name.
revoked_stamps: dict[str, list[Any]] = {}
#: Ids that have succeeded in this process.
successful_requests = LimitedSet(maxlen=SUCCESSFUL_MAX, expires=SUCCESSFUL_EXPIRES)

#: Set to an exit code to have the worker shut down warmly; None or False: do not.
should_stop: int | bool | None = None
#: Set to an exit code to have the worker stop at once.
should_terminate: int | bool | None = None


def reset_state() -> None:
    """Forget everything (for tests)."""
    requests.clear()
    reserved_requests.clear()
    scheduled_requests.clear()
    active_requests.clear()
    total_count.clear()
    all_total_count[:] = [0]
    revoked.clear()
    revoked_stamps.clear()
    successful_requests.clear()


def maybe_shutdown() -> None:
    """Raise what `should_terminate` or `should_stop` ask for.

    Raises:
        WorkerTerminate: at once.
        WorkerShutdown: warmly.
    """
    if should_terminate is not None and should_terminate is not False:
        raise WorkerTerminate(should_terminate)
    if should_stop is not None and should_stop is not False:
        raise WorkerShutdown(should_stop)


def task_reserved(request: Request) -> None:
    """A request is to run."""
    requests[request.id] = request
    reserved_requests.add(request)


def task_scheduled(request: Request) -> None:
    """A request waits for its time, or for its rate limit."""
    requests[request.id] = request
    scheduled_requests.add(request)


def task_accepted(request: Request) -> None:
    """A request has begun."""
    active_requests.add(request)
    total_count[request.name] += 1
    all_total_count[0] += 1


def task_ready(request: Request, successful: bool = False) -> None:
    """A request has ended, or will not run here. Safe twice."""
    if successful:
        successful_requests.add(request.id)
    if requests.get(request.id) is request:
        del requests[request.id]
    scheduled_requests.discard(request)
    active_requests.discard(request)
    reserved_requests.discard(request)


def merge_revoked(ids: Iterable[str] | Mapping[str, float]) -> None:
    """Add revoked ids that another node told: a list, or (before 5.7) ids with time stamps."""
    revoked.update(list(ids))
