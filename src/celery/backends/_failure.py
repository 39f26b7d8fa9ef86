"""What else fails when a task fails: the tasks after it in its chain."""

import sys
import traceback as traceback_module
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from billiard.einfo import ExceptionInfo

from celery._message.context import Context

__all__ = (
    "FailingStore",
    "exception_info",
    "fail_chain",
    "fail_from_current_exception",
    "waited_for",
)


class FailingStore(Protocol):
    """What is needed of a backend to fail a task."""

    def mark_as_failure(
        self,
        task_id: str,
        exc: BaseException,
        traceback: Any = None,
        request: Any = None,
        store_result: bool = True,
        call_errbacks: bool = True,
        state: str = ...,
    ) -> None: ...


def fail_chain(
    backend: FailingStore,
    steps: Iterable[Mapping[str, Any]],
    exc: BaseException,
    traceback: Any,
    *,
    store_result: bool,
    state: str,
) -> None:
    """Fail the rest of a chain, so that who waits for its end learns what has happened.

    Args:
        backend: Where to.
        steps: The signatures, in any order.
        exc: Why; each of them shows this one.
        traceback: Of `exc`.
        store_result: False to tell the chords that steps are part of, and store nothing.
        state: Of the task that failed.
    """
    for step in steps:
        for task_id, options in _tasks_of(step):
            # Error callbacks of the steps stay silent: they were never run.
            request = Context(
                id=task_id,
                group=options.get("group_id"),
                group_index=options.get("group_index"),
                chord=options.get("chord"),
            )
            backend.mark_as_failure(
                task_id,
                exc,
                traceback,
                request=request,
                store_result=store_result,
                call_errbacks=False,
                state=state,
            )


def _tasks_of(step: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return id and options of each task whose result somebody may wait for."""
    kind, options = step.get("subtask_type"), step.get("options") or {}
    found: list[tuple[str, Mapping[str, Any]]] = []
    if kind == "chord":
        found += _tasks_of(step["kwargs"]["body"])
    elif kind in ("group", "chain"):
        for member in step["kwargs"].get("tasks") or ():
            found += _tasks_of(member)
    task_id = options.get("task_id")
    if task_id and all(task_id != known for known, _ in found):
        found.append((task_id, options))
    return found


def waited_for(step: Mapping[str, Any]) -> list[str]:
    """Return the ids of the tasks of a signature whose results somebody may wait for."""
    return [task_id for task_id, _ in _tasks_of(step)]


def fail_from_current_exception(
    backend: FailingStore, task_id: str, exc: BaseException | None = None
) -> Any:
    """Store the exception being handled as the failure of the task.

    Args:
        backend: Where to.
        task_id: Of the task.
        exc: The exception to store, instead of the one being handled.

    Returns:
        billiard.einfo.ExceptionInfo: Of the exception.
    """
    exc = exc or sys.exception()
    if exc is None:
        raise RuntimeError("fail_from_current_stack needs an exception, and none is being handled")
    info = exception_info(exc)
    backend.mark_as_failure(task_id, exc, info.traceback)
    # The frames hold on to their locals for as long as the exception is kept.
    traceback_module.clear_frames(exc.__traceback__)
    return info


def exception_info(exc: BaseException) -> Any:
    """Return the :class:`billiard.einfo.ExceptionInfo` of `exc`, also if it was never raised."""
    if exc.__traceback__ is None:
        try:
            raise exc
        except BaseException:
            return ExceptionInfo()
    return ExceptionInfo((type(exc), exc, exc.__traceback__))
