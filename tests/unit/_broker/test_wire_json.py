"""Envelopes survive the way through JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from celery._broker._wire_json import decode_envelope, encode_meta
from celery._message.envelope import Envelope


def test_an_envelope_comes_back() -> None:
    envelope = Envelope(
        body=b"\0\xff",
        content_type="application/x-python-serialize",
        content_encoding="binary",
        headers={"id": "ü", "timelimit": [None, 1.5], "nested": {"a": {"b": True}}},
        properties={"priority": 3, "reply_to": None},
    )
    assert decode_envelope(encode_meta(envelope), envelope.body) == envelope


def test_kombus_own_types_come_back() -> None:
    headers = {
        "when": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "who": UUID(int=7),
    }
    envelope = Envelope(
        body=b"", content_type="t", content_encoding="e", headers=headers, properties={}
    )
    assert decode_envelope(encode_meta(envelope), b"") == envelope
