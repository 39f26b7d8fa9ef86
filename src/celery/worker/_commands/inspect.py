"""Commands that only look: what the worker is, has, and does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kombu.utils.encoding import safe_repr

from celery.utils.log import get_logger
from celery.utils.serialization import jsonify
from celery.worker import state as worker_state
from celery.worker._panel import as_ids, inspect_command
from celery.worker.request import Request

__all__ = [
    "active",
    "active_queues",
    "clock",
    "conf",
    "hello",
    "ping",
    "query_task",
    "registered",
    "reserved",
    "revoked",
    "scheduled",
    "stats",
]

logger = get_logger("celery.worker.control")

#: Attributes that `registered` shows of tasks that set them.
DEFAULT_TASK_INFO_ITEMS = ("exchange", "routing_key", "rate_limit")


@inspect_command(default_timeout=0.2)
def ping(state: Any, **kwargs: Any) -> Any:
    """Ping worker(s)."""
    return {"ok": "pong"}


@inspect_command()
def stats(state: Any, **kwargs: Any) -> Any:
    """Request worker statistics/information."""
    return state.consumer.controller.stats()


@inspect_command()
def clock(state: Any, **kwargs: Any) -> Any:
    """Get current logical clock value."""
    return {"clock": state.app.clock.value}


@inspect_command(
    alias="dump_conf",
    signature="[include_defaults=False]",
    args=[("with_defaults", bool)],
)
def conf(state: Any, with_defaults: bool = False, **kwargs: Any) -> Any:
    """List configuration."""
    table = state.app.conf.table(with_defaults=with_defaults)
    return jsonify(table, keyfilter=_is_public, unknown_type_filter=safe_repr)


def _is_public(name: Any) -> bool:
    return not (isinstance(name, str) and name.startswith("__"))


@inspect_command(visible=False)
def hello(state: Any, from_node: str, revoked: Any = None, **kwargs: Any) -> Any:
    """Request mingle sync-data."""
    if from_node == state.hostname:
        return None
    logger.info("sync with %s", from_node)
    if revoked:
        worker_state.merge_revoked(revoked)
    # Celery before 5.7 reads ids with time stamps; it takes a list as well.
    return {"revoked": list(worker_state.revoked), "clock": state.app.clock.forward()}


# -- tasks


@inspect_command(alias="dump_active", signature="[safe=False]")
def active(state: Any, safe: bool = False, **kwargs: Any) -> Any:
    """List of tasks currently being executed."""
    return [request.info(safe=safe) for request in _own(state, worker_state.active_requests)]


@inspect_command(alias="dump_reserved")
def reserved(state: Any, **kwargs: Any) -> Any:
    """List of currently reserved tasks, not including scheduled/active."""
    waiting = worker_state.reserved_requests - worker_state.active_requests
    return [request.info() for request in _own(state, waiting)]


@inspect_command(alias="dump_schedule")
def scheduled(state: Any, **kwargs: Any) -> Any:
    """List of currently scheduled ETA/countdown tasks."""
    return list(_scheduled(state.consumer.timer))


def _scheduled(timer: Any) -> Iterator[dict[str, Any]]:
    for item in timer.queue:
        request = item.entry.args[0] if item.entry.args else None
        if isinstance(request, Request):
            eta = request.eta.isoformat() if request.eta is not None else None
            yield {"eta": eta, "priority": item.priority, "request": request.info()}


@inspect_command(alias="dump_revoked")
def revoked(state: Any, **kwargs: Any) -> Any:
    """List of revoked task-ids."""
    return list(worker_state.revoked)


@inspect_command(variadic="ids", signature="[id1 [id2 [... [idN]]]]")
def query_task(state: Any, ids: Any, **kwargs: Any) -> Any:
    """Query for task information by id."""
    found = {id: worker_state.requests[id] for id in as_ids(ids) if id in worker_state.requests}
    return {id: (_state_of(request), request.info()) for id, request in found.items()}


def _state_of(request: Request) -> str:
    if request in worker_state.active_requests:
        return "active"
    if request in worker_state.reserved_requests:
        return "reserved"
    return "scheduled" if request in worker_state.scheduled_requests else "ready"


def _own(state: Any, requests: Iterable[Request]) -> list[Request]:
    """Those of this worker, where a process has several."""
    return [request for request in requests if request.hostname == state.hostname]


@inspect_command(
    alias="dump_tasks",
    variadic="taskinfoitems",
    signature="[attr1 [attr2 [... [attrN]]]]",
)
def registered(state: Any, taskinfoitems: Any = None, builtins: bool = False, **kwargs: Any) -> Any:
    """List of registered tasks."""
    tasks = state.app.tasks
    names = tasks if builtins else (name for name in tasks if not name.startswith("celery."))
    items = taskinfoitems or DEFAULT_TASK_INFO_ITEMS
    return [_describe(tasks[name], items) for name in sorted(names)]


def _describe(task: Any, items: Iterable[str]) -> str:
    fields = {
        item: str(value) for item in items if (value := getattr(task, item, None)) is not None
    }
    if not fields:
        return str(task.name)
    return f"{task.name} [{' '.join(f'{key}={value}' for key, value in fields.items())}]"


# -- queues


@inspect_command()
def active_queues(state: Any, **kwargs: Any) -> Any:
    """List the task queues a worker is currently consuming from."""
    return [queue.as_dict(recurse=True) for queue in state.consumer.task_consumer.queues]
