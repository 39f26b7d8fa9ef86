"""Commands that revoke tasks: by id or by stamp, and end those that run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from celery import states
from celery.platforms import signals
from celery.utils.log import get_logger
from celery.worker import state as worker_state
from celery.worker._panel import as_ids, control_command, nok, ok
from celery.worker._revocation import as_values, merge_stamps, revoking_stamps
from celery.worker.request import Request

__all__ = ["revoke", "revoke_by_stamped_headers", "terminate"]

logger = get_logger("celery.worker.control")

DEFAULT_SIGNAL = "TERM"
#: States of tasks that have not begun, as far as the result store knows.
NOT_BEGUN = frozenset({states.PENDING, states.RECEIVED, states.RETRY, states.REJECTED})


@control_command(variadic="task_id", signature="[id1 [id2 [... [idN]]]]")
def revoke(
    state: Any, task_id: Any, terminate: bool = False, signal: Any = None, **kwargs: Any
) -> Any:
    """Revoke task by task id (or list of ids)."""
    ids = as_ids(task_id)
    if terminate:
        return ok(_terminate(state, ids, signal))
    _flag(state, ids)
    logger.info("Tasks flagged as revoked: %s", ", ".join(ids))
    return ok(f"tasks {_as_set(ids)} flagged as revoked")


@control_command(
    variadic="task_id",
    args=[("signal", str)],
    signature="<signal> [id1 [id2 [... [idN]]]]",
)
def terminate(state: Any, signal: Any, task_id: Any, **kwargs: Any) -> Any:
    """Terminate task by task id (or list of ids)."""
    return revoke(state, task_id, terminate=True, signal=signal)


def _terminate(state: Any, ids: list[str], signal: Any) -> str:
    """Revoke ids; those that run here get the signal."""
    _flag(state, ids)
    ended = []
    for id in ids:
        request = worker_state.requests.get(id)
        if request is not None and request.hostname == state.hostname:
            ended.append(id)
            _end(state, request, signal)
    return f"terminate: {', '.join(ended)}" if ended else "terminate: tasks unknown"


def _flag(state: Any, ids: list[str]) -> None:
    """Remember the ids, and record REVOKED for those that nobody has begun."""
    worker_state.revoked.update(ids)
    state.consumer.hub.spawn(asyncio.to_thread(_record, state.app.backend, ids))


def _record(backend: Any, ids: list[str]) -> None:
    for id in ids:
        try:
            if backend.get_state(id) in NOT_BEGUN:
                backend.mark_as_revoked(id, reason="revoked", store_result=True)
        except NotImplementedError:
            return  # there is no result store
        except Exception as exc:
            logger.error("Cannot record that task %s is revoked: %r", id, exc)


def _end(state: Any, request: Request, signal: Any) -> None:
    signum = signals.signum(signal or DEFAULT_SIGNAL)
    logger.info("Terminating %s (%s)", request.id, signum)
    request.terminate(state.consumer.pool, signal=signum)


@control_command(
    variadic="headers",
    signature="[key1=value1 [key2=value2 [... [keyN=valueN]]]]",
)
def revoke_by_stamped_headers(
    state: Any, headers: Any, terminate: bool = False, signal: Any = None, **kwargs: Any
) -> Any:
    """Revoke task by header (or list of headers)."""
    try:
        wanted = _as_stamps(headers)
    except ValueError as exc:
        return nok(str(exc))
    worker_state.revoked_stamps.update(merge_stamps(worker_state.revoked_stamps, wanted))
    hits = [
        request
        for request in tuple(worker_state.requests.values())
        if request.hostname == state.hostname
        and revoking_stamps(wanted, request.stamped_headers, request.stamps)
    ]
    if not terminate:
        return ok(f"headers {wanted} flagged as revoked, but not terminated")
    if not hits:
        return ok(f"headers {wanted} were not terminated")
    worker_state.revoked.update([request.id for request in hits])
    for request in hits:
        _end(state, request, signal)
    return ok(f"headers {wanted} revoked")


def _as_stamps(headers: Any) -> dict[str, Any]:
    """Stamps by name, of a mapping or of ``key=value`` texts.

    Raises:
        ValueError: a text has no ``=``.
    """
    if isinstance(headers, dict):
        return {name: as_values(value) for name, value in headers.items()}
    stamps: dict[str, Any] = {}
    for text in as_ids(headers):
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"{text!r} is not of the form key=value")
        stamps.setdefault(name, []).append(value)
    return stamps


def _as_set(ids: Iterable[str]) -> str:
    """Ids as a set is written, or ``set()``."""
    return repr(set(ids))
