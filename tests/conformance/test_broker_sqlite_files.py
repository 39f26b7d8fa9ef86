"""What the embedded broker promises beyond the suite: kill it at any point, share it freely."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
import sqlite3
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from kombu import Queue

from celery._broker.base import Action, Publication, Settlement
from celery._broker.options import BrokerOptions
from celery._broker.sqlite import SQLiteBroker
from celery._message.envelope import Envelope

QUEUE = "q"
BATCH = 10
OPTIONS = BrokerOptions(transport_options={"lease_seconds": 0.6})

_spawning = multiprocessing.get_context("spawn")


def open_broker(path: Path) -> SQLiteBroker:
    return SQLiteBroker.open(f"sqlite:///{path}", OPTIONS)


def publications(first: int, count: int = BATCH) -> list[Publication]:
    return [
        Publication(
            envelope=Envelope(body=b"%d" % n, content_type="t", content_encoding="binary"),
            routing_key=QUEUE,
        )
        for n in range(first, first + count)
    ]


def publish_for_ever(path: Path, pipe: Connection) -> None:
    broker = open_broker(path)
    first = 0
    while True:
        broker.publish(publications(first))
        first += BATCH
        pipe.send(first)


def consume_for_ever(path: Path, pipe: Connection) -> None:
    """Say first what is to be acknowledged, then acknowledge it."""

    async def work() -> None:
        consumer = open_broker(path).consumer(worker=f"{os.getpid()}@h")
        await consumer.start()
        await consumer.add_queue(Queue(QUEUE))
        while True:
            got = await consumer.fetch(BATCH, 1.0)
            pipe.send([int(d.body) for d in got])
            await consumer.settle([Settlement(d, Action.ACK) for d in got])

    asyncio.run(work())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "celery.db"


@pytest.fixture
def start() -> Iterator[Callable[..., tuple[Any, Connection]]]:
    """Starts a child process and returns it with a pipe from it; it is killed in the end."""
    started: list[tuple[Any, Connection]] = []

    def start(target: Callable[..., None], *args: Any) -> tuple[Any, Connection]:
        here, there = multiprocessing.Pipe(duplex=False)
        process = _spawning.Process(target=target, args=(*args, there), daemon=True)
        process.start()
        there.close()
        started.append((process, here))
        return process, here

    yield start
    for process, pipe in started:
        process.kill()
        process.join()
        pipe.close()


def hear_until_killed(process: Any, pipe: Connection, pause: float) -> list[Any]:
    """Kill the process `pause` seconds after its first word; returns all its words."""
    assert pipe.poll(20.0)
    heard = [pipe.recv()]
    deadline = time.monotonic() + pause
    while (left := deadline - time.monotonic()) > 0:
        if pipe.poll(left):
            heard.append(pipe.recv())
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    try:
        while True:
            heard.append(pipe.recv())
    except (EOFError, OSError):
        return heard


def check_file(path: Path) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_publisher_loses_nothing_it_was_told_is_published(
    path: Path, start: Callable[..., tuple[Any, Connection]], seed: int
) -> None:
    process, pipe = start(publish_for_ever, path)
    published = hear_until_killed(process, pipe, random.Random(seed).uniform(0.0, 0.1))[-1]
    check_file(path)
    broker = open_broker(path)
    # A publication is all or nothing; the last one may have been made and not been told of.
    assert broker.length(QUEUE) in (published, published + BATCH)
    broker.close()


@pytest.mark.parametrize("seed", range(4))
def test_killed_consumers_lose_nothing(
    path: Path, start: Callable[..., tuple[Any, Connection]], seed: int
) -> None:
    total = 2000
    broker = open_broker(path)
    broker.publish(publications(0, total))
    children = [start(consume_for_ever, path) for _ in range(2)]
    pause = random.Random(seed).uniform(0.0, 0.1)
    words = [word for child in children for word in hear_until_killed(*child, pause)]
    check_file(path)

    async def rest() -> Counter[int]:
        left: Counter[int] = Counter()
        consumer = broker.consumer(worker="last@h")
        await consumer.start()
        await consumer.add_queue(Queue(QUEUE))
        deadline = time.monotonic() + 20.0
        while left.total() < total - len(set(acknowledged)) and time.monotonic() < deadline:
            got = await consumer.fetch(100, 0.5)
            left.update(int(d.body) for d in got)
            await consumer.settle([Settlement(d, Action.ACK) for d in got])
        await consumer.stop()
        return left

    acknowledged = [n for word in words for n in word]
    left = asyncio.run(rest())
    # Nobody has it twice while it lives; what it said just before it died may come again.
    assert set(left) | set(acknowledged) == set(range(total))
    assert max(left.values(), default=1) == 1
    assert len(set(left) & set(acknowledged)) <= 2 * BATCH
    assert broker.length(QUEUE) == 0
    broker.close()


def open_and_publish(path: Path, n: int, pipe: Connection) -> None:
    broker = open_broker(path)
    broker.declare([Queue(QUEUE)])
    broker.publish(publications(n * BATCH))
    broker.close()
    pipe.send("done")


def test_processes_may_all_be_the_first(
    path: Path, start: Callable[..., tuple[Any, Connection]]
) -> None:
    pipes = [start(open_and_publish, path, n)[1] for n in range(4)]
    for pipe in pipes:
        assert pipe.poll(30.0)
        assert pipe.recv() == "done"
    broker = open_broker(path)
    assert broker.length(QUEUE) == 4 * BATCH
    broker.close()


def test_what_is_published_outlives_everybody(path: Path) -> None:
    broker = open_broker(path)
    broker.publish(publications(0))
    broker.close()
    again = open_broker(path)
    assert again.length(QUEUE) == BATCH
    again.close()


def test_the_default_file_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_DATA_DIR", str(tmp_path / "data"))
    broker = SQLiteBroker.open(None, BrokerOptions())
    broker.publish(publications(0))
    file = tmp_path / "data" / "celery.sqlite3"
    assert broker.as_uri() == f"sqlite:///{file}"
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(one.stat().st_mode) for one in file.parent.iterdir()} == {0o600}
    broker.close()
