"""Later, slower, or not at all: what the strategy does before the pool."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kombu.compression import compress

from celery import Celery
from celery._broker.base import Action, Capabilities
from celery.worker import state


@pytest.fixture(autouse=True)
def _tasks(app: Celery) -> None:
    @app.task(name="add")
    def add() -> None: ...

    @app.task(name="slow", rate_limit="1/m")
    def slow() -> None: ...


def later(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_eta_is_parked_at_the_broker(
    deliver: Callable[..., Any], consumer: Any, settled: Any, caplog: Any
) -> None:
    caplog.set_level("INFO")
    deliver({"task": "add", "id": "id-1", "eta": later(30)})
    [(_, action, until)] = settled
    assert action is Action.PARK
    assert until == pytest.approx(time.time() + 30, abs=2)
    assert consumer.pool.jobs == []
    assert len(consumer.timer) == 0
    # When its time has come it is delivered again, and not announced again.
    deliver({"task": "add", "id": "id-1", "eta": later(-1)})
    assert len(consumer.pool.jobs) == 1
    assert caplog.text.count("received") == 1


def test_eta_is_held_here_where_the_broker_cannot(
    deliver: Callable[..., Any], consumer: Any, settled: Any, monkeypatch: Any, worker: Any
) -> None:
    monkeypatch.setattr(consumer.broker, "capabilities", Capabilities(parks=False))
    deliver({"task": "add", "id": "id-1", "eta": later(30)})
    assert settled == []
    assert consumer.qos.value == worker.prefetch_multiplier * 2 + 1
    [item] = consumer.timer.queue
    assert item.priority == 6
    [request] = item.entry.args
    assert request in state.scheduled_requests
    item.entry.cancel()
    item.entry()
    assert len(consumer.pool.jobs) == 1
    assert consumer.qos.value == worker.prefetch_multiplier * 2
    assert request not in state.scheduled_requests
    assert request in state.reserved_requests


def test_a_lost_connection_drops_what_is_held_where_it_is_delivered_again(
    deliver: Callable[..., Any], consumer: Any, monkeypatch: Any
) -> None:
    capabilities = Capabilities(parks=False, leases_outlive_connection=False)
    monkeypatch.setattr(consumer.broker, "capabilities", capabilities)
    deliver({"task": "add", "id": "id-1", "eta": later(30)})
    deliver({"task": "slow", "id": "id-2"})
    deliver({"task": "slow", "id": "id-3"})
    consumer.drop_lost()
    assert len(consumer.timer) <= 1  # the bucket's own entry finds nothing
    assert set(state.requests) == {"id-2"}


def test_rate_limited_tasks_wait(deliver: Callable[..., Any], consumer: Any) -> None:
    consumer.reset_rate_limits()
    deliver({"task": "slow", "id": "id-1"})
    deliver({"task": "slow", "id": "id-2"})
    deliver({"task": "add", "id": "id-3"})
    assert [job["args"][1] for job in consumer.pool.jobs] == ["id-1", "id-3"]


def test_rate_limits_may_be_ignored(
    deliver: Callable[..., Any], consumer: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(consumer, "disable_rate_limits", True)
    for number in range(3):
        deliver({"task": "slow", "id": f"id-{number}"})
    assert len(consumer.pool.jobs) == 3


def test_callbacks_see_each_request(deliver: Callable[..., Any], consumer: Any) -> None:
    seen: list[str] = []
    consumer.on_task_message.add(lambda request: seen.append(request.id))
    deliver({"task": "add", "id": "id-1"})
    assert seen == ["id-1"]


def test_compressed_bodies_reach_the_pool_decompressed(
    deliver: Callable[..., Any], consumer: Any
) -> None:

    body, name = compress(b"[[], {}, {}]", "gzip")
    deliver({"task": "add", "id": "id-1", "compression": name}, body=body)
    assert consumer.pool.jobs[0]["args"][3] == b"[[], {}, {}]"


def test_prefetch_may_be_disabled(app: Celery, make_worker: Callable[..., Any]) -> None:
    app.conf.worker_disable_prefetch = True
    consumer = make_worker().consumer
    assert consumer.task_consumer.room() == 2
    consumer.in_pool.update({object(), object()})
    assert consumer.task_consumer.room() == 0


def test_a_multiplier_of_zero_is_no_limit(make_worker: Callable[..., Any]) -> None:
    consumer = make_worker(prefetch_multiplier=0).consumer
    consumer.task_consumer.unsettled = 100_000
    assert consumer.task_consumer.room() > 0
    consumer.qos.increment_eventually()
    assert consumer.qos.value == 0
