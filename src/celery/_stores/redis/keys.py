"""Every key and channel name that Celery uses in Redis, in one place.

Those of kombu's layout, shared with every other client and worker on the database::

    <queue>                                 LIST    ready messages of priority step 0; next = right
    <queue> \\x06\\x16 <step>                 LIST    ready messages of the other steps
    _kombu.binding.<exchange>               SET     routing key SEP pattern SEP queue
    _kombu.binding_permanent.<exchange>     SET     those of queues that do not expire
    _kombu.binding_deadlines                ZSET    exchange -> epoch ms
    unacked, unacked_index, unacked_mutex           what kombu's consumers hold
    /<db>.<exchange>[/<routing key>]        channel fan-out

Ours; all of them vanish when nothing is held::

    _celery.consumers                       ZSET    consumer -> epoch ms at which its lease ends
    _celery.lease.<consumer>                HASH    tag -> message; tag = <unique>:<ready list>
    _celery.parked                          SET     queues that have parked messages
    _celery.parked.<queue>                  ZSET    tag NUL message -> epoch ms at which it is due
    _celery.sweep                           STRING  held by who returns expired leases; has a TTL

Results::

    celery-task-meta-<id>                   STRING  and channel: the result's metadata
    celery-taskset-meta-<group>             STRING  a saved group
    <the above>.j .t .s .d .c                       chord: parts, extra size, size, counted, claim
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["BrokerKeys", "chord_keys"]

SEPARATOR: Final = "\x06\x16"
PRIORITY_STEPS: Final = (0, 3, 6, 9)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerKeys:
    """The broker's names, as its transport options shape them.

    Args:
        prefix: ``global_keyprefix``, put before every key and channel.
        sep: between a queue's name and its priority step.
        steps: ``priority_steps``, ascending.
        fanout_prefix: before an exchange's name in its channel, the database filled in.
        fanout_patterns: whether the routing key is part of the channel.
    """

    prefix: str = ""
    sep: str = SEPARATOR
    steps: tuple[int, ...] = PRIORITY_STEPS
    fanout_prefix: str = "/0."
    fanout_patterns: bool = True
    unacked: str = "unacked"
    unacked_index: str = "unacked_index"
    unacked_mutex: str = "unacked_mutex"

    @classmethod
    def from_options(cls, options: Mapping[str, Any], *, db: int) -> BrokerKeys:
        """The names for these transport options."""
        prefix = options.get("global_keyprefix") or ""
        fanout = options.get("fanout_prefix", True)
        if fanout is True:
            fanout = "/{db}."
        unacked = {
            name: prefix + (options.get(f"{name}_key") or name)
            for name in ("unacked", "unacked_index", "unacked_mutex")
        }
        return cls(
            prefix=prefix,
            sep=options.get("sep") or SEPARATOR,
            steps=tuple(sorted(options.get("priority_steps") or PRIORITY_STEPS)),
            fanout_prefix=(fanout or "").replace("{db}", str(db)),
            fanout_patterns=bool(options.get("fanout_patterns", True)),
            **unacked,
        )

    def step_suffix(self, priority: int) -> str:
        """What a queue's name is extended by for messages of that priority."""
        step = self.steps[max(bisect(self.steps, min(max(priority, 0), 9)) - 1, 0)]
        return f"{self.sep}{step}" if step else ""

    def ready(self, queue: str, priority: int = 0) -> str:
        """The list of the queue's ready messages of that priority."""
        return f"{self.prefix}{queue}{self.step_suffix(priority)}"

    def ready_lists(self, queue: str) -> list[str]:
        """All lists of the queue, the first consumed first."""
        return [self.ready(queue, step) for step in self.steps]

    def queue_of(self, ready: str) -> str:
        """The queue whose ready list that is."""
        name, sep, step = ready[len(self.prefix) :].rpartition(self.sep)
        return name if sep and step.isdigit() else ready[len(self.prefix) :]

    def bindings(self, exchange: str) -> str:
        """The set of an exchange's bindings."""
        return f"{self.prefix}_kombu.binding.{exchange}"

    def permanent_bindings(self, exchange: str) -> str:
        """The set of those bindings whose queue does not expire."""
        return f"{self.prefix}_kombu.binding_permanent.{exchange}"

    @property
    def binding_deadlines(self) -> str:
        """When each exchange's bindings may be forgotten."""
        return f"{self.prefix}_kombu.binding_deadlines"

    def binding(self, queue: str, routing_key: str, pattern: str | None) -> str:
        """One member of an exchange's bindings."""
        return self.sep.join((routing_key, pattern or "", queue))

    def channel(self, exchange: str, routing_key: str) -> str:
        """The channel of a fan-out exchange."""
        tail = f"/{routing_key}" if routing_key and self.fanout_patterns else ""
        return f"{self.prefix}{self.fanout_prefix}{exchange}{tail}"

    @property
    def consumers(self) -> str:
        """Who holds a lease, and until when."""
        return f"{self.prefix}_celery.consumers"

    def lease(self, consumer: str) -> str:
        """What that consumer holds."""
        return f"{self.prefix}_celery.lease.{consumer}"

    @property
    def parked_queues(self) -> str:
        """The queues that have parked messages."""
        return f"{self.prefix}_celery.parked"

    def parked(self, queue: str) -> str:
        """The queue's parked messages by due time."""
        return f"{self.prefix}_celery.parked.{queue}"

    @property
    def sweep(self) -> str:
        """Held by the consumer that returns expired leases."""
        return f"{self.prefix}_celery.sweep"


def chord_keys(group: bytes) -> tuple[bytes, ...]:
    """What is kept about a chord: parts, extra size, size, who was counted, who ends it."""
    return tuple(group + suffix for suffix in (b".j", b".t", b".s", b".d", b".c"))
