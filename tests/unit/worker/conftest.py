"""A worker that is made and not started: its consumer is driven by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from celery import Celery, _state
from celery._broker.base import Action
from celery._broker.delivery import Delivery
from celery._message.envelope import Envelope
from celery.concurrency.base import BasePool
from celery.contrib.testing.app import TestApp
from celery.worker import WorkController, state

Settled = list[tuple[str, Action, float | None]]


class RecordingPool(BasePool):
    """Keeps the jobs it is given; a test plays what happens to them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.jobs: list[dict[str, Any]] = []
        self.terminated: list[tuple[int, Any]] = []

    def on_apply(self, target: Any, args: Any, kwargs: Any = None, **options: Any) -> Any:
        handle = RecordingHandle()
        self.jobs.append({"args": args, "handle": handle, **options})
        return handle

    def terminate_job(self, pid: int, signal: int | None = None) -> None:
        self.terminated.append((pid, signal))

    def grow(self, n: int = 1) -> None:
        self.limit += n

    def shrink(self, n: int = 1) -> None:
        self.limit -= n


class RecordingHandle:
    signal: int | None = None

    def terminate(self, signum: int) -> None:
        self.signal = signum


class RecordedEvents:
    """Stands for the event dispatcher."""

    def __init__(self) -> None:
        self.enabled = True
        self.groups: set[str] = set()
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def send(self, type: str, **fields: Any) -> None:
        self.sent.append((type, fields))


@pytest.fixture(autouse=True)
def _clean_state() -> Iterator[None]:
    """No test sees another's requests, or the tasks it has registered."""
    finalizers = set(_state._on_app_finalizers)
    state.reset_state()
    yield
    state.reset_state()
    _state._on_app_finalizers.clear()
    _state._on_app_finalizers.update(finalizers)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Celery]:
    app = TestApp(
        "worker.tests", broker="memory://unit", backend=f"sqlite:///{tmp_path}/results.db"
    )
    yield app
    app.close()


@pytest.fixture
def make_worker(app: Celery) -> Iterator[Callable[..., WorkController]]:
    made: list[WorkController] = []

    def make(**options: Any) -> WorkController:
        options = {
            "pool": RecordingPool,
            "concurrency": 2,
            "hostname": "w1@example.com",
            "without_gossip": True,
            "without_mingle": True,
            "without_heartbeat": True,
            **options,
        }
        worker = app.WorkController(**options)
        made.append(worker)
        return worker

    yield make
    for worker in made:
        worker.timer.clear()
        worker.hub.close()


@pytest.fixture
def worker(make_worker: Callable[..., WorkController]) -> WorkController:
    return make_worker()


@pytest.fixture
def consumer(worker: WorkController) -> Any:
    worker.consumer.update_strategies()
    return worker.consumer


@pytest.fixture
def events(consumer: Any, monkeypatch: pytest.MonkeyPatch) -> RecordedEvents:
    """The events of the consumer's tasks, sent at once."""
    recorded = RecordedEvents()
    consumer.event_dispatcher = recorded
    monkeypatch.setattr(consumer.task_events, "send", recorded.send)
    return recorded


@pytest.fixture
def settled() -> Settled:
    """What was decided about the deliveries of `deliver`."""
    return []


@pytest.fixture
def deliver(consumer: Any, settled: Settled) -> Callable[..., Delivery]:
    """Have the consumer receive a message; returns it."""
    numbers = iter(range(1, 1000))

    def deliver(
        headers: dict[str, Any] | None = None,
        payload: Any = ((), {}, {}),
        *,
        body: bytes | None = None,
        content_type: str = "application/json",
        redelivered: bool = False,
        **properties: Any,
    ) -> Delivery:
        envelope = Envelope(
            body=json.dumps(payload).encode() if body is None else body,
            content_type=content_type,
            content_encoding="utf-8",
            headers=headers or {},
            properties=properties,
        )
        message = Delivery(
            envelope,
            queue="celery",
            tag=next(numbers),
            routing_key="celery",
            redelivered=redelivered,
        )

        def on_settle(message: Delivery, action: Action, until: float | None) -> None:
            settled.append((message.headers.get("id"), action, until))

        message.on_settle = on_settle
        consumer.on_delivery(message)
        return message

    return deliver


@pytest.fixture
def run() -> Callable[[Any], Any]:
    """Run a coroutine on a loop of its own."""
    return asyncio.run
