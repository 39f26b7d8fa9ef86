"""Tracing a task: upstream's names over `celery._execution`.

APM tools replace `build_tracer` of this module and wrap the tracer it returns, so both are looked
up here each time a tracer is needed, and a tracer keeps its documented call:
``tracer(uuid, args, kwargs, request) -> trace_ok_t``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from billiard.einfo import ExceptionInfo
from kombu.serialization import loads as loads_message
from kombu.serialization import prepare_accept_content

from celery import states
from celery._execution.failure import capture
from celery._execution.outcome import Failed, Succeeded, retval_of
from celery._execution.plan import make_plan, overrides
from celery._execution.report import (
    LOG_FAILURE,
    LOG_IGNORED,
    LOG_INTERNAL_ERROR,
    LOG_RECEIVED,
    LOG_REJECTED,
    LOG_RETRY,
    LOG_SUCCESS,
    log_policy,
    logger,
    return_repr,
)
from celery._execution.run import run
from celery._message.decode import decode_body
from celery._state import get_current_app
from celery.app.task import Task
from celery.loaders.base import BaseLoader
from celery.local import maybe_evaluate
from celery.utils.nodenames import gethostname

__all__ = [
    "IGNORE_STATES",
    "LOG_FAILURE",
    "LOG_IGNORED",
    "LOG_INTERNAL_ERROR",
    "LOG_RECEIVED",
    "LOG_REJECTED",
    "LOG_RETRY",
    "LOG_SUCCESS",
    "TraceInfo",
    "build_tracer",
    "fast_trace_task",
    "get_log_policy",
    "report_internal_error",
    "reset_worker_optimizations",
    "setup_worker_optimizations",
    "task_has_custom",
    "trace_ok_t",
    "trace_task",
    "trace_task_ret",
]

get_log_policy = log_policy

IGNORE_STATES = frozenset({states.RETRY, states.IGNORED, states.REJECTED})

Tracer = Callable[..., "trace_ok_t"]

#: What a worker's processes have set up once, by `setup_worker_optimizations`.
_worker_app: Any = None
_worker_hostname: str | None = None


class TraceInfo:
    """The state a run ended in, with its value or exception.

    Args:
        state: the task state.
        retval: the exception information of anything but a success.
    """

    __slots__ = ("retval", "state")

    def __init__(self, state: str, retval: Any = None) -> None:
        self.state = state
        self.retval = retval


class trace_ok_t(NamedTuple):  # the documented name
    """What a tracer returns.

    Args:
        retval: the task's return value; an `ExceptionInfo` if there is `info`.
        info: None after a success.
        runtime: seconds.
        retstr: bounded text of the return value.
    """

    retval: Any
    info: TraceInfo | None
    runtime: float
    retstr: str


def task_has_custom(task: Any, attr: str) -> bool:
    """Whether the task's class overrides an attribute of the base `Task`."""
    return overrides(task, attr, Task)


def build_tracer(  # noqa: PLR0913  # the documented signature, which is wrapped by others
    name: str,
    task: Any,
    loader: Any = None,
    hostname: str | None = None,
    store_errors: bool = True,
    Info: type[TraceInfo] = TraceInfo,
    eager: bool = False,
    propagate: bool = False,
    app: Any = None,
    **_: Any,
) -> Tracer:
    """Make the function that runs one task.

    Args:
        name: of the task.
        task: the bound task, as it is now: its handlers and `run` are looked at once.
        eager: it runs in the caller's process.
        propagate: its exception goes to the caller (eager).
    """
    task = maybe_evaluate(task)
    app = app or task.app
    plan = make_plan(
        task,
        app=app,
        loader=loader or app.loader,
        task_base=Task,
        loader_base=BaseLoader,
        hostname=hostname or gethostname(),
        eager=eager,
        propagate=propagate,
    )

    def trace_task(
        uuid: str, args: Sequence[Any], kwargs: Mapping[str, Any], request: Any = None
    ) -> trace_ok_t:
        execution = run(plan, uuid, args, kwargs, request)
        outcome = execution.outcome
        if isinstance(outcome, Succeeded):
            text = return_repr(execution, outcome.value)
            return trace_ok_t(outcome.value, None, execution.runtime, text)
        assert outcome is not None  # run() returns only concluded executions
        retval = retval_of(outcome) if eager else outcome.einfo
        info = Info(outcome.state, outcome.einfo)
        return trace_ok_t(retval, info, execution.runtime, "")

    return trace_task


