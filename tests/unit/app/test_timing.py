"""Countdown, eta and expires become datetimes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery.app._timing import resolve_eta, resolve_expires, retry_countdown, seconds_until

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("countdown", "eta", "expected"),
    [
        (None, None, None),
        (10, None, NOW + timedelta(seconds=10)),
        (-10, None, NOW - timedelta(seconds=10)),
        (0, None, None),
        (10, NOW, NOW + timedelta(seconds=10)),
        (0, NOW, NOW),
        (None, "2026-03-01T12:00:00+00:00", NOW),
        (None, datetime(2026, 3, 1), datetime(2026, 3, 1)),
    ],
)
def test_eta(countdown: Any, eta: Any, expected: Any) -> None:
    assert resolve_eta(countdown, eta, NOW) == expected


@pytest.mark.parametrize(
    ("expires", "expected"),
    [
        (None, None),
        (0, NOW),
        (1.5, NOW + timedelta(seconds=1.5)),
        (timedelta(minutes=1), NOW + timedelta(minutes=1)),
        ("2026-03-01T12:00:00+00:00", NOW),
        (NOW, NOW),
    ],
)
def test_expires(expires: Any, expected: Any) -> None:
    assert resolve_expires(expires, NOW) == expected


def test_seconds_until_are_never_negative_and_know_zones() -> None:
    east = timezone(timedelta(hours=2))
    assert seconds_until(NOW - timedelta(days=1), NOW) == 0
    assert seconds_until(datetime(2026, 3, 1, 14, 0, 5, tzinfo=east), NOW) == 5
    assert seconds_until(datetime(2026, 3, 1, 12, 0, 5), NOW) == 5
    assert seconds_until(datetime(2026, 3, 1, 14, 0, 5), NOW, naive_tz=east) == 5


@given(st.floats(min_value=0.001, max_value=1e8))
def test_a_countdown_is_waited_for_in_full(countdown: float) -> None:
    eta = resolve_eta(countdown, None, NOW)
    assert eta is not None
    assert seconds_until(eta, NOW) == pytest.approx(countdown, abs=1e-6)


@pytest.mark.parametrize(
    ("eta", "countdown", "waits"),
    [(None, None, 180), (None, 0, 0), (None, 5, 5), (NOW, None, None), (NOW, 5, 5)],
)
def test_what_a_retry_waits(eta: Any, countdown: Any, waits: Any) -> None:
    assert retry_countdown(eta, countdown, 180) == waits
