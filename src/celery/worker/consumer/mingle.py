"""Step: at start, ask the neighbours for what they have revoked, and for the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from celery import bootsteps
from celery.utils.log import get_logger
from celery.worker import state
from celery.worker.consumer.events import Events

__all__ = ["Mingle"]

logger = get_logger(__name__)

#: Seconds the neighbours have to answer.
PATIENCE_S = 1.0


class Mingle(bootsteps.StartStopStep):
    """Asks the other workers once a connection.

    Args:
        without_mingle: do not.
    """

    name = "celery.worker.consumer.mingle.Mingle"
    label = "Mingle"
    requires = (Events,)
    compatible_transports = frozenset({"amqp", "redis", "gcpubsub", "memory", "sqlite"})

    def __init__(self, c: Any, without_mingle: bool = False, **kwargs: Any) -> None:
        self.enabled = not without_mingle and self.compatible_transport(c.app)
        super().__init__(c, without_mingle=without_mingle, **kwargs)

    def compatible_transport(self, app: Any) -> bool:
        """Whether the broker can carry the question."""
        broker = app.broker_for_read()
        return broker.driver_type in self.compatible_transports and broker.capabilities.fanout

    def start(self, c: Any) -> None:
        self.sync(c)

    def sync(self, c: Any) -> None:
        """Ask, and take over what the answers say; the loop runs meanwhile."""
        logger.info("mingle: searching for neighbors")
        replies = c.hub.run(self._ask(c))
        if not replies:
            logger.info("mingle: all alone")
            return
        logger.info("mingle: sync with %s nodes", len(replies))
        for node, reply in replies.items():
            self.on_node_reply(c, node, reply)
        logger.info("mingle: sync complete")

    async def _ask(self, c: Any) -> dict[str, Any]:
        replies = await asyncio.to_thread(self.send_hello, c)
        return {node: reply for node, reply in replies.items() if reply}

    def send_hello(self, c: Any) -> dict[str, Any]:
        """The answers by node; that of this worker is not among them."""
        inspect = c.app.control.inspect(timeout=PATIENCE_S)
        replies = inspect.hello(c.hostname, list(state.revoked)) or {}
        replies.pop(c.hostname, None)
        return dict(replies)

    def on_node_reply(self, c: Any, nodename: str, reply: Mapping[str, Any]) -> None:
        """Take over one answer; a malformed one is logged."""
        logger.debug("mingle: processing reply from %s", nodename)
        try:
            self.sync_with_node(c, **reply)
        except Exception as exc:
            logger.exception("mingle: sync with %s failed: %r", nodename, exc)

    def sync_with_node(
        self, c: Any, clock: int | None = None, revoked: Any = None, **kwargs: Any
    ) -> None:
        """Adjust the clock, add what is revoked."""
        if clock:
            c.app.clock.adjust(clock)
        if revoked:
            state.merge_revoked(revoked)
