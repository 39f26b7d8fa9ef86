"""The envelope: one message as it stands on the wire, whatever the broker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Envelope"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A serialised message with its metadata.

    Args:
        body: the serialised (and, if the ``compression`` header says so, compressed) payload.
        content_type: MIME type of the serialiser, for example ``application/json``.
        content_encoding: ``utf-8`` or ``binary``.
        headers: application headers; for a task of protocol 2 those of the reference's table.
        properties: broker properties: ``correlation_id``, ``reply_to``, ``delivery_mode`` (1 or 2),
            ``priority`` (0-9), ``expiration`` (string of milliseconds) and any the caller added.
    """

    body: bytes
    content_type: str
    content_encoding: str
    headers: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def priority(self) -> int:
        """The message's priority, 0 when none was given."""
        return int(self.properties.get("priority") or 0)
