"""The thread that keeps a consumer's lease alive and returns what the dead have left.

One thread per consumer, with a connection of its own, so that task code which holds the event
loop does not cost the consumer its lease.

* On each tick, a fifth of the lease: renew the consumer's lease, and give back the deliveries of
  consumers whose lease has ended (one keeper at a time does it).
* When the next parked message of any queue is due: release what is due.
* Now and then: refresh the bindings of expiring queues and drop those that nobody refreshed; give
  back what kombu's consumers have held for longer than the visibility timeout.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import LockError, RedisError

from celery._broker._redis_leases import give_back
from celery._broker._redis_message import mark_redelivered, plain_dumps, plain_loads
from celery._broker._redis_topology import QueueSpec, binding_ttl_ms, matching_queues
from celery._stores.redis.client import RedisServer
from celery._stores.redis.keys import BrokerKeys
from celery._stores.redis.link import Command, SyncLink
from celery._stores.redis.scripts import load

__all__ = ["Keeper", "LeaseOptions", "bind_expiring"]

logger = logging.getLogger(__name__)

_renew = load("renew")
_release = load("release")
_bind_expiring = load("bind_expiring")
_forget_bindings = load("forget_bindings")
_give_back_unacked = load("give_back_unacked")

_TICKS_PER_LEASE: Final = 5
_BINDINGS_EVERY_S: Final = 60.0
_RETRY_S: Final = 1.0
_STOP_S: Final = 5.0
_RELEASED_AT_ONCE: Final = 200
#: Parked messages are released no more often than that by one keeper, but for its own.
_RELEASE_PAUSE_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseOptions:
    """The transport options that concern holding and returning messages; times in seconds.

    Args:
        lease_s: for how long a consumer that shows no sign of life keeps its deliveries.
        visibility_timeout: for how long kombu's consumers keep theirs.
        unacked_every_s: pause between looking for theirs.
        unacked_limit: how many of theirs are given back at once; None for all.
        unacked_mutex_s: for how long one consumer may be busy with that.
    """

    lease_s: float = 15.0
    visibility_timeout: float = 3600.0
    unacked_every_s: float = 100.0
    unacked_limit: int | None = None
    unacked_mutex_s: float = 300.0

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> LeaseOptions:
        """Read kombu's options and ours."""
        interval = float(options.get("unacked_restore_interval") or 10)
        throttle = float(options.get("unacked_restore_throttle") or 10)
        return cls(
            lease_s=float(options.get("lease_seconds") or 15),
            visibility_timeout=float(options.get("visibility_timeout") or 3600),
            unacked_every_s=interval * throttle,
            unacked_limit=options.get("unacked_restore_limit"),
            unacked_mutex_s=float(options.get("unacked_mutex_expire") or 300),
        )

    @property
    def lease_ms(self) -> int:
        """The lease in milliseconds."""
        return int(self.lease_s * 1000)


