"""Replacing the running task by another signature, and adding members to its chord."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery.canvas import Signature, _chain, group, maybe_signature
from celery.exceptions import Ignore, ImproperlyConfigured

if TYPE_CHECKING:
    from celery.app.task import Task

__all__ = ["add_to_chord", "replace", "send_replacement"]


def replace(task: Task, sig: Signature) -> Any:
    """Let `sig` take the place of the running task: same id, same followers, same chord.

    Raises:
        ImproperlyConfigured: the signature already belongs to a chord, or is an empty chain.
        Ignore: after the replacement was sent (not in eager mode, where its value is returned).
    """
    request = task.request
    if "chord" in sig.options:
        raise ImproperlyConfigured(
            "A signature replacing a task must not be part of a chord: "
            f"{sig.task!r} has the option 'chord'"
        )
    if isinstance(sig, _chain) and not sig.tasks:
        raise ImproperlyConfigured("Cannot replace a task with an empty chain")
    if _ends_with_group(sig):
        sig |= task.app.tasks["celery.accumulate"].s(index=0)
    last = sig.tasks[-1] if isinstance(sig, _chain) else sig
    for callback in request.callbacks or ():
        last.link(maybe_signature(callback, app=task.app))
    for errback in request.errbacks or ():
        sig.link_error(maybe_signature(errback, app=task.app))
    if request.stamped_headers:
        stamps = request.stamps or {}
        sig.stamp(None, False, **{name: stamps.get(name) for name in request.stamped_headers})
    for step in (sig, *(sig.tasks if isinstance(sig, _chain) else ())):
        step.set(replaced_task_nesting=request.replaced_task_nesting + 1)
    sig.set(
        chord=request.chord,
        group_id=request.group,
        group_index=request.group_index,
        root_id=request.root_id,
    )
    sig.freeze(request.id)
    if request.chain:
        for step in reversed(request.chain):
            sig |= maybe_signature(step, app=task.app)
    return task.on_replace(sig)


def _ends_with_group(sig: Signature) -> bool:
    last = sig.tasks[-1] if isinstance(sig, _chain) else sig
    return isinstance(last, group)


def send_replacement(task: Task, sig: Signature) -> Any:
    """Send what takes the place of the task.

    Raises:
        Ignore: always, in a worker: the task that was replaced records nothing.
    """
    if task.request.is_eager:
        return sig.apply().get(disable_sync_subtasks=False)
    sig.delay()
    raise Ignore("Replaced by new task")


def add_to_chord(task: Task, sig: Signature, lazy: bool = False) -> Any:
    """Add a signature to the header of the chord that the running task is a member of.

    Args:
        lazy: do not send it; the caller will.

    Raises:
        ValueError: the running task is not a member of a chord.
    """
    request = task.request
    if not request.chord:
        raise ValueError("Current task is not member of any chord")
    sig.set(group_id=request.group, chord=request.chord, root_id=request.root_id)
    result = sig.freeze()
    task.backend.add_to_chord(request.group, result)
    return sig.delay() if not lazy else sig
