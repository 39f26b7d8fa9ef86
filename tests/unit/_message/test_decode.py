"""What is wrong with a message is said by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from celery._message.decode import Protocol, decode_body, parse_time, protocol_of
from celery._message.v1 import v1_to_v2
from celery.exceptions import InvalidTaskError


@pytest.mark.parametrize(
    ("headers", "payload", "expected"),
    [
        ({"task": "a"}, None, Protocol.V2),
        ({}, {"task": "a"}, Protocol.V1),
        ({}, {"foo": 1}, Protocol.UNKNOWN),
        ({"id": "x"}, [1, 2], Protocol.UNKNOWN),
    ],
)
def test_the_protocol_is_told_from_the_header_then_from_the_body(
    headers: dict[str, object], payload: object, expected: Protocol
) -> None:
    assert protocol_of(headers, payload) is expected


def test_the_smallest_body_is_read() -> None:
    assert decode_body([[1, 2], {}, {}]) == ([1, 2], {}, {})


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ("text", "sequence of three"),
        ([[1], {}], "sequence of three"),
        (["x", {}, {}], "args must be a list"),
        ([[], [], {}], "kwargs must be a mapping"),
    ],
)
def test_a_bad_body_is_named(payload: object, says: str) -> None:
    with pytest.raises(InvalidTaskError, match=says):
        decode_body(payload)


def test_times_are_aware() -> None:
    assert parse_time("eta", None) is None
    assert parse_time("eta", "2026-01-02T03:04:05") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    given = parse_time("eta", "2026-01-02T03:04:05+02:00")
    assert given == datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize("value", ["soon", 17, "2026-13-01T00:00:00"])
def test_a_bad_time_names_its_header(value: object) -> None:
    with pytest.raises(InvalidTaskError, match="'eta'"):
        parse_time("eta", value)


def test_protocol_1_without_an_id_is_refused() -> None:
    with pytest.raises(InvalidTaskError, match="'id'"):
        v1_to_v2({"task": "a"})
