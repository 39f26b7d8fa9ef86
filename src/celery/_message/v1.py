"""Protocol 1, in and out: the whole call is one dict in the body; headers are the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from celery._message.call import TaskCall, TaskMessage
from celery._message.encode import isoformat
from celery.exceptions import InvalidTaskError
from celery.utils.saferepr import saferepr

__all__ = ["encode_v1", "v1_to_v2"]


def encode_v1(call: TaskCall, *, repr_levels: int = 3, sent_event: bool = False) -> TaskMessage:
    """Encode a call as protocol 1, which has no place for chains, stamps and lineage."""
    eta, expires = isoformat(call.eta), isoformat(call.expires)
    event = None
    if sent_event:
        event = {
            "uuid": call.task_id,
            "name": call.name,
            "args": saferepr(call.args, maxlevels=repr_levels),
            "kwargs": saferepr(call.kwargs, maxlevels=repr_levels),
            "retries": call.retries,
            "eta": eta,
            "expires": expires,
        }
    body = {
        "task": call.name,
        "id": call.task_id,
        "args": call.args,
        "kwargs": call.kwargs,
        "group": call.group_id,
        "group_index": call.group_index,
        "retries": call.retries,
        "eta": eta,
        "expires": expires,
        "utc": True,
        "callbacks": call.callbacks,
        "errbacks": call.errbacks,
        "timelimit": [call.time_limit, call.soft_time_limit],
        "taskset": call.group_id,
        "chord": call.chord,
    }
    return TaskMessage(
        headers=dict(call.headers or {}),
        properties={"correlation_id": call.task_id, "reply_to": call.reply_to or ""},
        body=body,
        sent_event=event,
    )


def v1_to_v2(body: Mapping[str, Any]) -> tuple[tuple[Any, Any, dict[str, Any]], dict[str, Any]]:
    """Read a protocol 1 body as the (body, headers) of protocol 2.

    Raises:
        InvalidTaskError: a field that every task needs is missing or of the wrong type.
    """
    try:
        name, task_id = body["task"], body["id"]
    except KeyError as exc:
        raise InvalidTaskError(f"Message of protocol 1 without the field {exc}") from exc
    args, kwargs = body.get("args", ()), body.get("kwargs", {})
    if not isinstance(kwargs, Mapping):
        raise InvalidTaskError(
            f"Field 'kwargs' of task {name} must be a mapping, not {type(kwargs).__name__}"
        )
    headers = dict(body)
    headers.update(
        id=task_id,
        task=name,
        group=body.get("taskset") or body.get("group"),
        argsrepr=saferepr(args),
        kwargsrepr=saferepr(kwargs),
    )
    embed = {
        "callbacks": body.get("callbacks"),
        "errbacks": body.get("errbacks"),
        "chord": body.get("chord"),
        "chain": None,
    }
    for field in ("args", "kwargs", "callbacks", "errbacks", "chord"):
        headers.pop(field, None)
    return (args, kwargs, embed), headers
