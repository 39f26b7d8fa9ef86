"""Between our messages and kombu's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from celery._broker.delivery import Delivery
from celery._message.envelope import Envelope

if TYPE_CHECKING:
    from celery._broker.base import Publication

__all__ = ["Tag", "publish", "to_delivery"]

#: Properties that the envelope has fields for, or that belong to the transport.
_NOT_PROPERTIES = frozenset(
    {
        "application_headers",
        "body_encoding",
        "content_encoding",
        "content_type",
        "delivery_info",
        "delivery_tag",
    }
)


class Tag(NamedTuple):
    """Identifies a delivery: the session and channel it came on, and its number there."""

    session: int
    lane: int
    number: int


def publish(channel: Any, publication: Publication) -> None:
    """Publish on a channel of kombu's."""
    envelope = publication.envelope
    properties = dict(envelope.properties)
    message = channel.prepare_message(
        envelope.body,
        # 0, too, stands on the wire: Celery 5.7's messages always have it.
        priority=properties.pop("priority", 0),
        content_type=envelope.content_type,
        content_encoding=envelope.content_encoding,
        headers=dict(envelope.headers),
        properties=properties,
    )
    channel.basic_publish(
        message,
        exchange=publication.exchange,
        routing_key=publication.routing_key,
        mandatory=publication.mandatory,
        immediate=False,
        timeout=None,
        confirm_timeout=publication.confirm_timeout,
    )


def to_delivery(message: Any, *, queue: str, tag: Tag) -> Delivery:
    """The delivery of a `kombu.Message`."""
    headers = dict(message.headers)
    if not message.errors:
        headers.pop("compression", None)  # kombu has decompressed it
    encoding = message.content_encoding or "utf-8"
    body = message.body
    if isinstance(body, str):
        body = body.encode("utf-8" if encoding == "binary" else encoding)
    info = message.delivery_info
    redelivered = bool(info.get("redelivered") or _raw(message).get("redelivered"))
    return Delivery(
        Envelope(
            body=body or b"",
            content_type=message.content_type,
            content_encoding=encoding,
            headers=headers,
            properties={k: v for k, v in message.properties.items() if k not in _NOT_PROPERTIES},
        ),
        queue=queue,
        tag=tag,
        exchange=info.get("exchange") or "",
        routing_key=info.get("routing_key") or "",
        redelivered=redelivered,
        delivery_count=_delivery_count(headers, redelivered),
    )


def _raw(message: Any) -> dict[str, Any]:
    """What a virtual transport of kombu's stored; empty for others."""
    raw = getattr(message, "_raw", None)
    return raw if isinstance(raw, dict) else {}


def _delivery_count(headers: dict[str, Any], redelivered: bool) -> int:
    """Quorum queues count; elsewhere it is only known whether there was a delivery before.

    A message's headers may be those of an earlier one: its count is of no meaning here.
    """
    count = headers.get("x-delivery-count")
    return count if redelivered and isinstance(count, int) else int(redelivered)
