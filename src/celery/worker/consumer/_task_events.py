"""Sends the worker's events from a thread, so that the loop never waits for the broker."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from time import time
from typing import TYPE_CHECKING, Any

from celery.utils.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery.worker.consumer.consumer import Consumer

__all__ = ["TaskEvents"]

logger = get_logger(__name__)

#: Seconds that the last events may take when the worker stops.
LAST_EVENTS_S = 5.0

_Event = tuple[str, dict[str, Any]]


class TaskEvents:
    """What requests and heartbeats send their events with.

    It stays the same when the dispatcher is replaced after a lost connection. Events keep their
    order; those of tasks that have gathered while the thread was busy go out as one message.
    """

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._queue: SimpleQueue[_Event | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def enabled(self) -> bool:
        """Whether anybody is told of what happens to tasks."""
        return self._consumer.sends_task_events

    def send(self, type: str, **fields: Any) -> None:
        """Send an event soon; without a dispatcher it is dropped."""
        if self._consumer.event_dispatcher is not None:
            fields["timestamp"] = time()
            self._queue.put((type, fields))

    def start(self) -> None:
        """Send from now on. Safe twice."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="Events", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Send what is left, no more. Safe twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join(LAST_EVENTS_S)

    def _run(self) -> None:
        get = self._queue.get
        while (event := get()) is not None:
            self._guarded(self._send, event)
            if self._queue.empty():
                self._guarded(self._flush)

    def _send(self, event: _Event) -> None:
        dispatcher = self._consumer.event_dispatcher
        if dispatcher is not None:
            type, fields = event
            dispatcher.send(type, **fields)

    def _flush(self) -> None:
        dispatcher = self._consumer.event_dispatcher
        if dispatcher is not None:
            dispatcher.flush(errors=False)

    def _guarded(self, call: Callable[..., None], *args: Any) -> None:
        """An event that cannot be sent is not worth more than a line in the log."""
        try:
            call(*args)
        except Exception as exc:
            logger.error("Cannot send an event: %r", exc)
