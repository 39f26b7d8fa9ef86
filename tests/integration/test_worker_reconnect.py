"""A worker whose connection to the broker is cut: it goes on when the broker is back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from tests.support.proxy import Proxy
from tests.support.waiting import wait_until

from celery import Celery
from celery.contrib.testing.app import TestApp
from celery.contrib.testing.worker import start_worker

BROKERS = [
    pytest.param("redis", marks=pytest.mark.redis),
    pytest.param("rabbitmq", marks=pytest.mark.rabbitmq),
]


class Line:
    """A broker, the proxy before it, an app on either side."""

    def __init__(self, server: str, database: str, directory: Path) -> None:
        url = urlsplit(server)
        self.proxy = Proxy(url.hostname or "127.0.0.1", url.port or 0)
        account = url.netloc.rpartition("@")[0]
        at = f"{account}@" if account else ""
        queue = f"worker-reconnect-{uuid4()}"
        options = {
            "backend": f"sqlite:///{directory}/results.db",
            "config": {"task_default_queue": queue},
        }
        self.far = TestApp("far", broker=f"{server}/{database}", **options)
        self.near = TestApp(
            "near", broker=f"{url.scheme}://{at}127.0.0.1:{self.proxy.port}/{database}", **options
        )
        self.queue = queue


@pytest.fixture(params=BROKERS)
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    server = request.getfixturevalue(f"{request.param}_server")
    line = Line(server, "12" if request.param == "redis" else "/", tmp_path)
    with line.proxy:
        yield line
        line.near.close()
    line.far.broker_for_write().delete_queue(line.queue)
    line.far.close()


def declare(app: Celery, begun: list[int], gate: threading.Event) -> None:
    @app.task(name="quick")
    def quick() -> str:
        return "done"

    @app.task(name="held", acks_late=True)
    def held(number: int) -> int:
        begun.append(number)
        gate.wait(30)
        return number


def run_worker(app: Celery, **options: Any) -> Any:
    return start_worker(
        app,
        pool="threads",
        concurrency=2,
        loglevel="critical",
        perform_ping_check=False,
        shutdown_timeout=20,
        **options,
    )


def test_an_idle_worker_comes_back(line: Line) -> None:
    declare(line.near, [], threading.Event())
    with run_worker(line.near) as worker:
        assert line.far.send_task("quick").get(timeout=10) == "done"
        line.proxy.cut()
        wait_until(lambda: not worker.consumer.is_connected, 20)
        waiting = line.far.send_task("quick")
        line.proxy.restore()
        assert waiting.get(timeout=15) == "done"
        assert line.far.control.inspect(timeout=2).ping() is not None


def test_what_runs_goes_on_and_is_settled_afterwards(line: Line) -> None:
    begun: list[int] = []
    gate = threading.Event()
    declare(line.near, begun, gate)
    with run_worker(line.near) as worker:
        results = [line.far.send_task("held", (number,)) for number in range(2)]
        wait_until(lambda: len(begun) == 2)
        line.proxy.cut()
        gate.set()
        assert [result.get(timeout=10) for result in results] == [0, 1]
        line.proxy.restore()
        assert line.far.send_task("quick").get(timeout=20) == "done"
        intake = worker.consumer.task_consumer
        wait_until(lambda: intake.unsettled == 0 and intake.undelivered == 0, 20)
        outlives = worker.consumer.broker.capabilities.leases_outlive_connection
    assert line.far.broker_for_write().length(line.queue) == 0
    if outlives:
        assert Counter(begun) == Counter(range(2))


def test_a_broker_that_stays_away_ends_the_worker(line: Line) -> None:
    line.near.conf.broker_connection_max_retries = 0
    declare(line.near, [], threading.Event())
    with run_worker(line.near) as worker:
        line.proxy.cut()
        wait_until(lambda: worker.exitcode is not None, 20)
        assert worker.exitcode == 1
