"""What a kombu queue means in Redis: its bindings as members of sets (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from kombu.transport.virtual.exchange import STANDARD_EXCHANGE_TYPES

if TYPE_CHECKING:
    from kombu import Queue

__all__ = ["Binding", "QueueSpec", "binding_ttl_ms", "describe", "matching_queues"]

_TYPES: Final[dict[str, Any]] = dict(STANDARD_EXCHANGE_TYPES)
_PREPARE: Final = {name: cls(None).prepare_bind for name, cls in _TYPES.items()}

#: A table of bindings outlives its queue's expiry by this factor, and one hour at least, so that
#: a consumer which stalls does not lose its routing; as kombu does.
_TTL_FACTOR: Final = 2
_MIN_TTL_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Binding:
    """One binding of a queue.

    Args:
        pattern: regular expression of a topic; None for the other types.
    """

    exchange: str
    exchange_type: str
    routing_key: str
    pattern: str | None


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """A queue as far as Redis is concerned.

    Args:
        expires_ms: how long its lists live unused; None for ever.
        auto_delete: fan-out bindings vanish with their consumer.
    """

    name: str
    expires_ms: int | None
    auto_delete: bool
    bindings: tuple[Binding, ...]

    @property
    def fanouts(self) -> tuple[Binding, ...]:
        """The bindings whose messages come by subscription."""
        return tuple(b for b in self.bindings if b.exchange_type == "fanout")

    @property
    def stored(self) -> bool:
        """Whether messages may lie in its lists: all but pure fan-out queues."""
        return not self.bindings or len(self.fanouts) < len(self.bindings)


def describe(queue: Queue) -> QueueSpec:
    """Read a kombu queue.

    Raises:
        ValueError: an exchange's type is not one that Redis can route.
    """
    bound: list[tuple[Any, str]] = []
    if queue.exchange and queue.exchange.name:
        bound.append((queue.exchange, queue.routing_key or ""))
    bound.extend(
        (b.exchange, b.routing_key or "")
        for b in queue.bindings or ()
        if b.exchange and b.exchange.name
    )
    return QueueSpec(
        name=queue.name,
        expires_ms=_expires_ms(queue),
        auto_delete=bool(queue.auto_delete),
        bindings=tuple(dict.fromkeys(_binding(queue.name, *pair) for pair in bound)),
    )


def _binding(queue: str, exchange: Any, routing_key: str) -> Binding:
    prepare = _PREPARE.get(exchange.type)
    if prepare is None:
        raise ValueError(
            f"Exchange {exchange.name!r} is of type {exchange.type!r}; "
            f"Redis has {', '.join(sorted(_PREPARE))}"
        )
    _, pattern, _ = prepare(queue, exchange.name, routing_key, {})
    return Binding(exchange.name, exchange.type, routing_key, pattern)


def _expires_ms(queue: Any) -> int | None:
    if queue.expires is not None:
        return int(queue.expires * 1000)
    given = (queue.queue_arguments or {}).get("x-expires")
    return None if given is None else int(given)


def binding_ttl_ms(expires_ms: int) -> int:
    """How long the bindings of an expiring queue are kept without a refresh."""
    return max(expires_ms * _TTL_FACTOR, _MIN_TTL_MS)


def matching_queues(members: Iterable[str], sep: str, routing_key: str) -> list[str]:
    """The queues whose binding matches, whatever the exchange's type."""
    found: dict[str, None] = {}
    for member in members:
        key, pattern, queue = member.split(sep, 2)
        matches = _compiled(pattern).match(routing_key) if pattern else key == routing_key
        if queue and matches:
            found[queue] = None
    return list(found)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
