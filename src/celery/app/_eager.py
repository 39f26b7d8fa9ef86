"""Running a task where it is called: its request, the run, and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from billiard.einfo import ExceptionInfo
from kombu import serialization

from celery import states
from celery._late import late
from celery._state import get_current_task
from celery.exceptions import Retry
from celery.result import EagerResult
from celery.utils.nodenames import gethostname

if TYPE_CHECKING:
    from celery.app.task import Task

__all__ = ["eager_request", "run_eagerly", "through_serializer"]


def through_serializer(serializer: str, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments as a worker would see them: serialised and read again.

    Raises:
        kombu.exceptions.EncodeError: they cannot be serialised.
    """
    content_type, encoding, data = serialization.dumps(
        (args or (), kwargs or {}), serializer=serializer
    )
    args, kwargs = serialization.loads(data, content_type, encoding, accept=[content_type])
    return args, kwargs


def run_eagerly(
    task: Task,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    request: dict[str, Any],
    *,
    throw: bool,
) -> EagerResult[Any]:
    """Run a task now, through the same code as in a worker; a retry is run at once.

    Args:
        request: see `eager_request`.
        throw: let the task's exception out.
    """
    task_id, app = request["id"], task.app
    parent = get_current_task()
    if parent is not None and parent.request.id:
        request["parent_id"] = parent.request.id
        request["root_id"] = parent.request.root_id or parent.request.id
    build_tracer = late("celery.app.trace:build_tracer")
    tracer = build_tracer(task.name, task, eager=True, propagate=throw, app=app)
    retval, info, _, _ = tracer(task_id, args, kwargs, request)
    if isinstance(retval, ExceptionInfo):
        retval = retval.exception
    if info is None:
        return EagerResult(task_id, retval, states.SUCCESS, name=task.name)
    if info.state == states.RETRY and isinstance(retval, Retry) and retval.sig is not None:
        again: EagerResult[Any] = retval.sig.apply(retries=request["retries"] + 1, throw=throw)
        return again
    return EagerResult(task_id, retval, info.state, traceback=info.retval.traceback, name=task.name)


def eager_request(
    task: Task,
    task_id: str,
    options: Mapping[str, Any],
    *,
    retries: int,
    link: Any,
    link_error: Any,
    headers: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The request of a task that is run here.

    Args:
        options: of `Task.apply`.
    """
    limits = (options.get("time_limit"), options.get("soft_time_limit"))
    request = {
        "id": task_id,
        "task": task.name,
        "retries": retries,
        "is_eager": True,
        "logfile": options.get("logfile"),
        "loglevel": options.get("loglevel") or 0,
        "hostname": gethostname(),
        "callbacks": _listed(link),
        "errbacks": _listed(link_error),
        "headers": dict(headers) if headers else None,
        "root_id": options.get("root_id") or task_id,
        "parent_id": options.get("parent_id"),
        "replaced_task_nesting": options.get("replaced_task_nesting", 0),
        "timelimit": limits if any(limits) else None,
        "delivery_info": {
            "is_eager": True,
            "exchange": options.get("exchange"),
            "routing_key": options.get("routing_key"),
            "priority": options.get("priority"),
        },
    }
    if options.get("ignore_result") is not None:
        request["ignore_result"] = options["ignore_result"]
    stamped = options.get("stamped_headers")
    if stamped:
        request["stamped_headers"] = list(stamped)
        request["stamps"] = {name: options.get(name) for name in stamped}
    for key in ("chain", "chord", "group_id", "group_index"):
        if key in options:
            request["group" if key == "group_id" else key] = options[key]
    return request


def _listed(signatures: Any) -> list[Any] | None:
    if not signatures:
        return None
    return list(signatures) if isinstance(signatures, (list, tuple)) else [signatures]
