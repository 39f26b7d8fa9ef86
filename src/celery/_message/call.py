"""A task call: everything that one message says, before it is encoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

__all__ = ["TaskCall", "TaskMessage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCall:
    """One call of one task.

    Args:
        eta, expires: aware datetimes; not before, not after.
        time_limit, soft_time_limit: seconds.
        reply_to: where a message-passing result backend sends the result.
        callbacks, errbacks: signatures to call with the result, or on failure.
        chain: the remaining steps, reversed: the next one is the last item.
        chord: the signature of the chord's body, if the task is part of a chord's header.
        headers: the caller's own headers; they are merged flat and win over the standard ones.
        stamps: stamped values by stamp name; `stamped_headers` lists which names are stamps.
    """

    task_id: str
    name: str
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    eta: datetime | None = None
    expires: datetime | None = None
    retries: int = 0
    group_id: str | None = None
    group_index: int | None = None
    callbacks: Sequence[Any] | None = None
    errbacks: Sequence[Any] | None = None
    chain: Sequence[Any] | None = None
    chord: Any = None
    reply_to: str | None = None
    time_limit: float | None = None
    soft_time_limit: float | None = None
    root_id: str | None = None
    parent_id: str | None = None
    shadow: str | None = None
    origin: str | None = None
    ignore_result: bool | None = False
    argsrepr: str | None = None
    kwargsrepr: str | None = None
    replaced_task_nesting: int = 0
    stamped_headers: Sequence[str] | None = None
    stamps: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] | None = None


class TaskMessage(NamedTuple):
    """An encoded but not yet serialised call.

    Both mappings are live: receivers of `before_task_publish` may change what goes out.
    """

    headers: dict[str, Any]
    properties: dict[str, Any]
    body: Any
    sent_event: dict[str, Any] | None
