"""Step: the event dispatcher."""

from __future__ import annotations

from typing import Any

from kombu.common import ignore_errors

from celery import bootsteps
from celery.worker.consumer.connection import Connection

__all__ = ["Events"]


class Events(bootsteps.StartStopStep):
    """Makes `c.event_dispatcher`, on a connection of its own.

    There are events about the worker if anybody looks (heartbeats, gossip), and events about tasks
    if they are asked for (``-E``, or later the command `enable_events`).
    """

    name = "celery.worker.consumer.events.Events"
    requires = (Connection,)

    def __init__(
        self,
        c: Any,
        task_events: bool = True,
        without_heartbeat: bool = False,
        without_gossip: bool = False,
        **kwargs: Any,
    ) -> None:
        self.groups = None if task_events else ["worker"]
        self.send_events = task_events or not without_gossip or not without_heartbeat
        self.enabled = self.send_events
        self._connection: Any = None
        c.event_dispatcher = None
        super().__init__(c, **kwargs)

    def start(self, c: Any) -> None:
        previous, stale = c.event_dispatcher, self._connection
        self._connection = c.connection_for_write()
        dispatcher = c.app.events.Dispatcher(
            self._connection,
            hostname=c.hostname,
            enabled=self.send_events,
            # What a command has changed stays changed.
            groups=self.groups if previous is None else previous.groups,
            buffer_group=["task"],
        )
        if previous is not None:
            dispatcher.extend_buffer(previous)
        c.event_dispatcher = dispatcher
        if stale is not None:
            ignore_errors(stale, stale.release)
        c.task_events.start()

    def stop(self, c: Any) -> None:
        """The dispatcher stays: what is sent meanwhile is kept by it, for the next one."""

    def shutdown(self, c: Any) -> None:
        """Send what is left, close."""
        c.task_events.stop()
        dispatcher, c.event_dispatcher = c.event_dispatcher, None
        connection, self._connection = self._connection, None
        if dispatcher is not None:
            ignore_errors(connection, dispatcher.close)
            ignore_errors(connection, connection.release)
