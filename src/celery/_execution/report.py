"""The log lines of a task's end, and the formats behind them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from celery._execution.outcome import Failed, Ignored, Rejected, Retried, Succeeded
from celery.utils.log import get_logger
from celery.utils.saferepr import saferepr

if TYPE_CHECKING:
    from billiard.einfo import ExceptionInfo

    from celery._execution.run import Execution

__all__ = [
    "LOG_FAILURE",
    "LOG_IGNORED",
    "LOG_INTERNAL_ERROR",
    "LOG_RECEIVED",
    "LOG_REJECTED",
    "LOG_RETRY",
    "LOG_SUCCESS",
    "Policy",
    "control",
    "failure",
    "log_policy",
    "logger",
    "retry",
    "success",
]

logger = get_logger("celery.app.trace")

LOG_RECEIVED = "Task %(name)s[%(id)s] received"
LOG_SUCCESS = "Task %(name)s[%(id)s] succeeded in %(runtime)ss: %(return_value)s"
LOG_FAILURE = "Task %(name)s[%(id)s] %(description)s: %(exc)s"
LOG_INTERNAL_ERROR = "Task %(name)s[%(id)s] %(description)s: %(exc)s"
LOG_IGNORED = "Task %(name)s[%(id)s] %(description)s"
LOG_REJECTED = "Task %(name)s[%(id)s] %(exc)s"
LOG_RETRY = "Task %(name)s[%(id)s] retry: %(exc)s"


class Policy(NamedTuple):
    """How one kind of failure is logged."""

    format: str
    description: str
    severity: int
    traceback: bool


_UNEXPECTED = Policy(LOG_FAILURE, "raised unexpected", logging.ERROR, True)
_EXPECTED = Policy(LOG_FAILURE, "raised expected", logging.INFO, False)
_INTERNAL = Policy(LOG_INTERNAL_ERROR, "INTERNAL ERROR", logging.CRITICAL, True)
_IGNORED = Policy(LOG_IGNORED, "ignored", logging.INFO, False)
_REJECTED = Policy(LOG_REJECTED, "rejected", logging.WARNING, True)


def log_policy(task: Any, einfo: ExceptionInfo, exc: BaseException) -> Policy:
    """Which policy an exception of this task falls under."""
    if isinstance(exc, tuple(task.throws or ())):
        return _EXPECTED
    return _INTERNAL if getattr(einfo, "internal", False) else _UNEXPECTED


def _context(execution: Execution, **fields: Any) -> dict[str, Any]:
    context = {
        "hostname": execution.plan.hostname,
        "id": execution.task_id,
        "name": execution.context.shadow or execution.plan.name,
    }
    context.update(fields)
    return context


def _text_of(exc: BaseException, describe: Callable[[Any], str] = repr) -> str:
    try:
        return describe(exc)
    except Exception as broken:
        return f"<{type(exc).__name__}: its repr raised {type(broken).__name__}>"


def return_repr(execution: Execution, value: Any) -> str:
    """The bounded text of a result, for the log and the ``task-succeeded`` event."""
    return saferepr(value, maxlen=execution.plan.task.resultrepr_maxsize)


def success(execution: Execution, outcome: Succeeded) -> None:
    """Log a success."""
    if not logger.isEnabledFor(logging.INFO):
        return
    context = _context(
        execution,
        return_value=return_repr(execution, outcome.value),
        runtime=execution.runtime,
        args=execution.context.get("argsrepr") or saferepr(execution.args),
        kwargs=execution.context.get("kwargsrepr") or saferepr(execution.kwargs),
    )
    logger.info(LOG_SUCCESS, context, extra={"data": context})


def failure(execution: Execution, outcome: Failed) -> None:
    """Log a failure: expected ones at INFO, others at ERROR with their traceback."""
    policy = log_policy(execution.plan.task, outcome.einfo, outcome.exc)
    context = _context(
        execution,
        exc=_text_of(outcome.exc),
        traceback=outcome.einfo.traceback,
        args=execution.context.get("argsrepr") or saferepr(execution.args),
        kwargs=execution.context.get("kwargsrepr") or saferepr(execution.kwargs),
        description=policy.description,
        internal=getattr(outcome.einfo, "internal", False),
    )
    exc = outcome.exc
    exc_info = (type(exc), exc, outcome.traceback) if policy.traceback else None
    logger.log(
        policy.severity, policy.format.strip(), context, exc_info=exc_info, extra={"data": context}
    )


def retry(execution: Execution, outcome: Retried) -> None:
    """Log a retry."""
    context = _context(execution, exc=_text_of(outcome.exc, str))
    logger.info(LOG_RETRY, context, extra={"data": context})


def control(execution: Execution, outcome: Ignored | Rejected) -> None:
    """Log that a task was ignored, or that it refused its message."""
    policy = _IGNORED if isinstance(outcome, Ignored) else _REJECTED
    context = _context(execution, exc=_text_of(outcome.exc), description=policy.description)
    exc_info: Any = sys.exc_info() if policy.traceback and sys.exc_info()[0] else None
    logger.log(policy.severity, policy.format, context, exc_info=exc_info, extra={"data": context})