def _tracer_of(task: Any, app: Any, hostname: str | None) -> Tracer:
    tracer: Tracer | None = task.__dict__.get("__trace__")
    if tracer is None:
        tracer = build_tracer(task.name, task, app.loader, hostname, app=app)
        task.__trace__ = tracer
    return tracer


def trace_task(
    task: Any,
    uuid: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    request: Mapping[str, Any] | None = None,
    **opts: Any,
) -> trace_ok_t:
    """Run a task with its tracer; what fails around the task is reported, not raised."""
    request = {} if request is None else request
    try:
        app = opts.get("app") or task.app
        return _tracer_of(task, app, opts.get("hostname"))(uuid, args, kwargs, request)
    except Exception as exc:
        einfo = report_internal_error(task, exc)
        return trace_ok_t(einfo, TraceInfo(states.FAILURE, einfo), 0.0, "")


def trace_task_ret(
    name: str,
    uuid: str,
    request: Mapping[str, Any],
    body: Any,
    content_type: str | None,
    content_encoding: str | None,
    *,
    app: Any = None,
    hostname: str | None = None,
    **_: Any,
) -> tuple[int, Any, float]:
    """Run the task of one message: what a pool calls.

    Args:
        request: the message's headers and delivery, as the worker put them together.
        body: as on the wire, or the decoded ``(args, kwargs, embed)`` if `content_type` is None.

    Returns:
        (failed, retval, runtime): failed 0 with the text of the result, or 1 with the
        `ExceptionInfo` of the exception, which may be `Retry`, `Ignore` or `Reject`.
    """
    app = app or _worker_app or get_current_app()
    task = app.tasks[name]
    try:
        args, kwargs, embed = _load_body(app, body, content_type, content_encoding)
    except Exception as exc:
        return _undecodable(task, uuid, request, exc)
    fields = {**request, **embed, "args": args, "kwargs": kwargs}
    fields.setdefault("hostname", hostname or _worker_hostname)
    retval, info, runtime, text = trace_task(
        task, uuid, args, kwargs, fields, app=app, hostname=fields["hostname"]
    )
    return (1, retval, runtime) if info is not None else (0, text, runtime)


def fast_trace_task(
    name: str,
    uuid: str,
    request: Mapping[str, Any],
    body: Any,
    content_type: str | None,
    content_encoding: str | None,
) -> tuple[int, Any, float]:
    """`trace_task_ret` with the app that `setup_worker_optimizations` was given."""
    return trace_task_ret(name, uuid, request, body, content_type, content_encoding)


def _load_body(
    app: Any, body: Any, content_type: str | None, content_encoding: str | None
) -> tuple[Sequence[Any], Mapping[str, Any], Mapping[str, Any]]:
    if content_type is not None:
        accept = prepare_accept_content(app.conf.accept_content)
        body = loads_message(body, content_type, content_encoding, accept=accept)
    return decode_body(body)


def _undecodable(
    task: Any, uuid: str, request: Mapping[str, Any], exc: Exception
) -> tuple[int, ExceptionInfo, float]:
    """The message's body cannot be read: the task has failed before it began."""
    logger.error("Cannot read the body of task %s[%s]: %r", task.name, uuid, exc)
    einfo = capture(exc)
    failed = Failed(exc, einfo, exc.__traceback__)
    task.backend.mark_as_failure(
        uuid, failed.exc, traceback=einfo.traceback, request=task.make_context(request)
    )
    return 1, einfo, 0.0


def report_internal_error(task: Any, exc: BaseException) -> ExceptionInfo:
    """Log an error of the machinery around a task; returns it as exception information."""
    einfo = capture(exc)
    einfo.internal = True
    logger.critical(
        "Task %s: internal error: %r", getattr(task, "name", task), exc, exc_info=sys.exc_info()
    )
    return einfo


def setup_worker_optimizations(app: Any, hostname: str | None = None) -> None:
    """Prepare this process to run tasks of one app: its tasks are finalized and traced once."""
    global _worker_app, _worker_hostname  # one worker app a process, by design
    _worker_app, _worker_hostname = app, hostname or gethostname()
    app.set_current()
    app.set_default()
    app.finalize()


def reset_worker_optimizations(app: Any = None) -> None:
    """Undo `setup_worker_optimizations`."""
    global _worker_app, _worker_hostname  # see above
    _worker_app = _worker_hostname = None
