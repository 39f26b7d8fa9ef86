"""Moving waiting tasks on Redis: our queues, seen by kombu's transport and by our broker."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue
from redis import Redis

from celery import Celery
from celery.contrib.migrate import migrate_tasks, move, move_by_taskmap, start_filter

pytestmark = pytest.mark.redis

REDIS_DB = 14
PAUSE = 0.2


@pytest.fixture
def prefix() -> str:
    return f"migrate{uuid.uuid4().hex[:8]}"


@pytest.fixture
def redis(redis_server: str, prefix: str) -> Iterator[Redis]:
    with Redis.from_url(f"{redis_server}/{REDIS_DB}") as client:
        yield client
        for key in client.scan_iter(f"*{prefix}*"):
            client.delete(key)


@pytest.fixture
def app(redis_server: str, prefix: str) -> Iterator[Celery]:
    app = Celery("mover", broker=f"{redis_server}/{REDIS_DB}", set_as_current=False)
    app.conf.task_queues = [
        Queue(f"{prefix}.old", Exchange(f"{prefix}.old"), f"{prefix}.old"),
        Queue(f"{prefix}.new", Exchange(f"{prefix}.lanes"), f"{prefix}.new"),
    ]
    app.conf.task_default_queue = f"{prefix}.old"
    yield app
    app.close()


def send(app: Celery, count: int = 4, **options: Any) -> None:
    for number in range(count):
        name = "t.odd" if number % 2 else "t.even"
        app.send_task(name, (number,), task_id=f"id{number}", **options)


def ids(redis: Redis, queue: str) -> list[str]:
    """Ids in a queue, the next to be run first."""
    return [message["headers"]["id"] for message in messages(redis, queue)]


def messages(redis: Redis, queue: str) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in reversed(redis.lrange(queue, 0, -1))]


def test_move_between_queues(app: Celery, redis: Redis, prefix: str) -> None:
    send(app)
    state = move_by_taskmap({"t.odd": f"{prefix}.new"}, app=app, timeout=PAUSE)
    assert (state.count >= 4, state.filtered, state.total_apx) == (True, 2, 4)
    assert sorted(ids(redis, f"{prefix}.old")) == ["id0", "id2"]
    assert ids(redis, f"{prefix}.new") == ["id1", "id3"]
    assert not redis.exists("unacked")


def test_what_was_moved_can_be_run(app: Celery, redis: Redis, prefix: str) -> None:
    done: list[Any] = []

    @app.task(name="t.even")
    def even(number: int) -> None:
        done.append(number)

    send(app, count=1, expires=600, priority=6, compression="zlib")
    move(
        lambda body, message: Queue(f"{prefix}.third", Exchange(f"{prefix}.x"), "third"),
        app=app,
        source=f"{prefix}.old",
        timeout=PAUSE,
    )
    key = f"{prefix}.third\x06\x166"  # kombu's name of the list of that priority
    (message,) = messages(redis, key)
    assert message["properties"]["expiration"] == "600000"
    assert message["headers"]["compression"] == "application/x-gzip"

    def run(body: Any, message: Any) -> None:
        args, kwargs, _ = body
        app.tasks[message.headers["task"]](*args, **kwargs)

    with app.connection_for_read() as connection:
        queue = Queue(f"{prefix}.third", Exchange(f"{prefix}.x"), "third")
        start_filter(app, connection, run, consume_from=[queue], ack_messages=True, timeout=PAUSE)
    assert done == [0]
    assert not redis.exists(key)


def test_failure_in_the_middle_loses_nothing(app: Celery, redis: Redis, prefix: str) -> None:
    send(app)

    def fragile(body: Any, message: Any) -> Any:
        if message.headers["id"] == "id2":
            raise RuntimeError("boom")
        return ("", f"{prefix}.elsewhere") if message.headers["id"] == "id1" else None

    with pytest.raises(RuntimeError, match="boom"):
        move(fragile, app=app, source=[f"{prefix}.old"], timeout=PAUSE)
    assert ids(redis, f"{prefix}.elsewhere") == ["id1"]
    assert sorted(ids(redis, f"{prefix}.old")) == ["id0", "id2", "id3"]


@pytest.mark.parametrize("leave", [True, False], ids=["copy", "move"])
def test_to_another_broker(app: Celery, redis: Redis, prefix: str, leave: bool) -> None:
    send(app)
    source = f"{prefix}.old"
    options = {"global_keyprefix": f"{prefix}-there-"}
    url = app.conf.broker_url
    with (
        app.connection_for_read() as here,
        Connection(url, transport_options=options) as there,
    ):
        state = migrate_tasks(
            here, there, app=app, queues=f"{source}:renamed", ack_messages=not leave, timeout=PAUSE
        )
    assert repr(state) == "4/4"
    assert ids(redis, f"{prefix}-there-renamed") == ["id0", "id1", "id2", "id3"]
    # A blocking pop of kombu's takes the first one that is given back, and gives it back again.
    assert sorted(ids(redis, source)) == (["id0", "id1", "id2", "id3"] if leave else [])
    bound = redis.smembers(f"{prefix}-there-_kombu.binding.renamed")
    assert bound == {b"renamed\x06\x16\x06\x16renamed"}
