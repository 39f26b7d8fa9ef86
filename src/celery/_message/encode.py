"""Call to message, protocol 2."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from celery._message.call import TaskCall, TaskMessage
from celery._message.headers import Embed
from celery.utils.saferepr import saferepr

__all__ = ["REPR_LIMIT", "encode_v2", "isoformat", "sent_event_fields"]

#: Characters of `argsrepr` and `kwargsrepr` at most.
REPR_LIMIT = 1024


def isoformat(when: datetime | None) -> str | None:
    """ISO 8601 text of an aware datetime, None for None."""
    return when.isoformat() if when is not None else None


def encode_v2(call: TaskCall, *, repr_levels: int = 3, sent_event: bool = False) -> TaskMessage:
    """Encode a call as protocol 2.

    Args:
        repr_levels: nesting depth of `argsrepr` and `kwargsrepr`.
        sent_event: also prepare the fields of a ``task-sent`` event.
    """
    eta, expires = isoformat(call.eta), isoformat(call.expires)
    argsrepr = call.argsrepr
    if argsrepr is None:
        argsrepr = saferepr(call.args, maxlen=REPR_LIMIT, maxlevels=repr_levels)
    kwargsrepr = call.kwargsrepr
    if kwargsrepr is None:
        kwargsrepr = saferepr(call.kwargs, maxlen=REPR_LIMIT, maxlevels=repr_levels)
    headers: dict[str, Any] = {
        "lang": "py",
        "task": call.name,
        "id": call.task_id,
        "shadow": call.shadow,
        "eta": eta,
        "expires": expires,
        "group": call.group_id,
        "group_index": call.group_index,
        "retries": call.retries,
        "timelimit": [call.time_limit, call.soft_time_limit],
        "root_id": call.root_id or call.task_id,
        "parent_id": call.parent_id,
        "argsrepr": argsrepr,
        "kwargsrepr": kwargsrepr,
        "origin": call.origin,
        "ignore_result": call.ignore_result,
        "replaced_task_nesting": call.replaced_task_nesting,
        "stamped_headers": list(call.stamped_headers) if call.stamped_headers else None,
        "stamps": dict(call.stamps),
    }
    if call.headers:
        headers.update(call.headers)
    embed: Embed = {
        "callbacks": list(call.callbacks) if call.callbacks else None,
        "errbacks": list(call.errbacks) if call.errbacks else None,
        "chain": list(call.chain) if call.chain else None,
        "chord": call.chord,
    }
    return TaskMessage(
        headers=headers,
        properties={"correlation_id": call.task_id, "reply_to": call.reply_to or ""},
        body=(call.args, call.kwargs, embed),
        sent_event=sent_event_fields(call, argsrepr, kwargsrepr) if sent_event else None,
    )


def sent_event_fields(call: TaskCall, argsrepr: str, kwargsrepr: str) -> dict[str, Any]:
    """Fields of the ``task-sent`` event that stem from the call itself."""
    return {
        "uuid": call.task_id,
        "root_id": call.root_id or call.task_id,
        "parent_id": call.parent_id,
        "name": call.name,
        "args": argsrepr,
        "kwargs": kwargsrepr,
        "retries": call.retries,
        "eta": isoformat(call.eta),
        "expires": isoformat(call.expires),
    }
