"""A worker in this process, on each broker and with the pools that stay in it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kombu import Exchange, Queue
from tests.support.waiting import wait_until

from celery import Celery, signals
from celery._broker.base import Publication
from celery._message.envelope import Envelope
from celery.contrib.testing.app import TestApp
from celery.contrib.testing.worker import start_worker
from celery.exceptions import Ignore, NotRegistered, Reject, TaskRevokedError

BROKERS = [
    "memory",
    "sqlite",
    pytest.param("redis", marks=pytest.mark.redis),
    pytest.param("rabbitmq", marks=pytest.mark.rabbitmq),
]


@pytest.fixture(params=BROKERS)
def broker_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    kind = request.param
    if kind == "memory":
        return f"memory://{uuid4()}"
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/broker.db"
    server = request.getfixturevalue(f"{kind}_server")
    return f"{server}/12" if kind == "redis" else f"{server}//"


@pytest.fixture
def app(broker_url: str, tmp_path: Path) -> Iterator[Celery]:
    queue = f"worker-tasks-{uuid4()}"
    app = TestApp(
        "worker.tasks",
        broker=broker_url,
        backend=f"sqlite:///{tmp_path}/results.db",
        config={"task_default_queue": queue, "worker_enable_remote_control": False},
    )
    yield app
    broker = app.broker_for_write()
    for name in (queue, f"{queue}-other"):
        broker.delete_queue(name)
    app.close()


@pytest.fixture(params=["solo", "threads"])
def pool(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def running(app: Celery, pool: str) -> Iterator[Any]:
    """Call it when the tasks are declared: starts the worker."""
    with ExitStack() as stack:

        def start(**options: Any) -> Any:
            options = {"concurrency": 2, "perform_ping_check": False, **options}
            return stack.enter_context(start_worker(app, pool=pool, loglevel="error", **options))

        yield start


def publish(app: Celery, headers: dict[str, Any], body: bytes, **options: Any) -> None:
    """A message as somebody else might write it."""
    envelope = Envelope(
        body=body,
        content_type=options.pop("content_type", "application/json"),
        content_encoding="utf-8",
        headers=headers,
        properties={"delivery_mode": 2, "correlation_id": str(headers.get("id"))},
    )
    queue = app.conf.task_default_queue
    app.broker_for_write().publish([Publication(envelope=envelope, routing_key=queue)])


def test_outcomes(app: Celery, running: Any) -> None:
    rejected: set[str] = set()

    @app.task(name="add")
    def add(x: int, y: int) -> int:
        return x + y

    @app.task(name="fail")
    def fail() -> None:
        raise ValueError("bad", 3)

    @app.task(name="again", bind=True, max_retries=2, default_retry_delay=0.1)
    def again(self: Any) -> int:
        if self.request.retries < 2:
            raise self.retry()
        return int(self.request.retries)

    @app.task(name="ignore")
    def ignore() -> None:
        raise Ignore

    @app.task(name="requeue", bind=True, acks_late=True)
    def requeue(self: Any) -> bool:
        if self.request.id not in rejected:
            rejected.add(self.request.id)
            raise Reject("not now", requeue=True)
        return True

    worker = running()
    assert [add.delay(n, n).get(timeout=10) for n in range(20)] == [2 * n for n in range(20)]
    failed = fail.delay()
    with pytest.raises(ValueError, match="bad"):
        failed.get(timeout=10)
    assert failed.state == "FAILURE"
    assert again.delay().get(timeout=10) == 2
    assert requeue.delay().get(timeout=10) is True
    ignored = ignore.delay()
    assert add.delay(1, 1).get(timeout=10) == 2
    assert ignored.state == "PENDING"
    intake = worker.consumer.task_consumer
    wait_until(lambda: intake.unsettled == 0 and intake.undelivered == 0)
    assert app.broker_for_write().length(app.conf.task_default_queue) == 0


def test_later_expired_unknown(app: Celery, running: Any) -> None:
    @app.task(name="now")
    def now() -> float:
        return time.time()

    running()
    asked = time.time()
    assert now.apply_async(countdown=1).get(timeout=10) - asked >= 1
    expired = now.apply_async(expires=-5)
    with pytest.raises(TaskRevokedError, match="expired"):
        expired.get(timeout=10)
    with pytest.raises(NotRegistered):
        app.send_task("no.such.task").get(timeout=10)
    late_and_expired = now.apply_async(countdown=2, expires=1)
    with pytest.raises(TaskRevokedError, match="expired"):
        late_and_expired.get(timeout=10)


MALFORMED: list[tuple[dict[str, Any], bytes]] = [
    ({}, b"{{{"),
    ({}, b'{"a": 1}'),
    ({}, b"[1, 2]"),
    ({"task": "good"}, b"[[], {}, {}]"),
    ({"task": "good", "id": "m1"}, b"[["),
    ({"task": "good", "id": "m2"}, b"[1, 2]"),
    ({"task": "good", "id": "m3"}, b'"text"'),
    ({"task": "good", "id": "m4"}, b"[1, {}, {}]"),
    ({"task": "good", "id": "m5"}, b"[[], [], {}]"),
    ({"task": "good", "id": "m6", "eta": "tomorrow"}, b"[[], {}, {}]"),
    ({"task": "good", "id": "m7", "expires": []}, b"[[], {}, {}]"),
    ({"task": "good", "id": "m8", "compression": "application/x-gzip"}, b"[[], {}, {}]"),
    ({"task": "good", "id": "m9", "timelimit": 3}, b"[[], {}, {}]"),
    ({"task": "good", "id": 7}, b"[[], {}, {}]"),
    ({"task": "good", "id": "m10", "retries": "many"}, b"[[], {}, {}]"),
    ({"task": {"a": 1}, "id": "m11"}, b"[[], {}, {}]"),
    ({"task": "no.such", "id": "m12"}, b"[["),
    ({}, json.dumps({"task": "good", "args": [], "kwargs": {}}).encode()),
    ({}, json.dumps({"task": "good", "id": "m13", "args": 3, "kwargs": []}).encode()),
    ({"task": "good", "id": "m14"}, b"\xff\xfe\x00"),
    ({"task": "good", "id": "m15"}, b""),
]


def test_malformed_messages_stop_nobody(app: Celery, running: Any) -> None:
    @app.task(name="good")
    def good() -> str:
        return "fine"

    worker = running()
    assert good.delay().get(timeout=10) == "fine"
    for headers, body in MALFORMED:
        publish(app, headers, body)
    publish(app, {"task": "good", "id": "p1"}, b"cos\nsystem", content_type="application/x-python")
    pickled = "application/x-python-serialize"
    publish(app, {"task": "good", "id": "p2"}, b"\x80\x04N.", content_type=pickled)
    publish(app, {}, json.dumps({"task": "good", "id": "v1", "args": [], "kwargs": {}}).encode())
    assert app.AsyncResult("v1").get(timeout=10) == "fine"
    publish(app, {"task": "good", "id": "min"}, b"[[], {}, {}]")
    assert app.AsyncResult("min").get(timeout=10) == "fine"
    assert isinstance(app.AsyncResult("m12").get(timeout=10, propagate=False), NotRegistered)
    intake = worker.consumer.task_consumer
    wait_until(lambda: intake.unsettled == 0 and intake.undelivered == 0)
    wait_until(lambda: not worker.consumer.in_pool)
    assert app.broker_for_write().length(app.conf.task_default_queue) == 0
    assert worker.consumer.restart_count == 0


def test_queues_may_be_added_and_cancelled(app: Celery, running: Any) -> None:
    @app.task(name="one")
    def one() -> int:
        return 1

    worker = running()
    other = f"{app.conf.task_default_queue}-other"
    result = one.apply_async(queue=other)
    add = worker.consumer.add_task_queue
    worker.hub.call_soon_threadsafe(add, Queue(other, Exchange(other), routing_key=other))
    assert result.get(timeout=10) == 1
    worker.hub.call_soon_threadsafe(worker.consumer.cancel_task_queue, other)
    wait_until(lambda: not worker.consumer.task_consumer.consuming_from(other))


@pytest.mark.parametrize("pool", ["threads"], indirect=True)
def test_no_more_than_the_limit_is_reserved(app: Celery, running: Any) -> None:
    gate = threading.Event()

    @app.task(name="wait", acks_late=True)
    def wait() -> None:
        gate.wait(20)

    worker = running(prefetch_multiplier=2)
    results = [wait.delay() for _ in range(12)]
    try:
        intake = worker.consumer.task_consumer
        wait_until(lambda: intake.unsettled == 4)
        broker = app.broker_for_write()
        if broker.capabilities.leases_outlive_connection:  # others may have some on the way
            assert broker.length(app.conf.task_default_queue) == 8
    finally:
        gate.set()
    for result in results:
        result.get(timeout=10)


def test_signals_of_a_worker(app: Celery, running: Any) -> None:
    seen: list[tuple[str, Any]] = []
    names = ["worker_init", "worker_ready", "worker_shutdown", "task_received", "task_prerun"]

    def receiver(name: str) -> Any:
        def receive(sender: Any, **values: Any) -> None:
            seen.append((name, sender))

        return receive

    receivers = {name: receiver(name) for name in [*names, "task_postrun", "task_success"]}
    for name, receive in receivers.items():
        getattr(signals, name).connect(receive)

    @app.task(name="noop")
    def noop() -> None: ...

    try:
        worker = running()
        noop.delay().get(timeout=10)
        worker.stop()
    finally:
        for name, receive in receivers.items():
            getattr(signals, name).disconnect(receive)
    order = [name for name, _ in seen if name != "worker_ready"]
    assert order == [
        "worker_init",
        "task_received",
        "task_prerun",
        "task_success",
        "task_postrun",
        "worker_shutdown",
    ]
    senders = dict(seen)
    assert senders["worker_init"] is worker
    assert senders["task_received"] is worker.consumer
    assert senders["task_prerun"].name == "noop"
