"""One consumer's hold on messages of the embedded store: the blocking half of its consumer.

A lease is a row that its owner renews. The others judge by watching: a lease whose count of
renewals has stood still for its whole time, on the watcher's own monotonic clock, is dead, and its
messages go back to their places. So neither a clock that is set nor a laptop that sleeps makes a
living worker look dead. Only who has just come goes by the time that is written in the row.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple, TypeAlias

from celery._broker._sqlite_queues import drop_queue, leave_queue
from celery._broker._wire_json import decode_envelope
from celery._broker.base import Action, Settlement
from celery._broker.delivery import Delivery
from celery._stores.sqlite import QUERIES, Database

__all__ = ["Batch", "Lease", "LeaseRow", "Watch"]

#: Parked messages made ready in one transaction at most: nobody waits long for the file.
_RIPEN_LIMIT = 1000


#: number, queue, exchange, routing key, redelivered, deliveries, meta, body
_MessageRow: TypeAlias = tuple[int, str, str, str, int, int, str, bytes]


class Batch(NamedTuple):
    """What a fetch found; `due` is when the next parked message is ready (epoch seconds)."""

    deliveries: list[Delivery]
    due: float | None


class Lease:
    """Takes, settles and gives back messages in the name of one consumer.

    `renew` and `recover` may be called from a thread beside the one that does the rest.

    Args:
        worker: node name, kept for people who look into the file.
        seconds: how long the lease may go without renewal.
    """

    def __init__(self, database: Database, *, worker: str, seconds: float) -> None:
        self.seconds = seconds
        self._database = database
        self._worker = worker
        self._number = 0
        self._queues: set[str] = set()
        self._held: dict[int, int] = {}
        self._tags = count(1)
        self._watch = Watch()

    def take(self) -> None:
        """Begin; what was held under an earlier lease is forgotten."""
        with self._database.write() as connection:
            number = self._take(connection)
        self._adopt(number)

    def _take(self, connection: sqlite3.Connection) -> int:
        parameters = {"worker": self._worker, "seconds": self.seconds, "now": time.time()}
        number = connection.execute(QUERIES["take_lease"], parameters).lastrowid
        assert number is not None
        for queue in self._queues:
            connection.execute(QUERIES["start_consuming"], {"queue": queue, "lease": number})
        return number

    def _living(self, connection: sqlite3.Connection) -> int:
        """The number of the lease, a new one if another consumer held this one for dead.

        That happens to a process that was stopped for long. Under the old number nobody would
        ever miss what is leased now.
        """
        if connection.execute(QUERIES["find_lease"], {"lease": self._number}).fetchone():
            return self._number
        return self._take(connection)

    def _adopt(self, number: int) -> None:
        """Once it is committed: from now on this is the lease."""
        if number != self._number:
            self._number = number
            self._held.clear()

    def enter(self, queue: str) -> None:
        """Count as a consumer of the queue."""
        with self._database.write() as connection:
            number = self._living(connection)
            connection.execute(QUERIES["start_consuming"], {"queue": queue, "lease": number})
        self._adopt(number)
        self._queues.add(queue)

    def leave(self, queue: str) -> None:
        """Count no more as a consumer of the queue."""
        self._queues.discard(queue)
        with self._database.write() as connection:
            leave_queue(connection, queue, self._number)

    def fetch(self, queues: Sequence[str], limit: int) -> Batch:
        """Lease up to `limit` ready messages of the queues, in the order of the queues."""
        due = self._look(queues)
        if due is None:
            with self._database.write() as connection:
                number = self._living(connection)
                rows = _fetch(connection, number, queues, limit)
            self._adopt(number)
            return Batch([self._deliver(row) for row in rows], None)
        return Batch([], due if due < float("inf") else None)

    def _look(self, queues: Sequence[str]) -> float | None:
        """None if there is something to do; else when the next parked message is due.

        Most looks of an idle consumer find nothing, and do not take the writer's turn for it.
        """
        with self._database.read() as connection:
            due = connection.execute(QUERIES["next_due"]).fetchone()[0]
            if due is not None and due <= time.time():
                return None
            for queue in queues:
                if connection.execute(QUERIES["has_ready"], {"queue": queue}).fetchone():
                    return None
            return float("inf") if due is None else float(due)

    def _deliver(self, row: _MessageRow) -> Delivery:
        number, queue, exchange, routing_key, redelivered, deliveries, meta, body = row
        tag = next(self._tags)
        self._held[tag] = number
        return Delivery(
            decode_envelope(meta, body),
            queue=queue,
            tag=tag,
            exchange=exchange,
            routing_key=routing_key,
            redelivered=bool(redelivered),
            delivery_count=deliveries,
        )

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Carry out the decisions in one transaction; passes over what is not held any more."""
        mine = [s for s in settlements if s.delivery.delivery_tag in self._held]
        if not mine:
            return
        with self._database.write() as connection:
            finished = [self._row(s) for s in mine if s.action in (Action.ACK, Action.REJECT)]
            parameters = {"lease": self._number, "ids": json.dumps(finished)}
            connection.execute(QUERIES["finish"], parameters)
            for s in mine:
                one = {"lease": self._number, "id": self._row(s), "due": s.until or 0.0}
                if s.action is Action.REQUEUE:
                    connection.execute(QUERIES["requeue"], one)
                elif s.action is Action.PARK:
                    connection.execute(QUERIES["park"], one)
        for s in mine:
            self._held.pop(s.delivery.delivery_tag, None)
        if len(finished) < len(mine):
            self._database.changes.notify()

    def _row(self, settlement: Settlement) -> int:
        return self._held[settlement.delivery.delivery_tag]

    def renew(self) -> None:
        """Show the others that this consumer lives."""
        with self._database.write() as connection:
            parameters = {"lease": self._number, "now": time.time()}
            connection.execute(QUERIES["renew_lease"], parameters)

    def recover(self) -> list[str]:
        """Bring back what dead consumers held, and remove queues whose time without one is over.

        Returns:
            the node names of the dead.
        """
        with self._database.read() as connection:
            rows = [LeaseRow(*fields) for fields in connection.execute(QUERIES["all_leases"])]
            now = {"now": time.time()}
            expired = connection.execute(QUERIES["expired_queues"], now).fetchall()
        others = [row for row in rows if row.number != self._number]
        dead = self._watch.dead(others, monotonic=time.monotonic(), wall=time.time())
        if not dead and not expired:
            return []
        with self._database.write() as connection:
            for row in dead:
                lease = {"lease": row.number, "renewals": row.renewals}
                # Not if it has just shown that it lives after all.
                if connection.execute(QUERIES["drop_dead_lease"], lease).rowcount:
                    _end(connection, row.number, counted=True)
            # Asked again: somebody may have begun to use one of them meanwhile.
            for (queue,) in connection.execute(QUERIES["expired_queues"], now).fetchall():
                drop_queue(connection, queue)
        self._database.changes.notify()
        return [row.worker for row in dead]

    def end(self) -> None:
        """Give back what is held, to the places it had, and the lease."""
        with self._database.write() as connection:
            _end(connection, self._number, counted=False)
        self._held.clear()
        self._queues.clear()
        self._database.changes.notify()


