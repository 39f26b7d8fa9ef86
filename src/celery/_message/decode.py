"""Message to call: which protocol it is, and what its parts say; errors name the bad part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from enum import Enum
from typing import Any

from celery._message.headers import EMBED_EMPTY
from celery.exceptions import InvalidTaskError
from celery.utils.iso8601 import parse_iso8601

__all__ = ["Protocol", "decode_body", "parse_time", "protocol_of"]


class Protocol(Enum):
    """Shape of a received message."""

    V2 = 2
    V1 = 1
    UNKNOWN = 0


def protocol_of(headers: Mapping[str, Any], payload: Any = None) -> Protocol:
    """Tell the protocol from the headers, or, without a ``task`` header, from the decoded body."""
    if "task" in headers:
        return Protocol.V2
    if isinstance(payload, Mapping) and "task" in payload:
        return Protocol.V1
    return Protocol.UNKNOWN


def decode_body(payload: Any) -> tuple[Sequence[Any], Mapping[str, Any], Mapping[str, Any]]:
    """The (args, kwargs, embed) of a protocol 2 body.

    Raises:
        InvalidTaskError: the body is not a sequence of three, or one of the three is of the
            wrong type.
    """
    if not isinstance(payload, (list, tuple)) or len(payload) != 3:
        raise InvalidTaskError(
            "Task body must be a sequence of three: args, kwargs, embed; "
            f"got {type(payload).__name__}"
        )
    args, kwargs, embed = payload
    if not isinstance(args, (list, tuple)):
        raise InvalidTaskError(f"Task args must be a list, not {type(args).__name__}")
    if not isinstance(kwargs, Mapping):
        raise InvalidTaskError(f"Task kwargs must be a mapping, not {type(kwargs).__name__}")
    return args, kwargs, embed if isinstance(embed, Mapping) else EMBED_EMPTY


def parse_time(field: str, value: Any, naive_tz: tzinfo = UTC) -> datetime | None:
    """An aware datetime of an ``eta`` or ``expires`` header; None for None.

    Args:
        field: name of the header, for the error.
        value: ISO 8601 text, or a datetime.
        naive_tz: zone of a value without one.

    Raises:
        InvalidTaskError: it is no such text.
    """
    if value is None:
        return None
    try:
        when = value if isinstance(value, datetime) else parse_iso8601(value)
    except (TypeError, ValueError, AttributeError) as exc:
        raise InvalidTaskError(f"Header {field!r} is not an ISO 8601 time: {value!r}") from exc
    return when if when.tzinfo is not None else when.replace(tzinfo=naive_tz)
