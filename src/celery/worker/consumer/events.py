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
        previous = self._close(c)
        self._connection = c.connection_for_write()
        dispatcher = c.app.events.Dispatcher(
            self._connection,
            hostname=c.hostname,
            enabled=self.send_events,
            groups=self.groups,
            buffer_group=["task"],
            on_send_buffered=None,
        )
        c.event_dispatcher = dispatcher
        if previous is not None:
            dispatcher.extend_buffer(previous)
            dispatcher.flush()
        c.hub.on_tick.add(self._flush)
        self._dispatcher = dispatcher

    _dispatcher: Any = None

    def _flush(self) -> None:
        """Send the task events that have gathered since the last turn."""
        if self._dispatcher is not None:
            self._dispatcher.flush(errors=False, groups=("task",))

    def stop(self, c: Any) -> None:
        """The dispatcher stays: what is sent meanwhile is buffered by it."""

    def shutdown(self, c: Any) -> None:
        self._close(c)

    def _close(self, c: Any) -> Any:
        dispatcher, c.event_dispatcher = c.event_dispatcher, None
        connection, self._connection = self._connection, None
        if dispatcher is not None:
            ignore_errors(connection, dispatcher.close)
            ignore_errors(connection, connection.release)
        return dispatcher
