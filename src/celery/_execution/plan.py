"""A plan: what does not change between two calls of one task, worked out once per process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Plan", "make_plan", "overrides"]

Hook = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to run one task.

    Args:
        task: the bound task.
        app: its app.
        call: what is called with the arguments: `run`, or the task if it overrides `__call__`.
        hostname: node name of the worker, for the request.
        eager: the task runs in the caller's process, on the caller's behalf.
        propagate: an exception goes to the caller once it is recorded (eager only).
        before_start, on_success, on_failure, on_retry, after_return: the task's own handlers;
            None where it has not overridden one.
        on_task_init, on_process_cleanup: the loader's hooks, likewise.
    """

    task: Any
    app: Any
    name: str
    call: Callable[..., Any]
    hostname: str | None
    eager: bool
    propagate: bool
    before_start: Hook | None
    on_success: Hook | None
    on_failure: Hook | None
    on_retry: Hook | None
    after_return: Hook | None
    on_task_init: Hook | None
    on_process_cleanup: Hook | None


def overrides(obj: Any, attribute: str, base: type) -> bool:
    """Whether `attribute` of the object is anything else than what `base` defines."""
    found = getattr(obj, attribute, None)
    return getattr(found, "__func__", found) is not getattr(base, attribute, None)


def make_plan(
    task: Any,
    *,
    app: Any,
    loader: Any,
    task_base: type,
    loader_base: type,
    hostname: str | None = None,
    eager: bool = False,
    propagate: bool = False,
) -> Plan:
    """Look at a task once and write down how it is to be run.

    Args:
        task_base, loader_base: the classes whose handlers do nothing and need not be called.
    """

    def own(obj: Any, attribute: str, base: type) -> Hook | None:
        return getattr(obj, attribute) if overrides(obj, attribute, base) else None

    return Plan(
        task=task,
        app=app,
        name=task.name,
        call=task if overrides(task, "__call__", task_base) else task.run,
        hostname=hostname,
        eager=eager,
        propagate=propagate,
        before_start=own(task, "before_start", task_base),
        on_success=own(task, "on_success", task_base),
        on_failure=own(task, "on_failure", task_base),
        on_retry=own(task, "on_retry", task_base),
        after_return=own(task, "after_return", task_base),
        on_task_init=own(loader, "on_task_init", loader_base),
        on_process_cleanup=own(loader, "on_process_cleanup", loader_base),
    )
