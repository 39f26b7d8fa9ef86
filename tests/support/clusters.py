"""An app on a broker of each kind, with names of its own that are gone afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import redis
from kombu import Connection
from kombu.exceptions import OperationalError
from tests.support.waiting import wait_until

from celery import Celery

BROKERS = ("memory", "sqlite", "redis", "rabbitmq")


@contextmanager
def app_on(url: str, **conf: Any) -> Iterator[Celery]:
    """An app whose queues and exchanges nobody else uses; the servers forget them in the end.

    Args:
        url: of the broker.
        **conf: settings.
    """
    own = uuid4().hex[:12]
    app = Celery("cluster", broker=url, set_as_current=False)
    app.conf.update(
        task_default_queue=f"tasks-{own}",
        event_exchange=f"events-{own}",
        event_queue_prefix=f"events-{own}",
        control_exchange=f"control-{own}",
        **conf,
    )
    try:
        yield app
    finally:
        app.close()
        if url.startswith("redis"):
            _forget_redis(url, own)
        elif url.startswith("amqp"):
            _forget_rabbitmq(url, own)


def _forget_redis(url: str, own: str) -> None:
    with redis.Redis.from_url(url) as client:
        keys = list(client.scan_iter(f"*{own}*"))
        if keys:
            client.delete(*keys)


def _forget_rabbitmq(url: str, own: str) -> None:
    with Connection(url) as connection:
        for name in (f"tasks-{own}", f"more-tasks-{own}"):
            connection.default_channel.queue_delete(name)
        exchanges = (f"tasks-{own}", f"more-tasks-{own}", f"events-{own}")
        for name in (*exchanges, f"control-{own}.pidbox", f"reply.control-{own}.pidbox"):
            connection.default_channel.exchange_delete(name)


def broker_url(kind: str, request: Any, database: int) -> str:
    """URL of a broker; the test is skipped or fails if its server is missing.

    Args:
        kind: one of `BROKERS`.
        request: pytest's.
        database: number of the Redis database to use.
    """
    if kind == "memory":
        return f"memory://{uuid4().hex}"
    if kind == "sqlite":
        directory: Path = request.getfixturevalue("tmp_path_factory").mktemp("broker")
        return f"sqlite:///{directory}/broker.sqlite3"
    if kind == "redis":
        return f"{request.getfixturevalue('redis_server')}/{database}"
    return f"{request.getfixturevalue('rabbitmq_server')}//"


class Watcher:
    """Collects the events of an app in a thread; a context in which it listens.

    Args:
        routing_key, wakeup: as for `EventReceiver`.
    """

    def __init__(self, app: Celery, routing_key: str = "#", wakeup: bool = False) -> None:
        self.events: list[dict[str, Any]] = []
        self._app = app
        self._wakeup = wakeup
        self._heard = threading.Event()
        group = "event" if routing_key == "#" else routing_key.partition(".")[0]
        self._probe_type = f"{group}-{uuid4().hex}-probe"
        self._connection = app.connection_for_read()
        self.receiver = app.events.Receiver(
            self._connection, handlers={"*": self._take}, routing_key=routing_key
        )
        self._thread = threading.Thread(target=self._capture, name="watcher", daemon=True)

    def _capture(self) -> None:
        # The receiver ends at its next look, or when its connection is closed under it.
        with suppress(OSError, OperationalError):
            self.receiver.capture(wakeup=self._wakeup)

    def __enter__(self) -> Watcher:
        self._thread.start()
        # kombu subscribes on Redis only when it waits for the first time: call until heard.
        wait_until(lambda: self._probe() or self._heard.wait(0.05), 20, "the receiver listens")
        return self

    def _probe(self) -> None:
        with self._app.connection_for_write() as connection:
            self._app.events.Dispatcher(connection).send(self._probe_type)

    def _take(self, event: dict[str, Any]) -> None:
        if not event["type"].endswith("-probe"):
            self.events.append(event)
        elif event["type"] == self._probe_type:
            self._heard.set()

    def __exit__(self, *exc_info: object) -> None:
        self.receiver.should_stop = True
        self._probe()  # it looks after each event
        self._thread.join(20)
        self._connection.release()
        assert not self._thread.is_alive()

    def types(self, **fields: Any) -> list[str]:
        """Types of the events that have these fields, as they came."""
        return [event["type"] for event in self.matching(**fields)]

    def matching(self, **fields: Any) -> list[dict[str, Any]]:
        """The events that have these fields."""
        return [event for event in list(self.events) if fields.items() <= event.items()]

    def wait_for(self, type: str, **fields: Any) -> dict[str, Any]:
        """The first event of a type with these fields; waits for it."""
        wanted = {"type": type, **fields}
        return wait_until(
            lambda: self.matching(**wanted),
            timeout=20,
            what=lambda: f"{wanted} among {self.types()}",
        )[0]
