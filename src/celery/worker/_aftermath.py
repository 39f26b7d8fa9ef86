"""What the worker records of a task that its pool did not run to an end.

The process that runs a task records how it ended.  Where there is no such process any more (lost,
killed at its time limit) or never was (revoked, unknown), these functions do it instead.  A store
that cannot be reached is logged and stops nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from billiard.einfo import ExceptionInfo, ExceptionWithTraceback
from billiard.exceptions import TimeLimitExceeded

from celery._execution.failure import capture
from celery._execution.report import LOG_RETRY
from celery.exceptions import Retry
from celery.signals import task_failure, task_retry, task_revoked
from celery.utils.log import get_logger

if TYPE_CHECKING:
    from celery.worker.request import Request

__all__ = ["cancelled", "exception_of", "failed", "resend", "revoked", "timed_out"]

logger = get_logger("celery.worker.request")

CANCELLED = "cancelled by Celery"


def exception_of(einfo: ExceptionInfo) -> BaseException:
    """The exception itself, whether or not the information has travelled from a process."""
    exc = einfo.exception
    found: BaseException = exc.exc if isinstance(exc, ExceptionWithTraceback) else exc
    return found


@contextmanager
def _logged(request: Request, what: str) -> Iterator[None]:
    try:
        yield
    except Exception as exc:
        logger.exception("Cannot record that %s was %s: %r", request.humaninfo(), what, exc)


def revoked(
    request: Request, reason: str, *, terminated: bool, signum: int | None, expired: bool
) -> None:
    """Store REVOKED, tell the signal's receivers."""
    context = request.context
    with _logged(request, "revoked"):
        request.task.backend.mark_as_revoked(
            request.id, reason, request=context, store_result=request.store_errors
        )
    task_revoked.send(
        sender=request.task,
        request=context,
        terminated=terminated,
        signum=signum,
        expired=expired,
    )


def failed(request: Request, exc: BaseException, einfo: ExceptionInfo) -> None:
    """Log and store FAILURE, call the errbacks, tell the signal's receivers."""
    logger.error("Task handler raised error: %r", exc, exc_info=_as_exc_info(exc))
    context = request.context
    with _logged(request, "failed"):
        request.task.backend.mark_as_failure(
            request.id,
            exc,
            traceback=einfo.traceback,
            request=context,
            store_result=request.store_errors,
        )
    task_failure.send(
        sender=request.task,
        task_id=request.id,
        exception=exc,
        args=context.args,
        kwargs=context.kwargs,
        traceback=einfo.traceback,
        einfo=einfo,
    )


def timed_out(request: Request, seconds: float) -> ExceptionInfo:
    """Record that the hard limit has passed; also calls the task's `on_failure`."""
    try:
        raise TimeLimitExceeded(seconds)
    except TimeLimitExceeded as raised:
        exc, einfo = raised, capture(raised)
    failed(request, exc, einfo)
    context = request.context
    try:
        request.task.on_failure(exc, request.id, context.args, context.kwargs, einfo)
    except Exception as error:
        logger.exception("on_failure of %s raised: %r", request.humaninfo(), error)
    return einfo


def cancelled(request: Request) -> None:
    """Record RETRY for a task whose message is gone, tell the signal's receivers."""
    context = request.context
    if request.acknowledged:
        with _logged(request, "cancelled"):
            request.task.backend.mark_as_retry(
                request.id,
                Retry(CANCELLED),
                request=context,
                store_result=not request.ignore_result,
            )
    task_retry.send(sender=request.task, request=context, einfo=None)


def resend(request: Request, exc: BaseException, einfo: ExceptionInfo) -> bool:
    """Send a task whose process was lost once more, as a retry.

    Returns:
        False if no retry is left, or the message could not be sent.
    """
    task, context = request.task, request.context
    retries = (context.retries or 0) + 1
    if task.max_retries is not None and retries > task.max_retries:
        return False
    delay = task.default_retry_delay
    try:
        task.signature_from_request(context, countdown=delay, retries=retries).apply_async()
    except Exception as error:
        logger.exception("Cannot send %s again: %r", request.humaninfo(), error)
        return False
    reason = Retry(exc=exc, when=delay)
    with _logged(request, "retried"):
        task.backend.mark_as_retry(
            request.id,
            exc,
            traceback=einfo.traceback,
            request=context,
            store_result=not request.ignore_result,
        )
    task_retry.send(sender=task, request=context, reason=reason, einfo=einfo)
    facts = {"id": request.id, "name": request.name, "exc": str(reason)}
    logger.info(LOG_RETRY, facts, extra={"data": facts})
    return True


def text_of(exc: BaseException, describe: Callable[[Any], str] = repr) -> str:
    """The exception as text, even if its own `repr` raises."""
    try:
        return describe(exc)
    except Exception as broken:
        return f"<{type(exc).__name__}: its repr raised {type(broken).__name__}>"


def _as_exc_info(exc: BaseException) -> Any:
    return (type(exc), exc, exc.__traceback__) if exc.__traceback__ is not None else None
