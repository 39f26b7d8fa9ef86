"""Messages and contexts for testing what receives them."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

from kombu.serialization import dumps
from kombu.utils.uuid import uuid

__all__ = ["ContextMock", "TaskMessage", "TaskMessage1", "task_message_from_sig"]


def TaskMessage(  # noqa: PLR0913  # documented; one argument for each part of the message
    name: str,
    id: str | None = None,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    callbacks: Any = None,
    errbacks: Any = None,
    chain: Any = None,
    shadow: str | None = None,
    utc: bool | None = None,
    **options: Any,
) -> Any:
    """A message of protocol 2, as a mock: settling it is recorded, nothing is sent."""
    embed = {"callbacks": callbacks, "errbacks": errbacks, "chain": chain, "chord": None}
    content_type, content_encoding, body = dumps([args, dict(kwargs or {}), embed], "json")
    headers = {"id": id or uuid(), "task": name, "shadow": shadow, **options}
    return _message(headers, body, content_type, content_encoding, (args, kwargs or {}, embed))


def TaskMessage1(
    name: str,
    id: str | None = None,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    callbacks: Any = None,
    errbacks: Any = None,
    chain: Any = None,
    **options: Any,
) -> Any:
    """A message of protocol 1, as a mock."""
    body = {
        "task": name,
        "id": id or uuid(),
        "args": args,
        "kwargs": dict(kwargs or {}),
        "callbacks": callbacks,
        "errbacks": errbacks,
        **options,
    }
    content_type, content_encoding, encoded = dumps(body, "json")
    return _message({}, encoded, content_type, content_encoding, body)


def _message(
    headers: dict[str, Any], body: Any, content_type: str, content_encoding: str, payload: Any
) -> Any:
    message = Mock(name=f"TaskMessage-{headers.get('id')}")
    message.headers = headers
    message.body = body
    message.content_type = content_type
    message.content_encoding = content_encoding
    message.payload = payload
    message.decode.return_value = payload
    message.properties = {"correlation_id": headers.get("id"), "reply_to": None}
    message.delivery_info = {"exchange": "", "routing_key": "celery", "redelivered": False}
    message.acknowledged = False
    return message


def task_message_from_sig(
    app: Any, sig: Any, utc: bool = True, TaskMessage: Any = TaskMessage
) -> Any:
    """The message that applying a signature would send."""
    sig.freeze()
    options = dict(sig.options)
    callbacks, errbacks = options.pop("link", None), options.pop("link_error", None)
    now = datetime.now(UTC)
    countdown, eta = options.pop("countdown", None), options.pop("eta", None)
    if countdown:
        eta = now + timedelta(seconds=countdown)
    expires = options.pop("expires", None)
    if isinstance(expires, numbers.Real):
        expires = now + timedelta(seconds=float(expires))
    return TaskMessage(
        sig.task,
        id=sig.id,
        args=sig.args,
        kwargs=sig.kwargs,
        callbacks=[dict(callback) for callback in callbacks] if callbacks else None,
        errbacks=[dict(errback) for errback in errbacks] if errbacks else None,
        eta=_isoformat(eta),
        expires=_isoformat(expires),
        utc=utc,
        **options,
    )


def _isoformat(when: Any) -> Any:
    return when.isoformat() if isinstance(when, datetime) else when


class _ContextMock(Mock):
    """A mock that is a context manager as well."""

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exc_info: object) -> None:
        return None


def ContextMock(*args: Any, **kwargs: Any) -> Any:
    """A mock that may be used in a ``with`` statement."""
    return _ContextMock(*args, **kwargs)
