"""The embedded store's queues and bindings, as steps within a transaction of the caller's."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any

from celery._broker._topology import Binding, bindings_of, route
from celery._stores.sqlite import QUERIES, Database

if TYPE_CHECKING:
    from kombu import Queue

__all__ = ["Router", "declare_queue", "drop_queue", "leave_queue"]


def declare_queue(database: Database, queue: Queue) -> None:
    """Make sure that the queue and its bindings exist; only reads if they do."""
    name, now = queue.name, time.time()
    expires = _expires(queue)
    kind = (int(bool(queue.auto_delete or queue.exclusive)), expires)
    wanted = set(bindings_of(queue))
    with database.read() as connection:
        row = connection.execute(QUERIES["find_queue"], {"queue": name}).fetchone()
        found = connection.execute(QUERIES["queue_bindings"], {"queue": name})
        missing = wanted.difference(Binding(*fields) for fields in found)
    # To declare a queue is to use it; that is noted often enough for its expiry, not each time.
    fresh = row is not None and (expires is None or now - row[2] < expires / 4)
    if fresh and row[:2] == kind and not missing:
        return
    with database.write() as connection:
        connection.execute(
            QUERIES["put_queue"],
            {"queue": name, "auto_delete": kind[0], "expires": expires, "now": now},
        )
        connection.executemany(QUERIES["put_binding"], [b._asdict() for b in missing])


def drop_queue(connection: sqlite3.Connection, queue: str) -> None:
    """Delete the queue, its bindings and its messages, leased ones too."""
    for name in ("purge_ready", "purge_parked", "purge_leased", "drop_bindings", "drop_queue"):
        connection.execute(QUERIES[name], {"queue": queue})


def leave_queue(connection: sqlite3.Connection, queue: str, lease: int) -> None:
    """The lease's consumer listens no more: a temporary queue goes with its last consumer."""
    connection.execute(QUERIES["stop_consuming"], {"queue": queue, "lease": lease})
    connection.execute(QUERIES["use_queue"], {"queue": queue, "now": time.time()})
    row = connection.execute(QUERIES["is_abandoned"], {"queue": queue}).fetchone()
    if row is not None and row[0]:
        drop_queue(connection, queue)


class Router:
    """Finds the queues of messages; remembers what it read, so use it for one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], list[str]] = {}

    def targets(self, exchange: str, routing_key: str) -> list[str]:
        """The queues that a message published there reaches; none if nothing is bound."""
        if not exchange:
            return [routing_key]
        targets = self._known.get((exchange, routing_key))
        if targets is None:
            targets = self._known[exchange, routing_key] = self._find(exchange, routing_key)
        return targets

    def _find(self, exchange: str, routing_key: str) -> list[str]:
        parameters = {"exchange": exchange}
        rows = self._connection.execute(QUERIES["exchange_bindings"], parameters).fetchall()
        if not rows:
            return []
        return route(rows[0][0], [(queue, key) for _, queue, key in rows], routing_key)


def _expires(queue: Any) -> float | None:
    """Seconds after which the unused queue may go: kombu's option or the AMQP argument."""
    if queue.expires is not None:
        return float(queue.expires)
    milliseconds = (queue.queue_arguments or {}).get("x-expires")
    return None if milliseconds is None else float(milliseconds) / 1000
