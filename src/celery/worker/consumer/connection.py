"""Step: the broker connection."""

from __future__ import annotations

from typing import Any

from celery import bootsteps
from celery.utils.log import get_logger

__all__ = ["Connection"]

logger = get_logger(__name__)


class Connection(bootsteps.StartStopStep):
    """Reaches the broker; makes `c.connection`, a kombu connection for whoever needs one.

    What was leased before a lost connection stays leased: the broker consumer is only stopped,
    and everything given back, when the worker shuts down.
    """

    name = "celery.worker.consumer.connection.Connection"

    def __init__(self, c: Any, **kwargs: Any) -> None:
        c.connection = None
        super().__init__(c, **kwargs)

    def start(self, c: Any) -> None:
        c.connection = c.connect()
        logger.info("Connected to %s", c.broker.as_uri())

    def stop(self, c: Any) -> None:
        connection, c.connection = c.connection, None
        if connection is not None:
            connection.release()

    def shutdown(self, c: Any) -> None:
        c.hub.run(c.task_consumer.source.stop())
        self.stop(c)

    def info(self, c: Any) -> dict[str, Any]:
        connection = c.connection or c.connection_for_read(heartbeat=c.amqheartbeat)
        info = connection.info()
        info.pop("password", None)
        return {"broker": info}
