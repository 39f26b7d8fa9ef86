"""A delivery: one leased message, with the face of a `kombu.Message`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kombu.compression import decompress
from kombu.exceptions import MessageStateError
from kombu.serialization import loads

from celery._broker.base import Action

if TYPE_CHECKING:
    from celery._message.envelope import Envelope

__all__ = ["Delivery"]

_UNDECODED = object()


class Delivery:
    """One message leased to this worker, until it is settled.

    The attributes and methods are those that users, boot steps and other packages know from
    `kombu.Message`; settling is handed to `on_settle`, which the worker's consumer installs.

    Args:
        envelope: the message.
        queue: name of the queue it was fetched from.
        tag: identifies the delivery within the adapter; opaque above it.
        exchange, routing_key: where it was published to.
        redelivered: it was delivered before and came back.
        delivery_count: how often it had been delivered before this time.
    """

    __slots__ = (
        "_payload",
        "_settled",
        "accept",
        "body",
        "content_encoding",
        "content_type",
        "delivery_count",
        "delivery_info",
        "delivery_tag",
        "envelope",
        "errors",
        "headers",
        "on_settle",
        "properties",
        "queue",
    )

    def __init__(  # one field of the wire each
        self,
        envelope: Envelope,
        *,
        queue: str,
        tag: Any,
        exchange: str = "",
        routing_key: str = "",
        redelivered: bool = False,
        delivery_count: int = 0,
    ) -> None:
        self.envelope = envelope
        self.body = envelope.body
        self.headers = dict(envelope.headers)
        self.properties = dict(envelope.properties)
        self.content_type = envelope.content_type
        self.content_encoding = envelope.content_encoding
        self.queue = queue
        self.delivery_tag = tag
        self.delivery_count = delivery_count
        self.delivery_info: dict[str, Any] = {
            "exchange": exchange,
            "routing_key": routing_key,
            "priority": envelope.properties.get("priority"),
            "redelivered": redelivered,
        }
        self.accept: frozenset[str] | set[str] | None = None
        self.errors: list[Exception] = []
        self.on_settle: Callable[[Delivery, Action, float | None], None] | None = None
        self._payload: Any = _UNDECODED
        self._settled: Action | None = None

    @property
    def acknowledged(self) -> bool:
        """Whether the delivery has been settled in any way."""
        return self._settled is not None

    @property
    def payload(self) -> Any:
        """The decoded body, decoded once."""
        if self._payload is _UNDECODED:
            self._payload = self.decode()
        return self._payload

    def decode(self) -> Any:
        """Decompress and deserialise the body.

        Raises:
            kombu.exceptions.ContentDisallowed: the content type is not in `accept`.
            kombu.exceptions.DecodeError: the body is not what its content type says.
        """
        body: bytes | str = self.body
        compression = self.headers.get("compression")
        if compression:
            body = decompress(body, compression)
        return loads(body, self.content_type, self.content_encoding, accept=self.accept)

    def settle(self, action: Action, until: float | None = None) -> None:
        """Decide what becomes of the delivery.

        Raises:
            kombu.exceptions.MessageStateError: it was settled before.
        """
        if self._settled is not None:
            raise MessageStateError(f"Message already settled: {self._settled.value}")
        self._settled = action
        if self.on_settle is not None:
            self.on_settle(self, action, until)

    def ack(self, multiple: bool = False) -> None:
        """Done with it: the broker may forget the message."""
        self.settle(Action.ACK)

    def reject(self, requeue: bool = False) -> None:
        """Refuse it; `requeue` puts it back for any worker."""
        self.settle(Action.REQUEUE if requeue else Action.REJECT)

    def requeue(self) -> None:
        """Put it back for any worker."""
        self.settle(Action.REQUEUE)

    def park(self, until: float) -> None:
        """Let the broker keep it until that time (epoch seconds)."""
        self.settle(Action.PARK, until)

    def ack_log_error(
        self,
        logger: logging.Logger,
        errors: tuple[type[BaseException], ...],
        multiple: bool = False,
    ) -> None:
        """Like `ack`, with connection errors logged instead of raised."""
        try:
            self.ack(multiple)
        except errors as exc:
            logger.critical("Couldn't ack %r, reason: %r", self.delivery_tag, exc, exc_info=True)

    def reject_log_error(
        self,
        logger: logging.Logger,
        errors: tuple[type[BaseException], ...],
        requeue: bool = False,
    ) -> None:
        """Like `reject`, with connection errors logged instead of raised."""
        try:
            self.reject(requeue)
        except errors as exc:
            logger.critical("Couldn't reject %r, reason: %r", self.delivery_tag, exc, exc_info=True)

    def __repr__(self) -> str:
        state = self._settled.value if self._settled else "leased"
        return f"<Delivery {self.delivery_tag!r} of {self.queue!r}: {state}>"
