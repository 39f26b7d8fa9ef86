"""One event, and the exchange events are published to."""

from __future__ import annotations

from collections.abc import Mapping
from time import time
from typing import Any, Final

from kombu import Exchange

__all__ = ("EVENT_EXCHANGE_NAME", "Event", "event_exchange", "get_exchange", "group_from")

EVENT_EXCHANGE_NAME: Final = "celeryev"

#: The exchange of brokers that match routing keys; :func:`get_exchange` knows the others.
event_exchange = Exchange(EVENT_EXCHANGE_NAME, type="topic")

#: kombu's transports on which a topic exchange would need more of the server than it gives.
_FANOUT_DRIVERS = frozenset({"redis", "gcpubsub"})


def Event(  # a function with the documented name
    type: str, _fields: Mapping[str, Any] | None = None, **fields: Any
) -> dict[str, Any]:
    """Return an event of `type` with these fields, stamped with the time unless they have one.

    >>> Event("task-sent", {"timestamp": 1.5}, uuid="x")
    {'timestamp': 1.5, 'uuid': 'x', 'type': 'task-sent'}
    """
    event = {**_fields, **fields} if _fields else fields
    if "timestamp" not in event:
        event["timestamp"] = time()
    event["type"] = type
    return event


def group_from(type: str) -> str:
    """Return the group of an event type.

    >>> group_from("task-sent")
    'task'
    """
    return type.partition("-")[0]


def get_exchange(conn: Any, name: str = EVENT_EXCHANGE_NAME) -> Exchange:
    """Return the exchange for events on a kombu connection: a topic exchange, or else a fanout."""
    fanout = conn.transport.driver_type in _FANOUT_DRIVERS
    return Exchange(name, type="fanout" if fanout else "topic")
