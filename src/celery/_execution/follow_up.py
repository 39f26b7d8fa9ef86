"""What follows a success: the callbacks of the task and the next step of its chain."""

from __future__ import annotations

from typing import Any

from celery._message.context import Context
from celery.canvas import group, maybe_signature

__all__ = ["follow_up"]


def follow_up(app: Any, context: Context, task_id: str, value: Any) -> None:
    """Publish the link callbacks, then the next step of the chain, with the task's value.

    Everything goes out before the result is stored: a caller that sees the result may rely on
    what follows being on its way.
    """
    callbacks, chain = context.callbacks, context.chain
    if not callbacks and not chain:
        return
    options: dict[str, Any] = {"parent_id": task_id, "root_id": context.root_id or task_id}
    if app.conf.task_inherit_parent_priority:
        options["priority"] = (context.delivery_info or {}).get("priority")
    if callbacks:
        _call_back(app, callbacks, value, options)
    if chain:
        step = maybe_signature(chain.pop(), app=app)
        step.apply_async((value,), chain=chain, **options)


def _call_back(app: Any, callbacks: Any, value: Any, options: dict[str, Any]) -> None:
    """Groups go out by themselves, plain signatures together, so that each gets the value once."""
    plain = []
    for signature in callbacks:
        callback = maybe_signature(signature, app=app)
        if isinstance(callback, group):
            callback.apply_async((value,), **options)
        else:
            plain.append(callback)
    if len(plain) == 1:
        plain[0].apply_async((value,), **options)
    elif plain:
        group(plain, app=app).apply_async((value,), **options)
