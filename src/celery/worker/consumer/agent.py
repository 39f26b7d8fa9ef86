"""Step: the optional agent."""

from __future__ import annotations

from typing import Any

from celery import bootsteps
from celery.worker.consumer.connection import Connection

__all__ = ["Agent"]


class Agent(bootsteps.StartStopStep):
    """Starts what the setting `worker_agent` names, with the consumer's connection."""

    name = "celery.worker.consumer.agent.Agent"
    conditional = True
    requires = (Connection,)

    def __init__(self, c: Any, **kwargs: Any) -> None:
        self.agent_cls = self.enabled = c.app.conf.worker_agent
        super().__init__(c, **kwargs)

    def create(self, c: Any) -> Any:
        return self.instantiate(self.agent_cls, c.connection)
