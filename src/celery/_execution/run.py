"""Running one task: begin, call, follow up, record, end. One function each.

The order of what happens, which users rely on::

    begin      request pushed, task_prerun, loader.on_task_init, STARTED stored
    call       before_start, the task's body
    follow up  link callbacks and the next step of the chain are published
    record     result stored, chord part counted, handler, signal, log line
    end        after_return, task_postrun, request popped, clean-up
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

from celery._execution import record, report
from celery._execution.failure import capture, release_frames
from celery._execution.follow_up import follow_up
from celery._execution.outcome import (
    Failed,
    Ignored,
    Outcome,
    Rejected,
    Retried,
    Succeeded,
    retval_of,
)
from celery._execution.plan import Plan
from celery._message.context import Context
from celery._state import _task_stack
from celery.exceptions import Ignore, Reject, Retry
from celery.signals import task_postrun, task_prerun

__all__ = ["Execution", "ignores_result", "run"]


def ignores_result(task: Any, context: Context) -> bool:
    """Whether the result of this run is dropped: the message's word, else the task's."""
    explicit = context.__dict__.get("ignore_result")
    return bool(task.ignore_result if explicit is None else explicit)


class Execution:
    """One run of one task: the value that goes through the pipeline."""

    __slots__ = (
        "args",
        "context",
        "ignore_result",
        "kwargs",
        "outcome",
        "plan",
        "runtime",
        "task_id",
    )

    def __init__(
        self,
        plan: Plan,
        task_id: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        context: Context,
    ) -> None:
        self.plan = plan
        self.task_id = task_id
        self.args = args
        self.kwargs = kwargs
        self.context = context
        self.runtime = 0.0
        self.outcome: Outcome | None = None
        self.ignore_result = ignores_result(plan.task, context)


def run(
    plan: Plan,
    task_id: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    request: Mapping[str, Any] | None = None,
) -> Execution:
    """Run a task to its end and record how it ended.

    Args:
        request: the fields of `self.request`.

    Returns:
        the execution, with its `outcome` and `runtime` (seconds).

    Raises:
        Exception: the task's own, if the plan says `propagate`.
        BaseException: `SystemExit` and the like, which end the process; nothing is recorded.
    """
    context = Context(request or {}, args=args, called_directly=False, kwargs=kwargs)
    context.__dict__.setdefault("id", task_id)
    execution = Execution(plan, task_id, args, kwargs, context)
    task = plan.task
    _task_stack.push(task)
    task.request_stack.push(context)
    try:
        return _run_pushed(execution)
    finally:
        task.request_stack.pop()
        _task_stack.pop()
        _clean_up(plan)


def _run_pushed(execution: Execution) -> Execution:
    _begin(execution)
    started = monotonic()
    try:
        outcome = _call(execution)
        execution.runtime = monotonic() - started
        try:
            outcome = _conclude(execution, outcome)
        except Exception as exc:
            if execution.plan.eager:
                raise
            outcome = record.internal_error(execution, exc)
        execution.outcome = outcome
        if execution.plan.propagate and isinstance(outcome, Failed):
            raise outcome.exc
        return execution
    finally:
        if execution.outcome is not None:
            _end(execution, execution.outcome)


def _begin(execution: Execution) -> None:
    plan, task_id = execution.plan, execution.task_id
    task = plan.task
    if task_prerun.receivers:
        task_prerun.send(
            sender=task,
            task_id=task_id,
            task=task,
            args=execution.args,
            kwargs=execution.kwargs,
        )
    if plan.on_task_init is not None:
        plan.on_task_init(task_id, task)
    if task.track_started and not plan.eager and not execution.ignore_result:
        task.backend.mark_as_started(
            task_id, pid=os.getpid(), hostname=plan.hostname, request=execution.context
        )


def _call(execution: Execution) -> Outcome:
    """The only place where user code of a task runs; what gets out of it is classified here."""
    plan = execution.plan
    try:
        if plan.before_start is not None:
            plan.before_start(execution.task_id, execution.args, execution.kwargs)
        return Succeeded(plan.call(*execution.args, **execution.kwargs))
    except Reject as exc:
        return Rejected(exc, capture(exc))
    except Ignore as exc:
        return Ignored(exc, capture(exc))
    except Retry as exc:
        return Retried(exc, capture(exc))
    except Exception as exc:
        return Failed(exc, capture(exc), exc.__traceback__)


def _conclude(execution: Execution, outcome: Outcome) -> Outcome:
    """Follow up and record.

    A success whose callbacks cannot be sent or whose result cannot be stored becomes a failure,
    so that whoever waits for it, and its chord, hear of it.
    """
    match outcome:
        case Succeeded():
            try:
                follow_up(execution.plan.app, execution.context, execution.task_id, outcome.value)
                record.store_success(execution, outcome)
            except Exception as exc:
                outcome = Failed(exc, capture(exc), exc.__traceback__)
                record.failure(execution, outcome)
            else:
                record.after_success(execution, outcome)
        case Failed():
            record.failure(execution, outcome)
        case Retried():
            record.retry(execution, outcome)
        case Rejected():
            record.rejection(execution, outcome)
        case Ignored():
            report.control(execution, outcome)
    return outcome


def _end(execution: Execution, outcome: Outcome) -> None:
    plan, task = execution.plan, execution.plan.task
    if plan.after_return is not None and isinstance(outcome, (Succeeded, Failed)):
        record.guarded(
            execution,
            plan.after_return,
            outcome.state,
            retval_of(outcome),
            execution.task_id,
            execution.args,
            execution.kwargs,
            None,
        )
    if task_postrun.receivers:
        task_postrun.send(
            sender=task,
            task_id=execution.task_id,
            task=task,
            args=execution.args,
            kwargs=execution.kwargs,
            retval=retval_of(outcome),
            state=outcome.state,
        )
    if isinstance(outcome, Failed) and not plan.eager:
        release_frames(outcome.traceback)


def _clean_up(plan: Plan) -> None:
    if plan.eager:
        return
    try:
        plan.task.backend.process_cleanup()
        if plan.on_process_cleanup is not None:
            plan.on_process_cleanup()
    except Exception:
        report.logger.exception("Process cleanup failed")
