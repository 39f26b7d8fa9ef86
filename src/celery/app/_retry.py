"""Retrying the task that runs: may it, when, and with which message."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from celery._execution.failure import capture
from celery._execution.run import ignores_result
from celery._message.context import Context
from celery.app._timing import retry_countdown
from celery.exceptions import ImproperlyConfigured, Reject, Retry

if TYPE_CHECKING:
    from celery.app.task import Task

__all__ = ["merge_arguments", "retry_task"]


def merge_arguments(
    run: Any, args: Any, kwargs: Any, request: Context
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """The arguments of a retry: what is given, the rest from the request.

    No parameter is set twice: an inherited keyword that the given positions cover is dropped, and
    a given keyword that names an inherited position takes its place there.
    """
    if args is not None and kwargs is not None:
        return args, kwargs
    if args is None and kwargs is None:
        return request.args or (), request.kwargs or {}
    names = _positional_names(run)
    if args is not None:
        taken = set(names[: len(args)])
        inherited = request.kwargs or {}
        return args, {name: value for name, value in inherited.items() if name not in taken}
    left = dict(kwargs)
    inherited_args = list(request.args or ())
    for position, name in enumerate(names[: len(inherited_args)]):
        if name in left:
            inherited_args[position] = left.pop(name)
    return tuple(inherited_args), left


def _positional_names(run: Any) -> list[str]:
    try:
        parameters = inspect.signature(run).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [parameter.name for parameter in parameters if parameter.kind in kinds]


def retry_task(  # noqa: PLR0913  # the arguments of `Task.retry`
    task: Task,
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
    *,
    exc: BaseException | None,
    throw: bool,
    eta: Any,
    countdown: float | None,
    max_retries: int | None,
    options: dict[str, Any],
) -> Retry:
    """Send the running task again and raise `Retry`.

    Raises:
        Retry: the new message is out (returned instead if not `throw`).
        MaxRetriesExceededError: no retry is left, and there is no `exc` to raise instead.
        Reject: the new message could not be sent: the old one is refused, so that it is not lost
            to a task that counts as retried.
    """
    request = task.request
    limit = task.max_retries if max_retries is None else max_retries
    if request.called_directly:
        _raise_chained(exc if exc is not None else Retry("Task can be retried", None))
    countdown = retry_countdown(eta, countdown, task.default_retry_delay)
    retries = request.retries + 1
    args, kwargs = merge_arguments(task.run, args, kwargs, request)
    if limit is not None and retries > limit:
        _raise_exceeded(task, exc, request, args, kwargs)
    signature = task.signature_from_request(
        request,
        args,
        kwargs,
        countdown=countdown,
        eta=eta,
        retries=retries,
        ignore_result=request.ignore_result,
        **options,
    )
    reason = Retry(
        exc=exc if exc is not None else sys.exc_info()[1],
        when=eta or countdown,
        is_eager=request.is_eager,
        sig=signature,
    )
    if not request.is_eager:
        _store(task, request, reason)
        _send(signature)
    if throw:
        raise reason
    return reason


def _raise_chained(exc: BaseException) -> NoReturn:
    """Raise, with the exception that is being handled as the cause."""
    active = sys.exc_info()[1]
    if active is None or active is exc:
        raise exc
    raise exc from active


def _raise_exceeded(
    task: Task, exc: BaseException | None, request: Context, args: Any, kwargs: Any
) -> NoReturn:
    if exc is not None:
        _raise_chained(exc)
    exceeded: Any = task.MaxRetriesExceededError
    raise exceeded(
        f"Can't retry {task.name}[{request.id}] args:{args} kwargs:{kwargs}",
        task_args=args,
        task_kwargs=kwargs,
    )


def _store(task: Task, request: Context, reason: Retry) -> None:
    """Store RETRY before the message is out: the next run may end before this one has.

    Stored afterwards, RETRY could replace the failure of the next run, for which everybody waits.
    """
    try:
        raise reason
    except Retry as exc:  # now it has the context and the traceback that a reader is to see
        traceback = capture(exc).traceback
    task.backend.mark_as_retry(
        request.id,
        reason.exc,
        traceback=traceback,
        request=request,
        store_result=not ignores_result(task, request),
    )
    reason.is_stored = True


def _send(signature: Any) -> None:
    try:
        signature.apply_async()
    except ImproperlyConfigured:
        raise
    except Exception as exc:
        raise Reject(exc, requeue=False) from exc
