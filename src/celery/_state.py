"""Which application and which task are current, and which applications there are.

* The **current application** belongs to a thread: the last one made in it, or the process's
  default one, or, when there is neither, a default one made on the spot.
* The **current task** belongs to a thread and, within it, to a coroutine: tasks running side by
  side on one event loop each see themselves.  It is the top of a stack, because a task may run
  another one eagerly.
* **Shared tasks** register with every application: with those there are, and, through
  :func:`connect_on_app_finalize`, with those to come.
"""

import os
import sys
import threading
import traceback
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from celery._late import late
from celery.local import Proxy
from celery.utils.threads import LocalStack

if TYPE_CHECKING:
    from celery._ports import AppPort, TaskPort

__all__ = (
    "app_or_default",
    "connect_on_app_finalize",
    "current_app",
    "current_task",
    "default_app",
    "disable_trace",
    "enable_trace",
    "get_current_app",
    "get_current_task",
    "get_current_worker_task",
    "pop_current_task",
    "push_current_task",
    "set_default_app",
    "task_join_will_block",
)

# -- the current application


class _ThreadState(threading.local):
    """What differs between threads."""

    current_app: "AppPort | None" = None


_tls = _ThreadState()

#: The application of threads that have made none; see :func:`set_default_app`.
default_app: "AppPort | None" = None
_making_default_app = threading.Lock()


def set_default_app(app: "AppPort | None") -> None:
    """Make `app` current in every thread that has no application of its own."""
    global default_app
    default_app = app


def _set_current_app(app: "AppPort | None") -> None:
    """Make `app` current in this thread."""
    _tls.current_app = app


def get_current_app() -> "AppPort":
    """Return the current application, made if there is none.

    The one made has no broker of its own configured: its settings come from the environment
    (``CELERY_LOADER``, ``CELERY_CONFIG_MODULE``, ``CELERY_BROKER_URL``).
    """
    return _tls.current_app or default_app or _make_default_app()


_get_current_app = get_current_app


def _make_default_app() -> "AppPort":
    """Make the application of a process that has none, once."""
    make = late("celery.app.base:Celery")  # imported before the lock is held, see PromiseProxy
    loader = os.environ.get("CELERY_LOADER") or "default"
    with _making_default_app:
        app: AppPort = default_app or make(
            "default", fixups=[], set_as_current=False, loader=loader
        )
        set_default_app(app)
    return app


_trace_default_app = os.environ.get("CELERY_TRACE_APP") is not None


def enable_trace() -> None:
    """Print where :func:`app_or_default` falls back to the current application.

    To find code that was meant to be given an application and was not; ``CELERY_TRACE_APP`` in
    the environment does the same.
    """
    global _trace_default_app
    _trace_default_app = True


def disable_trace() -> None:
    """Undo :func:`enable_trace`."""
    global _trace_default_app
    _trace_default_app = False


def app_or_default(app: "AppPort | None" = None) -> "AppPort":
    """Return `app`, or the current application if it is None."""
    if app is not None:
        return app
    if _trace_default_app:
        sys.stderr.write("-- RETURNING TO CURRENT APP --\n")
        traceback.print_stack(file=sys.stderr)
    return get_current_app()


# -- the current task

_task_stack: "LocalStack[TaskPort]" = LocalStack()

push_current_task = _task_stack.push
pop_current_task = _task_stack.pop


def get_current_task() -> "TaskPort | None":
    """Return the task that is running here, or None."""
    return _task_stack.top


def get_current_worker_task() -> "TaskPort | None":
    """Return the task the worker runs here, or None.

    When it has called another task as a function or with ``apply``, that one is the current task,
    and the worker's is still this.
    """
    for task in reversed(_task_stack.stack):
        if not task.request.called_directly:
            return task
    return None


#: The current application, found at each use.
current_app: Any = Proxy(get_current_app)
#: The running task, found at each use; None outside of tasks.
current_task: Any = Proxy(get_current_task)

_task_join_will_block = False


def _set_task_join_will_block(blocks: bool) -> None:
    """Say whether waiting for a result would stop this process from running anything else."""
    global _task_join_will_block
    _task_join_will_block = blocks


def task_join_will_block() -> bool:
    """Say whether waiting for a result would stop this process from running anything else.

    True in the children of a worker: they run one task at a time.
    """
    return _task_join_will_block


# -- all applications

_apps: "weakref.WeakSet[AppPort]" = weakref.WeakSet()
_on_app_finalizers: set[Callable[["AppPort"], Any]] = set()


def _register_app(app: "AppPort") -> None:
    _apps.add(app)


def _deregister_app(app: "AppPort") -> None:
    _apps.discard(app)


def _get_active_apps() -> "weakref.WeakSet[AppPort]":
    return _apps


def connect_on_app_finalize(
    callback: Callable[["AppPort"], Any],
) -> Callable[["AppPort"], Any]:
    """Call `callback` with every application that is finalized from now on; a decorator."""
    _on_app_finalizers.add(callback)
    return callback


def _announce_app_finalized(app: "AppPort") -> None:
    """Call what :func:`connect_on_app_finalize` has registered."""
    for callback in set(_on_app_finalizers):
        callback(app)