class Keeper:
    """See the module. `start` and `stop` are safe twice.

    Args:
        consumer: the one whose lease is kept.
        expiring: gives the expiring queues it consumes now.
    """

    def __init__(
        self,
        server: RedisServer,
        keys: BrokerKeys,
        consumer: str,
        options: LeaseOptions,
        expiring: Callable[[], Iterable[QueueSpec]],
    ) -> None:
        self._server = server
        self._keys = keys
        self._consumer = consumer
        self._options = options
        self._expiring = expiring
        self._link = SyncLink(server, keep=1)
        self._tick_s = options.lease_s / _TICKS_PER_LEASE
        self._stopping = threading.Event()
        self._poked = threading.Event()
        self._thread: threading.Thread | None = None
        self._tick_at = self._release_at = self._bindings_at = self._unacked_at = 0.0

    def start(self) -> None:
        """Take the lease now, then keep it in the background.

        Raises:
            redis.exceptions.ConnectionError: the server cannot be reached.
        """
        if self._thread is not None:
            return
        self._do_what_is_due()
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="redis-lease", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop renewing; returns when the thread has ended, or hangs in a call to the server."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            self._poked.set()
            thread.join(_STOP_S)
        self._link.close()

    def release_in(self, seconds: float) -> None:
        """See to it that parked messages are released in so many seconds at the latest."""
        at = time.monotonic() + seconds
        if at < self._release_at:
            self._release_at = at
            self._poked.set()

    def _run(self) -> None:
        failing = False
        while not self._stopping.is_set():
            next_at = min(self._tick_at, self._release_at)
            pause = _RETRY_S if failing else max(next_at - time.monotonic(), 0.0)
            self._poked.wait(pause)
            self._poked.clear()
            if self._stopping.is_set():
                return
            try:
                self._do_what_is_due()
                failing = False
            except (RedisError, OSError) as exc:
                if not failing:
                    logger.warning("Cannot renew the lease on messages, trying again: %s", exc)
                failing = True

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        if now >= self._tick_at:
            self._keep_lease()
            self._tick_at = now + self._tick_s
        if now >= self._release_at:
            self._release_parked()
        if now >= self._bindings_at:
            self._keep_bindings()
            self._bindings_at = now + _BINDINGS_EVERY_S
        if now >= self._unacked_at:
            self._give_back_unacked()
            self._unacked_at = now + self._options.unacked_every_s

    def _keep_lease(self) -> None:
        keys, tick_ms = self._keys, int(self._tick_s * 1000)
        (ended,) = self._link.run(
            _renew([keys.consumers, keys.sweep], self._consumer, self._options.lease_ms, tick_ms)
        )
        for consumer in (name.decode() for name in ended):
            count = self._link.talk(give_back(keys, consumer, ended=True, counted=True))
            if count:
                logger.warning(
                    "Restored %d message(s) of %s, which has stopped without a word.",
                    count,
                    consumer.rpartition(".")[0],
                )

    def _release_parked(self) -> None:
        keys = self._keys
        due_in_ms = 0
        while due_in_ms == 0:
            # Set before asking: what is parked meanwhile may bring it forward.
            self._release_at = time.monotonic() + self._tick_s
            (due_in_ms,) = self._link.run(
                _release([keys.parked_queues], keys.parked(""), _RELEASED_AT_ONCE)
            )
        if due_in_ms > 0:
            self.release_in(max(due_in_ms / 1000, _RELEASE_PAUSE_S))

    def _keep_bindings(self) -> None:
        keys = self._keys
        commands: list[Command] = []
        for spec in self._expiring():
            commands += bind_expiring(keys, spec)
        commands.append(
            _forget_bindings(
                [keys.binding_deadlines], keys.bindings(""), keys.permanent_bindings(""), 100
            )
        )
        self._link.run(*commands)

    def _give_back_unacked(self) -> None:
        """Restore what a kombu consumer took more than the visibility timeout ago."""
        keys, options = self._keys, self._options
        until = time.time() - options.visibility_timeout
        limit = -1 if options.unacked_limit is None else options.unacked_limit
        query = ("ZREVRANGEBYSCORE", keys.unacked_index, until, 0, "LIMIT", 0, limit)
        if not self._link.run(query)[0]:
            return
        lock = self._server.client.lock(keys.unacked_mutex, timeout=options.unacked_mutex_s)
        if not lock.acquire(blocking=False):
            return
        try:
            for tag in self._link.run(query)[0]:
                self._give_back_one_unacked(tag)
        finally:
            try:
                lock.release()
            except LockError:
                logger.debug("Restoring unacknowledged messages took longer than its lock.")

    def _give_back_one_unacked(self, tag: bytes) -> None:
        keys = self._keys
        (held,) = self._link.run(("HGET", keys.unacked, tag))
        lists: list[str] = []
        message = b""
        if held is not None:
            content, exchange, routing_key = plain_loads(held)
            message = mark_redelivered(plain_dumps(content), counted=False)
            priority = (content.get("properties") or {}).get("priority") or 0
            lists = [
                keys.ready(queue, int(priority)) for queue in self._route(exchange, routing_key)
            ]
            if not lists:
                logger.warning("Dropping an unacknowledged message without a queue: %s", tag)
        self._link.run(_give_back_unacked([keys.unacked, keys.unacked_index], tag, message, *lists))

    def _route(self, exchange: str, routing_key: str) -> list[str]:
        if not exchange:
            return [routing_key]
        (members,) = self._link.run(("SMEMBERS", self._keys.bindings(exchange)))
        return matching_queues((m.decode() for m in members), self._keys.sep, routing_key)


def bind_expiring(keys: BrokerKeys, spec: QueueSpec) -> list[Command]:
    """The commands that enter, or keep alive, the bindings of an expiring queue."""
    ttl = binding_ttl_ms(spec.expires_ms or 0)
    return [
        _bind_expiring(
            [keys.bindings(b.exchange), keys.binding_deadlines],
            keys.binding(spec.name, b.routing_key, b.pattern),
            b.exchange,
            ttl,
        )
        for b in spec.bindings
    ]
