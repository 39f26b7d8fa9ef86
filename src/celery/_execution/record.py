"""Recording an outcome: the backend, the task's handlers, the signal and the log line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from celery._execution import report
from celery._execution.failure import capture
from celery._execution.outcome import Failed, Rejected, Retried, Succeeded
from celery.signals import task_failure, task_internal_error, task_retry, task_success

if TYPE_CHECKING:
    from celery._execution.run import Execution

__all__ = ["after_success", "failure", "guarded", "internal_error", "retry", "store_success"]


def _stores_result(execution: Execution) -> bool:
    if execution.plan.eager:
        return bool(execution.plan.task.store_eager_result) and not execution.ignore_result
    return not execution.ignore_result


def _stores_errors(execution: Execution) -> bool:
    task, plan = execution.plan.task, execution.plan
    wanted = not execution.ignore_result or bool(task.store_errors_even_if_ignored)
    return wanted and (bool(task.store_eager_result) if plan.eager else True)


def guarded(execution: Execution, handler: Callable[..., Any], *args: Any) -> None:
    """Call a handler that comes after the outcome is recorded: it cannot change it any more.

    Its exception is logged; in eager mode it goes to the caller.
    """
    try:
        handler(*args)
    except Exception:
        if execution.plan.eager:
            raise
        report.logger.exception(
            "Handler %s of task %s[%s] raised; the outcome stays",
            getattr(handler, "__name__", handler),
            execution.plan.name,
            execution.task_id,
        )


def store_success(execution: Execution, outcome: Succeeded) -> None:
    """Store the result and count the chord part.

    Raises:
        kombu.exceptions.EncodeError: the result cannot be serialised.
        BackendStoreError: the store could not be reached.
    """
    stored = _stores_result(execution)
    if execution.plan.eager and not stored:
        return
    execution.plan.task.backend.mark_as_done(
        execution.task_id, outcome.value, request=execution.context, store_result=stored
    )


def after_success(execution: Execution, outcome: Succeeded) -> None:
    """Tell the task, the signal's receivers and the log."""
    plan = execution.plan
    if plan.on_success is not None:
        guarded(
            execution,
            plan.on_success,
            outcome.value,
            execution.task_id,
            execution.args,
            execution.kwargs,
        )
    if task_success.receivers:
        task_success.send(sender=plan.task, result=outcome.value, runtime=execution.runtime)
    report.success(execution, outcome)


def failure(execution: Execution, outcome: Failed) -> None:
    """Store FAILURE, call the errbacks, tell the task, the signal's receivers and the log."""
    plan = execution.plan
    plan.task.backend.mark_as_failure(
        execution.task_id,
        outcome.einfo.exception,
        traceback=outcome.einfo.traceback,
        request=execution.context,
        store_result=_stores_errors(execution),
        call_errbacks=True,
        state=outcome.state,
    )
    if plan.on_failure is not None:
        plan.on_failure(
            outcome.exc, execution.task_id, execution.args, execution.kwargs, outcome.einfo
        )
    if task_failure.receivers:
        task_failure.send(
            sender=plan.task,
            task_id=execution.task_id,
            exception=outcome.exc,
            args=execution.args,
            kwargs=execution.kwargs,
            traceback=outcome.traceback,
            einfo=outcome.einfo,
        )
    report.failure(execution, outcome)


def retry(execution: Execution, outcome: Retried) -> None:
    """Store RETRY if `Task.retry` has not, tell the task, the signal's receivers and the log."""
    plan, reason = execution.plan, outcome.exc
    if not reason.is_stored:
        plan.task.backend.mark_as_retry(
            execution.task_id,
            reason.exc,
            traceback=outcome.einfo.traceback,
            request=execution.context,
            store_result=_stores_result(execution),
        )
    if plan.on_retry is not None:
        plan.on_retry(
            reason.exc, execution.task_id, execution.args, execution.kwargs, outcome.einfo
        )
    if task_retry.receivers:
        task_retry.send(
            sender=plan.task, request=execution.context, reason=reason, einfo=outcome.einfo
        )
    report.retry(execution, outcome)


def rejection(execution: Execution, outcome: Rejected) -> None:
    """A message refused for good will never have another outcome: store that as a failure."""
    plan, reason = execution.plan, outcome.exc
    if not (reason.requeue or plan.eager):
        plan.task.backend.mark_as_failure(
            execution.task_id,
            reason,
            request=execution.context,
            store_result=_stores_errors(execution),
            call_errbacks=True,
        )
        if task_failure.receivers:
            task_failure.send(
                sender=plan.task,
                task_id=execution.task_id,
                exception=reason,
                args=execution.args,
                kwargs=execution.kwargs,
                traceback=reason.__traceback__,
                einfo=outcome.einfo,
            )
    report.control(execution, outcome)


def internal_error(execution: Execution, exc: Exception) -> Failed:
    """The recording itself failed: say so loudly; the caller settles the message as failed."""
    einfo = capture(exc)
    einfo.internal = True
    outcome = Failed(exc, einfo, exc.__traceback__)
    if task_internal_error.receivers:
        task_internal_error.send(
            sender=execution.plan.task,
            task_id=execution.task_id,
            args=execution.args,
            kwargs=execution.kwargs,
            request=execution.context,
            exception=exc,
            traceback=exc.__traceback__,
            einfo=einfo,
        )
    report.failure(execution, outcome)
    return outcome
