"""Which queues a message reaches: the exchanges of AMQP as functions of values.

Used by the brokers that route by themselves. ``direct`` compares keys, ``fanout`` takes every
queue, ``topic`` matches patterns of words between dots, where ``*`` is one word and ``#`` is any
number of words. The anonymous exchange ``""`` needs no binding: its routing key is the queue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kombu import Exchange, Queue

__all__ = ["EXCHANGE_TYPES", "Binding", "bindings_of", "matches", "route"]

EXCHANGE_TYPES = frozenset({"direct", "topic", "fanout"})


class Binding(NamedTuple):
    """An exchange's order to copy what fits the routing key to the queue."""

    exchange: str
    type: str
    queue: str
    routing_key: str


@lru_cache(maxsize=1024)
def _topic(pattern: str) -> re.Pattern[str]:
    # Every word is matched together with the dot after it, so that `#` may stand for no word.
    words = {"*": r"[^.]+\.", "#": r"(?:[^.]*\.)*"}
    parts = (words.get(word, re.escape(word) + r"\.") for word in pattern.split("."))
    return re.compile("".join(parts))


def matches(pattern: str, routing_key: str) -> bool:
    """Whether the topic pattern fits the routing key."""
    return _topic(pattern).fullmatch(routing_key + ".") is not None


def route(exchange_type: str, bindings: Iterable[tuple[str, str]], routing_key: str) -> list[str]:
    """The queues a message goes to, each once, in the order of the bindings.

    Args:
        exchange_type: ``direct``, ``topic`` or ``fanout``.
        bindings: (queue, binding key) of the exchange.
        routing_key: of the message.
    """
    queues = dict.fromkeys(
        queue
        for queue, key in bindings
        if exchange_type == "fanout"
        or key == routing_key
        or (exchange_type == "topic" and matches(key, routing_key))
    )
    return list(queues)


def bindings_of(queue: Queue) -> Iterator[Binding]:
    """The bindings that declaring this kombu queue makes.

    Raises:
        ValueError: an exchange is of a type that cannot be routed here.
    """
    if queue.exchange and queue.exchange.name:
        yield _binding(queue.name, queue.exchange, queue.routing_key)
    for binding in queue.bindings:
        if binding.exchange and binding.exchange.name:
            yield _binding(queue.name, binding.exchange, binding.routing_key)


def _binding(queue: str, exchange: Exchange, routing_key: str | None) -> Binding:
    if exchange.type not in EXCHANGE_TYPES:
        raise ValueError(
            f"exchange {exchange.name!r} of queue {queue!r} is of type {exchange.type!r}: "
            f"this broker has {', '.join(sorted(EXCHANGE_TYPES))}"
        )
    return Binding(exchange.name, exchange.type, queue, routing_key or "")
