"""Applications whose messages stay in this process: tests look at them, or have them run here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from kombu import Queue

from celery import Celery
from celery._broker.base import Action, Settlement
from celery._broker.delivery import Delivery
from celery._message.headers import STANDARD_HEADERS
from celery.app.trace import trace_task_ret

_numbers = count()


def flow_app(name: str = "flow", **settings: Any) -> Celery:
    """An application with a memory broker of its own, and the tasks most flows are made of."""
    settings = {"result_backend": "cache+memory://", "broker_pool_limit": None, **settings}
    app = Celery(
        name, broker=f"memory://{name}-{next(_numbers)}", fixups=(), changes=settings, tasks=None
    )

    @app.task(name="add", shared=False)
    def add(x: int = 0, y: int = 0) -> int:
        return x + y

    @app.task(name="total", shared=False)
    def total(numbers: list[int], *rest: Any) -> int:
        return sum(numbers)

    @app.task(name="echo", shared=False)
    def echo(*args: Any) -> Any:
        return args[0] if len(args) == 1 else list(args)

    @app.task(name="fail", shared=False)
    def fail(*args: Any, **kwargs: Any) -> None:
        raise ValueError("failed")

    app.finalize()
    return app


@dataclass(frozen=True)
class Sent:
    """One message: what a worker would receive."""

    delivery: Delivery

    @property
    def task(self) -> str:
        return str(self.headers["task"])

    @property
    def id(self) -> str:
        return str(self.headers["id"])

    @property
    def headers(self) -> dict[str, Any]:
        return self.delivery.headers

    @property
    def properties(self) -> dict[str, Any]:
        return self.delivery.properties

    @property
    def args(self) -> Any:
        return self.delivery.payload[0]

    @property
    def kwargs(self) -> Any:
        return self.delivery.payload[1]

    @property
    def embed(self) -> Any:
        return self.delivery.payload[2]

    @property
    def call(self) -> tuple[str, Any, Any]:
        return self.task, self.args, self.kwargs


def sent(app: Celery, queue: str | Queue = "celery") -> list[Sent]:
    """Take the messages that wait in a queue, the oldest first."""
    return asyncio.run(_take(app, queue if isinstance(queue, Queue) else app.amqp.queues[queue]))


def only(app: Celery, queue: str | Queue = "celery") -> Sent:
    """Take the one message that waits in a queue."""
    (message,) = sent(app, queue)
    return message


async def _take(app: Celery, queue: Queue) -> list[Sent]:
    consumer = app.broker_for_read().consumer(worker="test@host")
    await consumer.start()
    try:
        await consumer.add_queue(queue)
        deliveries = await consumer.fetch(1000, 0)
        await consumer.settle([Settlement(d, Action.ACK) for d in deliveries])
    finally:
        await consumer.stop()
    for delivery in deliveries:
        delivery.accept = {"application/json", "application/x-yaml"}
    return [Sent(delivery) for delivery in deliveries]


def run(app: Celery, message: Sent) -> tuple[int, Any, float]:
    """Run one message as a pool would."""
    delivery, properties = message.delivery, message.properties
    own = {k: v for k, v in message.headers.items() if k not in STANDARD_HEADERS}
    request = {
        **message.headers,
        "headers": own or None,
        "properties": properties,
        "reply_to": properties.get("reply_to"),
        "correlation_id": properties.get("correlation_id"),
        "delivery_info": delivery.delivery_info,
        "hostname": "test@host",
    }
    body = delivery.payload
    return trace_task_ret(message.task, message.id, request, body, None, None, app=app)


def drain(app: Celery, limit: int = 100) -> list[tuple[str, Any, Any]]:
    """Run what waits in the default queue, and what that sends; returns the calls in order."""
    calls = []
    for message in _until_empty(app):
        calls.append(message.call)
        assert len(calls) <= limit, f"no end of messages: {calls[-5:]}"
        run(app, message)
    return calls


def _until_empty(app: Celery) -> Iterator[Sent]:
    while messages := sent(app):
        yield from messages
