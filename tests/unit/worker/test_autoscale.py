"""Following the number of tasks with the number of processes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from celery.worker import autoscale, state
from celery.worker.autoscale import Autoscaler


class Pool:
    def __init__(self, processes: int) -> None:
        self.num_processes = processes
        self.busy = False

    def grow(self, n: int) -> None:
        self.num_processes += n

    def shrink(self, n: int) -> None:
        if self.busy:
            raise ValueError("all processes busy")
        self.num_processes -= n


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(autoscale, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def tasks() -> Iterator[Any]:
    def set_tasks(n: int) -> None:
        state.reserved_requests.clear()
        many: Any = [object() for _ in range(n)]
        state.reserved_requests.update(many)

    return set_tasks


def test_grows_at_once_and_shrinks_when_it_is_quiet(now: list[float], tasks: Any) -> None:
    pool = Pool(3)
    scaler = Autoscaler(pool, max_concurrency=10, min_concurrency=3, keepalive=30)
    tasks(7)
    assert scaler.maybe_scale()
    assert pool.num_processes == 7
    tasks(50)
    assert scaler.maybe_scale()
    assert pool.num_processes == 10
    tasks(0)
    assert not scaler.maybe_scale()
    now[0] += 31
    assert scaler.maybe_scale()
    assert pool.num_processes == 3


def test_a_pool_that_never_grew_is_left_alone(now: list[float], tasks: Any) -> None:
    pool = Pool(5)
    scaler = Autoscaler(pool, max_concurrency=10, min_concurrency=3)
    tasks(0)
    now[0] += 1000
    assert not scaler.maybe_scale()
    assert pool.num_processes == 5


def test_a_busy_pool_does_not_shrink(now: list[float], tasks: Any) -> None:
    pool = Pool(3)
    scaler = Autoscaler(pool, max_concurrency=10, min_concurrency=3)
    tasks(9)
    scaler.maybe_scale()
    pool.busy = True
    tasks(0)
    now[0] += 1000
    scaler.maybe_scale()
    assert pool.num_processes == 9


def test_new_limits_take_effect_at_once(tasks: Any) -> None:
    pool = Pool(5)
    scaler = Autoscaler(pool, max_concurrency=10, min_concurrency=3)
    assert scaler.update(max=4) == (4, 3)
    assert pool.num_processes == 4
    assert scaler.update(max=20, min=8) == (20, 8)
    assert pool.num_processes == 8
    tasks(2)
    assert scaler.info() == {"max": 20, "min": 8, "current": 8, "qty": 2}
