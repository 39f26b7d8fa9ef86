"""A worker of its own process that is told to stop: what becomes of its tasks.

The tasks write their number to a ledger when they begin and when they end.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.support.waiting import wait_until
from tests.support.workers import Worker

from celery import Celery

PROGRAM = """
import os
import time

from celery import Celery

app = Celery("stopping", broker=os.environ["CELERY_TEST_BROKER"],
             backend=os.environ["CELERY_TEST_BACKEND"])
app.conf.task_default_queue = os.environ["CELERY_TEST_QUEUE"]

def note(text):
    with open(os.environ["CELERY_TEST_LEDGER"], "a") as ledger:
        ledger.write(text + "\\n")

@app.task(name="early")
def early(number, seconds):
    note(f"begin {number}")
    time.sleep(seconds)
    note(f"end {number}")

@app.task(name="late", acks_late=True)
def late(number, seconds):
    note(f"begin {number}")
    time.sleep(seconds)
    note(f"end {number}")
"""

BROKERS = [
    "sqlite",
    pytest.param("redis", marks=pytest.mark.redis),
    pytest.param("rabbitmq", marks=pytest.mark.rabbitmq),
]


class Stage:
    """An app and a ledger shared with worker processes."""

    def __init__(self, directory: Path, broker_url: str) -> None:
        self.directory = directory
        self.ledger = directory / "ledger"
        self.ledger.touch()
        (directory / "stopping.py").write_text(PROGRAM)
        self.queue = f"worker-shutdown-{uuid4()}"
        backend = f"sqlite:///{directory}/results.db"
        self.env: dict[str, str | None] = {
            "CELERY_TEST_BROKER": broker_url,
            "CELERY_TEST_BACKEND": backend,
            "CELERY_TEST_QUEUE": self.queue,
            "CELERY_TEST_LEDGER": str(self.ledger),
        }
        self.app = Celery("stopping", broker=broker_url, backend=backend, set_as_current=False)
        self.app.conf.task_default_queue = self.queue

    def worker(self, *arguments: str, **env: str) -> Worker:
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-c", "2"]
        return Worker("stopping", *quiet, *arguments, cwd=self.directory, env={**self.env, **env})

    @contextmanager
    def stubborn(self, *arguments: str) -> Iterator[Worker]:
        """A worker that the test itself ends, with another status than 0."""
        worker = self.worker(*arguments)
        try:
            worker.wait_until_ready()
            yield worker
        finally:
            worker.kill()

    def send(self, name: str, number: int, seconds: float) -> Any:
        return self.app.send_task(name, (number, seconds))

    def noted(self, what: str) -> list[int]:
        lines = self.ledger.read_text().splitlines()
        return [int(line.split()[1]) for line in lines if line.startswith(what)]

    def waiting(self) -> int:
        return self.app.broker_for_write().length(self.queue)


@pytest.fixture(params=BROKERS)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    kind = request.param
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path}/broker.db"
    else:
        server = request.getfixturevalue(f"{kind}_server")
        url = f"{server}/12" if kind == "redis" else f"{server}//"
    stage = Stage(tmp_path, url)
    yield stage
    stage.app.broker_for_write().delete_queue(stage.queue)
    stage.app.close()


only_sqlite = pytest.mark.parametrize("stage", ["sqlite"], indirect=True)


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_warm_shutdown_loses_and_repeats_nothing(stage: Stage, pool: str) -> None:
    numbers = range(40)
    for number in numbers:
        stage.send("late" if number % 2 else "early", number, 0.05)
    for _ in range(2):
        with stage.worker("-P", pool) as worker:
            before = len(stage.noted("end"))
            wait_until(lambda before=before: len(stage.noted("end")) > before)  # type: ignore[misc]
            worker.signal(signal.SIGTERM)
            assert worker.wait(20) == 0
        assert Counter(stage.noted("begin")) == Counter(stage.noted("end"))
    with stage.worker("-P", pool):
        wait_until(lambda: len(stage.noted("end")) >= len(numbers), 20)
    assert Counter(stage.noted("end")) == Counter(numbers)
    assert stage.waiting() == 0


@only_sqlite
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_cold_shutdown_gives_late_tasks_back(stage: Stage, pool: str) -> None:
    early = stage.send("early", 1, 60)
    stage.send("late", 2, 60)
    with stage.stubborn("-P", pool) as worker:
        wait_until(lambda: len(stage.noted("begin")) == 2)
        started = time.monotonic()
        worker.signal(signal.SIGINT)
        worker.wait_for_line("Hitting Ctrl\\+C again will initiate cold shutdown")
        worker.signal(signal.SIGINT)
        assert worker.wait(20) == 1
        assert time.monotonic() - started < 15
        assert "worker: Warm shutdown (MainProcess)" in worker.log
        assert "worker: Cold shutdown (MainProcess)" in worker.log
        assert stage.waiting() == 1
        assert early.state == "RETRY"
        stage.app.broker_for_write().purge(stage.queue)


@only_sqlite
def test_a_soft_shutdown_lets_short_tasks_end(stage: Stage) -> None:
    stage.send("late", 1, 1)
    stage.send("late", 2, 60)
    extra = PROGRAM + "\napp.conf.worker_soft_shutdown_timeout = 3\n"
    (stage.directory / "stopping.py").write_text(extra)
    with stage.stubborn() as worker:
        wait_until(lambda: len(stage.noted("begin")) == 2)
        worker.signal(signal.SIGQUIT)
        assert worker.wait(20) == 1
        assert stage.noted("end") == [1]
        assert stage.waiting() == 1


@only_sqlite
def test_a_solo_worker_ends_at_the_third_signal(stage: Stage) -> None:
    stage.send("late", 1, 60)
    with stage.stubborn("-P", "solo") as worker:
        wait_until(lambda: stage.noted("begin"))
        for line in ("Warm shutdown", "Cold shutdown"):
            worker.signal(signal.SIGINT)
            worker.wait_for_line(line)
        worker.signal(signal.SIGINT)
        assert worker.wait(20) == 1
        assert stage.waiting() == 1


def test_a_killed_worker_gives_its_messages_back(stage: Stage) -> None:
    for number in range(6):
        stage.send("late", number, 1)
    with stage.worker() as worker:
        wait_until(lambda: stage.noted("end"), 20)
        worker.kill()
    with stage.worker():
        wait_until(lambda: set(stage.noted("end")) == set(range(6)), 40)
    # What had ended in the very moment of the kill may not have been acknowledged.
    again = [number for number, times in Counter(stage.noted("end")).items() if times > 1]
    assert len(again) <= 2
