"""Nested chains, groups and chords as the flat list of steps that is sent. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from celery.canvas.registry import class_of

__all__ = ["chord_size", "flatten_members", "maybe_unroll_group", "steps_of"]


def steps_of(tasks: Iterable[Any]) -> list[Any]:
    """The steps of a chain, one message each.

    A chain inside the chain is opened up; a group that something follows becomes a chord of the
    group and that step. So a group can only be the last step.
    """
    steps: list[Any] = []
    for task in tasks:
        kind = task.get("subtask_type")
        if kind == "chain":
            inner = task.unchain_tasks() if _has_links(task) else task.tasks
            for step in steps_of(inner):
                _append(steps, step)
        elif kind != "group" or task.tasks:
            _append(steps, maybe_unroll_group(task) if kind == "group" else task)
    return steps


def _has_links(chain: Any) -> bool:
    return bool(chain.options.get("link") or chain.options.get("link_error"))


def _append(steps: list[Any], step: Any) -> None:
    last = steps[-1] if steps else None
    if last is not None and last.get("subtask_type") == "group":
        steps[-1] = class_of("chord")(last, body=step, app=last._app)
    else:
        steps.append(step)


def maybe_unroll_group(group: Any) -> Any:
    """A group of one plain member is that member."""
    members = list(group.tasks)
    return members[0] if len(members) == 1 else group


def flatten_members(tasks: Iterable[Any]) -> list[Any]:
    """The members of a group with groups inside it opened up."""
    members: list[Any] = []
    for task in tasks:
        if task.get("subtask_type") == "group":
            members.extend(flatten_members(task.tasks))
        else:
            members.append(task)
    return members


def chord_size(tasks: Iterable[Any]) -> int:
    """How many results the header of a chord brings in."""
    return sum(_size(task) for task in tasks)


def _size(task: Any) -> int:
    kind = task.get("subtask_type")
    if kind == "group":
        return chord_size(task.tasks)
    if kind == "chain":
        steps = steps_of(task.tasks)
        return _size(steps[-1]) if steps else 0
    if kind == "chord":
        return _size(task.body) if task.body is not None else 0
    return 1
