"""Family of a call: root, parent, and the priority it inherits from the task that makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Lineage", "lineage_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a call stems from.

    Args:
        root_id: id of the first task of the tree; None: the call is a root itself.
        parent_id: id of the task that makes the call; None outside of a task.
        priority: the message priority the call has, None for the broker's default.
    """

    root_id: str | None
    parent_id: str | None
    priority: int | None


def lineage_of(
    request: Any,
    *,
    root_id: str | None,
    parent_id: str | None,
    priority: int | None,
    inherit_priority: bool,
) -> Lineage:
    """Fill in what the caller left open from the request of the running task, if there is one."""
    if request is not None:
        root_id = root_id or request.root_id or request.id
        parent_id = parent_id or request.id
        if inherit_priority and priority is None:
            priority = (request.delivery_info or {}).get("priority")
    return Lineage(root_id=root_id, parent_id=parent_id, priority=priority)
