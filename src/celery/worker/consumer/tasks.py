"""Step: receive tasks."""

from __future__ import annotations

from typing import Any

from celery import bootsteps
from celery.utils.log import get_logger
from celery.worker.consumer.mingle import Mingle

__all__ = ["Tasks"]

logger = get_logger(__name__)


class Tasks(bootsteps.StartStopStep):
    """Resolves the strategies, and consumes from the worker's queues."""

    name = "celery.worker.consumer.tasks.Tasks"
    requires = (Mingle,)

    def start(self, c: Any) -> None:
        c.update_strategies()
        c.hub.run(self._consume(c))
        logger.debug("basic.qos: prefetch_count->%s", c.qos.value)

    async def _consume(self, c: Any) -> None:
        await c.task_consumer.flush()
        for queue in tuple(c.app.amqp.queues.consume_from.values()):
            await c.task_consumer.add_queue(queue)

    def stop(self, c: Any) -> None:
        logger.debug("Canceling task consumer...")

    def info(self, c: Any) -> dict[str, Any]:
        return {"prefetch_count": c.qos.value if c.qos is not None else "N/A"}
