"""Calling the error callbacks (``link_error``) of a task that failed."""

import inspect
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from kombu.utils.uuid import uuid

from celery.utils.functional import arity_greater

if TYPE_CHECKING:
    from celery._ports import AppPort

__all__ = ("call_errbacks",)

logger: Final = logging.getLogger("celery.backends.base")


def call_errbacks(app: "AppPort", request: Any, exc: BaseException, traceback: Any) -> None:
    """Call the error callbacks of `request`.

    One that takes more than one argument is called here and now with ``(request, exc,
    traceback)``; what it raises is logged.  The others are sent as tasks of their own, with the id
    of the failed task as argument.

    Args:
        app: The application that knows the tasks.
        request: Of the failed task; its ``errbacks`` are signatures, or dictionaries of them.
        exc: Why it failed.
        traceback: Text of the traceback, or None.
    """
    to_send = []
    for description in request.errbacks:
        errback = app.signature(description)
        if not _takes_exception(app, errback):
            to_send.append(errback)
            continue
        try:
            errback(request, exc, traceback)
        except Exception:
            logger.exception("Errback %r raised an exception", errback.task)
    _send(app, to_send, request)


def _send(app: "AppPort", errbacks: Iterable[Any], request: Any) -> None:
    """Send `errbacks` as tasks, children of the failed one."""
    task_id = request.id
    eager = app.conf.task_always_eager or (request.delivery_info or {}).get("is_eager", False)
    options = {
        "parent_id": task_id,
        "root_id": request.root_id or task_id,
        "group_id": uuid(),
    }
    for errback in errbacks:
        if eager:
            errback.apply((task_id,), **options)
        else:
            errback.apply_async((task_id,), add_to_parent=False, **options)


def _takes_exception(app: "AppPort", errback: Any) -> bool:
    """Return whether `errback` is a task of ours that takes ``(request, exc, traceback)``.

    That is so if there is room for more than one positional argument beside those the signature
    brings; an immutable signature gets none, and is judged by the task alone.
    """
    task = app.tasks.get(errback.task)
    run = inspect.getattr_static(type(task), "run", None)
    # Only of a plain function is the first argument what the caller gives; of others, nobody has
    # promised that they can be called here.
    if getattr(task, "__header__", None) is None or not isinstance(run, staticmethod):
        return False
    taken = 0 if errback.immutable else len(errback.args)
    return arity_greater(run.__func__, 1 + taken)
