"""Step: remote control."""

from __future__ import annotations

from typing import Any

from celery import bootsteps
from celery.utils.log import get_logger
from celery.worker import pidbox
from celery.worker.consumer.tasks import Tasks

__all__ = ["Control"]

logger = get_logger(__name__)


class Control(bootsteps.StartStopStep):
    """Listens for commands, where the broker can send one message to everybody."""

    name = "celery.worker.consumer.control.Control"
    requires = (Tasks,)

    def __init__(self, c: Any, **kwargs: Any) -> None:
        self.is_green = bool(c.pool is not None and c.pool.is_green)
        self.box = pidbox.gPidbox(c) if self.is_green else pidbox.Pidbox(c)
        c.pidbox = self.box
        super().__init__(c, **kwargs)

    @property
    def consumers(self) -> list[Any]:
        """What is consumed from the connection."""
        return [] if self.box.consumer is None else [self.box.consumer]

    def include_if(self, c: Any) -> bool:
        return bool(c.app.conf.worker_enable_remote_control) and c.broker.capabilities.fanout

    def start(self, c: Any) -> None:
        self.box.start(c)

    def stop(self, c: Any) -> None:
        self.box.stop(c)

    def shutdown(self, c: Any) -> None:
        self.box.shutdown(c)
