"""Token buckets and those who wait in them."""

from __future__ import annotations

from typing import Any

import pytest

from celery.worker.consumer._rate_limits import RateLimits


class ManualTimer:
    """Entries that are due when the test says so."""

    def __init__(self) -> None:
        self.entries: list[tuple[float, Any, Any]] = []

    def call_after(self, secs: float, fun: Any, args: Any) -> None:
        self.entries.append((secs, fun, args))

    def fire(self) -> None:
        _, fun, args = self.entries.pop(0)
        fun(*args)


class Task:
    def __init__(self, name: str, rate_limit: Any) -> None:
        self.name = name
        self.rate_limit = rate_limit


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("kombu.utils.limits.monotonic", lambda: now[0])
    return now


@pytest.fixture
def released() -> list[Any]:
    return []


@pytest.fixture
def limits(released: list[Any], clock: list[float]) -> RateLimits:
    timer: Any = ManualTimer()
    return RateLimits(timer, released.append)


def test_one_at_once_and_the_rest_at_their_pace_in_order(
    limits: RateLimits, released: list[Any], clock: list[float]
) -> None:
    bucket = limits.bucket_for(Task("t", "2/s"))
    for request in "abc":
        limits.admit(request, bucket)
    assert released == ["a"]
    timer: Any = limits.timer
    assert [round(entry[0], 3) for entry in timer.entries] == [0.5]
    clock[0] += 0.5
    timer.fire()
    assert released == ["a", "b"]
    timer_is_too_early = timer.entries[0]
    timer.fire()
    assert released == ["a", "b"]
    assert timer_is_too_early[0] == pytest.approx(0.5)
    clock[0] += 0.5
    timer.fire()
    assert released == ["a", "b", "c"]
    assert timer.entries == []


@pytest.mark.parametrize("limit", [None, 0, "0"])
def test_no_limit_no_bucket(limit: Any) -> None:
    assert RateLimits.bucket_for(Task("t", limit)) is None


def test_a_new_limit_keeps_who_waits(
    limits: RateLimits, released: list[Any], clock: list[float]
) -> None:
    task = Task("t", "1/m")
    limits.reset([task])
    for request in "abc":
        limits.admit(request, limits.buckets["t"])
    task.rate_limit = "10/s"
    limits.reset([task])
    assert released == ["a", "b"]
    task.rate_limit = None
    limits.reset([task])
    assert released == ["a", "b", "c"]
    assert limits.buckets == {"t": None}


def test_clearing_tells_who_waited(limits: RateLimits) -> None:
    limits.reset([Task("t", "1/m"), Task("free", None)])
    for request in "abc":
        limits.admit(request, limits.buckets["t"])
    assert limits.clear() == ["b", "c"]
    assert limits.clear() == []
