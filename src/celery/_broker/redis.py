"""The Redis broker: kombu's key layout, one round trip per call.

Its queues are those of kombu's Redis transport, so Celery's own clients and workers may stand at
either end; see `celery._stores.redis.keys` for the layout. Where messages are and who holds
them::

    publish --LPUSH--> ready list --fetch.lua--> the consumer's lease --HDEL--> gone
                          ^  ^                      |  |
                          |  +--give_back.lua-------+  +--park.lua--> parked --release.lua--+
                          |     (requeue, stop, lease ended)                                |
                          +-----------------------------------------------------------------+

Each arrow is one atomic step of the server.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from celery._broker._redis_consumer import RedisConsumer
from celery._broker._redis_keeper import LeaseOptions, bind_expiring
from celery._broker._redis_message import encode
from celery._broker._redis_topology import QueueSpec, describe
from celery._broker.base import Broker, Capabilities, Consumer, Publication
from celery._stores.redis.address import parse_url
from celery._stores.redis.client import CONNECTION_ERRORS, ConnectOptions, RedisServer
from celery._stores.redis.keys import BrokerKeys
from celery._stores.redis.link import Command, SyncLink
from celery._stores.redis.scripts import load

if TYPE_CHECKING:
    from kombu import Queue

    from celery._broker.options import BrokerOptions

__all__ = ["RedisBroker"]

#: A server that does not answer for so long is taken for unreachable (``socket_timeout``).
_SOCKET_TIMEOUT_S: Final = 30.0
#: Messages per call of the server, so that one huge batch does not hold up everybody else.
_PUBLISH_BATCH: Final = 5000

_publish = load("publish")


class RedisBroker(Broker):
    """A Redis server as a broker.

    Transport options: those of kombu's Redis transport, and ``lease_seconds`` (15): how long
    after a worker's last sign of life its messages go to others.
    """

    driver_type = "redis"
    capabilities = Capabilities(exchange_types=frozenset({"direct", "topic", "fanout"}))
    connection_errors = CONNECTION_ERRORS

    def __init__(self, server: RedisServer, options: Mapping[str, Any], *, keep: int = 10) -> None:
        self._server = server
        self._options = options
        self._keys = BrokerKeys.from_options(options, db=server.address.db)
        self._link = SyncLink(server, keep=keep)
        self._body_encoding = options.get("body_encoding") or "base64"
        self._declared: dict[str, QueueSpec] = {}
        self._exchange_types: dict[str, str] = {}
        self._expires: dict[str, int] = {}

    @classmethod
    def open(cls, url: str | None, options: BrokerOptions) -> RedisBroker:
        """The broker of that URL; connects when first used.

        Raises:
            ValueError: the URL or an option makes no sense.
        """
        transport = options.transport_options
        connect = ConnectOptions.from_mapping(
            transport,
            socket_timeout=_SOCKET_TIMEOUT_S,
            socket_connect_timeout=options.connect_timeout,
            ssl=options.ssl,
        )
        server = RedisServer(parse_url(url or "redis://"), connect)
        return cls(server, transport, keep=options.pool_limit or 1)

    def connect(self) -> None:
        """Reach the server now."""
        self._link.run(("PING",))

    def close(self) -> None:
        """Close the idle connections."""
        self._link.close()
        self._server.close()

    def as_uri(self, *, include_password: bool = False) -> str:
        """The URL, password masked unless asked for."""
        return self._server.address.as_uri(include_password=include_password)

    def publish(self, publications: Sequence[Publication]) -> None:
        """Push the messages; all or none of them, up to some thousands at a time."""
        for start in range(0, len(publications), _PUBLISH_BATCH):
            self._link.run(self._push(publications[start : start + _PUBLISH_BATCH]))

    def declare(self, queues: Iterable[Queue]) -> None:
        """Enter the queues' bindings; what this process entered before costs nothing."""
        specs = [spec for spec in map(describe, queues) if self._declared.get(spec.name) != spec]
        commands = list(itertools.chain.from_iterable(map(self._bind, specs)))
        if commands:
            self._link.run(*commands)
        for spec in specs:
            self._declared[spec.name] = spec
            self._exchange_types |= {b.exchange: b.exchange_type for b in spec.bindings}
            if spec.expires_ms is None:
                self._expires.pop(spec.name, None)
            else:
                self._expires[spec.name] = spec.expires_ms

    def length(self, queue: str) -> int:
        """Messages in the queue's ready lists."""
        return sum(self._link.run(*(("LLEN", key) for key in self._keys.ready_lists(queue))))

    def purge(self, queue: str) -> int:
        """Delete what is ready and parked."""
        keys = self._keys
        lists, parked = keys.ready_lists(queue), keys.parked(queue)
        *_, replies = self._link.run(
            ("MULTI",),
            *(("LLEN", key) for key in lists),
            ("ZCARD", parked),
            ("DEL", *lists, parked),
            ("SREM", keys.parked_queues, queue),
            ("EXEC",),
        )
        return sum(replies[: len(lists) + 1])

    def delete_queue(self, queue: str) -> None:
        """Delete the queue's messages and its bindings to every exchange."""
        keys = self._keys
        commands: list[Command] = []
        for exchange, members in self._tables():
            mine = [m for m in members if m.rsplit(keys.sep, 1)[-1] == queue]
            if mine:
                commands.append(("SREM", keys.bindings(exchange), *mine))
                commands.append(("SREM", keys.permanent_bindings(exchange), *mine))
        commands.append(("DEL", *keys.ready_lists(queue), keys.parked(queue)))
        commands.append(("SREM", keys.parked_queues, queue))
        self._link.run(*commands)
        self._declared.pop(queue, None)
        self._expires.pop(queue, None)

    def bindings(self) -> list[tuple[str, str, str]]:
        """Every (queue, exchange, routing key) in kombu's tables."""
        sep = self._keys.sep
        found = []
        for exchange, members in self._tables():
            for member in members:
                routing_key, _, queue = member.split(sep, 2)
                found.append((queue, exchange, routing_key))
        return sorted(found)

    def consumer(self, *, worker: str, prefetch: int = 0) -> Consumer:
        """A consumer; Redis does not push, so `prefetch` is of no concern."""
        return RedisConsumer(
            self._server,
            self._keys,
            worker=worker,
            options=LeaseOptions.from_options(self._options),
            order=self._options.get("queue_order_strategy") or "round_robin",
            broker=self,
        )

    def _push(self, publications: Sequence[Publication]) -> Command:
        """The one command that publishes them."""
        texts = [encode(p, body_encoding=self._body_encoding) for p in publications]
        lists = {self._plain_list(p) for p in publications}
        if len(lists) == 1 and None not in lists:
            return ("LPUSH", lists.pop(), *texts)
        keys = self._keys
        messages: list[Any] = []
        for publication, text in zip(publications, texts, strict=True):
            messages += (*self._way(publication), text)
        expiring = list(itertools.chain.from_iterable(self._expires.items()))
        return _publish(
            [keys.parked_queues],
            keys.prefix,
            keys.parked(""),
            keys.sep,
            self._options.get("deadletter_queue") or "",
            len(expiring) // 2,
            *expiring,
            *messages,
        )

    def _plain_list(self, publication: Publication) -> str | None:
        """The list that a bare LPUSH is enough for; None if routing or more is needed."""
        queue = publication.routing_key
        if publication.exchange or publication.not_before is not None or queue in self._expires:
            return None
        return self._keys.ready(queue, publication.envelope.priority)

    def _way(self, publication: Publication) -> tuple[Any, ...]:
        """Kind, exchange, routing key, step and delay: what publish.lua wants to know."""
        exchange, routing_key = publication.exchange, publication.routing_key
        suffix = self._keys.step_suffix(publication.envelope.priority)
        delay_ms = 0
        if publication.not_before is not None:
            delay_ms = max(int((publication.not_before - time.time()) * 1000), 0)
        if not exchange:
            return ("queue", "", routing_key, suffix, delay_ms)
        kind = self._exchange_types.get(exchange, publication.exchange_type)
        if kind == "fanout":
            return ("channel", self._keys.channel(exchange, routing_key), "", suffix, 0)
        return (kind, exchange, routing_key, suffix, delay_ms)

    def _bind(self, spec: QueueSpec) -> list[Command]:
        keys = self._keys
        if spec.expires_ms is not None:
            return bind_expiring(keys, spec)
        commands: list[Command] = []
        for b in spec.bindings:
            member = keys.binding(spec.name, b.routing_key, b.pattern)
            commands.append(("SADD", keys.bindings(b.exchange), member))
            commands.append(("SADD", keys.permanent_bindings(b.exchange), member))
        return commands

    def _tables(self) -> Iterable[tuple[str, list[str]]]:
        """Every exchange with the members of its binding table."""
        prefix = self._keys.bindings("")
        pattern = "".join(f"\\{c}" if c in "*?[]\\^" else c for c in prefix) + "*"
        cursor: Any = 0
        tables: list[str] = []
        while True:
            ((cursor, found),) = self._link.run(("SCAN", cursor, "MATCH", pattern, "COUNT", 1000))
            tables += (key.decode() for key in found)
            if int(cursor) == 0:
                break
        for table in sorted(set(tables)):
            (members,) = self._link.run(("SMEMBERS", table))
            yield table[len(prefix) :], [member.decode() for member in members]
