"""Messages as kombu keeps them in Redis: one JSON object each (pure)."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final
from uuid import uuid4

from kombu.utils.json import JSONEncoder
from kombu.utils.json import loads as kombu_loads

from celery._broker.base import Publication
from celery._broker.delivery import Delivery
from celery._message.envelope import Envelope

__all__ = ["decode", "encode", "mark_redelivered", "plain_dumps", "plain_loads"]

#: Header that counts how often a message was delivered without an outcome.
DELIVERY_COUNT: Final = "x-delivery-count"

_encode_json = JSONEncoder().encode
_MALFORMED: Final = (ValueError, TypeError, KeyError, AttributeError, binascii.Error)


def encode(publication: Publication, *, body_encoding: str = "base64") -> str:
    """The JSON text of a publication, with a delivery tag of its own."""
    envelope = publication.envelope
    if body_encoding == "base64":
        body = base64.b64encode(envelope.body).decode("ascii")
    else:
        body = envelope.body.decode("utf-8")
    properties = {
        **envelope.properties,
        "delivery_info": {
            "exchange": publication.exchange,
            "routing_key": publication.routing_key,
        },
        "priority": envelope.priority,
        "body_encoding": body_encoding,
        "delivery_tag": str(uuid4()),
    }
    text: str = _encode_json(
        {
            "body": body,
            "content-encoding": envelope.content_encoding,
            "content-type": envelope.content_type,
            "headers": dict(envelope.headers),
            "properties": properties,
        }
    )
    return text


def decode(raw: bytes, *, queue: str, tag: Any) -> Delivery:
    """The delivery in a JSON text.

    What is no message of kombu's (not JSON, parts missing) becomes a delivery of the raw bytes,
    with content type ``application/data`` and no headers: whoever consumes it decides.
    """
    try:
        return _decode(raw, queue, tag)
    except _MALFORMED:
        unknown = Envelope(body=raw, content_type="application/data", content_encoding="binary")
        return Delivery(unknown, queue=queue, tag=tag, routing_key=queue)


def _decode(raw: bytes, queue: str, tag: Any) -> Delivery:
    # kombu's hook for typed values costs a call per object; few messages have one.
    message = kombu_loads(raw) if b"__type__" in raw else json.loads(raw)
    headers, properties = message.get("headers") or {}, message["properties"]
    body = message.get("body") or ""
    if (properties.get("body_encoding") or "utf-8").lower() == "base64":
        content = base64.b64decode(body)
    else:
        content = body.encode("utf-8")
    envelope = Envelope(
        body=content,
        content_type=message.get("content-type") or "application/data",
        content_encoding=message.get("content-encoding") or "utf-8",
        headers=headers,
        properties=properties,
    )
    info = properties.get("delivery_info") or {}
    return Delivery(
        envelope,
        queue=queue,
        tag=tag,
        exchange=info.get("exchange") or "",
        routing_key=info.get("routing_key") or "",
        redelivered=bool(info.get("redelivered") or headers.get("redelivered")),
        delivery_count=int(headers.get(DELIVERY_COUNT) or 0),
    )


def mark_redelivered(raw: bytes, *, counted: bool) -> bytes:
    """The message with kombu's marks of redelivery.

    Args:
        raw: the message; what is none comes back unchanged.
        counted: whether the delivery ended without an outcome, and counts as one.
    """
    try:
        message = plain_loads(raw)
        headers = message["headers"]
        headers["redelivered"] = True
        if counted:
            headers[DELIVERY_COUNT] = int(headers.get(DELIVERY_COUNT) or 0) + 1
        message["properties"]["delivery_info"]["redelivered"] = True
    except _MALFORMED:
        return raw
    return plain_dumps(message)


def plain_loads(raw: bytes) -> Any:
    """Read JSON as it stands: what kombu encoded as typed values is kept encoded."""
    return json.loads(raw)


def plain_dumps(message: Any) -> bytes:
    """Write what `plain_loads` read."""
    return json.dumps(message).encode()
