"""The events of tasks: a sender that stays the same when the dispatcher is replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from celery.worker.consumer.consumer import Consumer

__all__ = ["TaskEvents"]


class TaskEvents:
    """What requests send their events with.

    Requests outlive connections, event dispatchers do not: this hands on to whichever the
    consumer has now.
    """

    __slots__ = ("_consumer",)

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    @property
    def enabled(self) -> bool:
        """Whether anybody is told of what happens to tasks."""
        return self._consumer.sends_task_events

    def send(self, type: str, **fields: Any) -> None:
        """Send an event; without a dispatcher it is dropped."""
        dispatcher = self._consumer.event_dispatcher
        if dispatcher is not None:
            dispatcher.send(type, **fields)