class LeaseRow(NamedTuple):
    """A lease as it stands in the file; `renewed_at` is epoch seconds."""

    number: int
    worker: str
    seconds: float
    renewals: int
    renewed_at: float


@dataclass(frozen=True, slots=True)
class _Sight:
    renewals: int
    since: float


class Watch:
    """Knows which leases have not been renewed for their whole time."""

    def __init__(self) -> None:
        self._sights: dict[int, _Sight] = {}

    def dead(self, leases: Iterable[LeaseRow], *, monotonic: float, wall: float) -> list[LeaseRow]:
        """Of the leases there are now, those whose owners must be dead.

        Args:
            monotonic: the watcher's monotonic clock, in seconds.
            wall: epoch seconds.
        """
        before, self._sights = self._sights, {}
        dead = []
        for row in leases:
            sight = before.get(row.number)
            if sight is None:
                idle = min(max(0.0, wall - row.renewed_at), row.seconds)
                sight = _Sight(row.renewals, monotonic - idle)
            elif sight.renewals != row.renewals:
                sight = _Sight(row.renewals, monotonic)
            self._sights[row.number] = sight
            if monotonic - sight.since >= row.seconds:
                dead.append(row)
        return dead


def _fetch(
    connection: sqlite3.Connection, lease: int, queues: Sequence[str], limit: int
) -> list[_MessageRow]:
    connection.execute(QUERIES["ripen"], {"now": time.time(), "limit": _RIPEN_LIMIT})
    rows: list[_MessageRow] = []
    for queue in queues:
        if len(rows) < limit:
            rows += connection.execute(
                QUERIES["peek"], {"queue": queue, "limit": limit - len(rows)}
            )
    ids = json.dumps([row[0] for row in rows])
    connection.execute(QUERIES["hold"], {"lease": lease, "ids": ids})
    return rows


def _end(connection: sqlite3.Connection, lease: int, *, counted: bool) -> None:
    """Give back what a lease holds; `counted`: as deliveries, because their worker died."""
    connection.execute(QUERIES["give_back"], {"lease": lease, "counted": int(counted)})
    for (queue,) in connection.execute(QUERIES["consumed_by"], {"lease": lease}).fetchall():
        leave_queue(connection, queue, lease)
    connection.execute(QUERIES["drop_lease"], {"lease": lease})
