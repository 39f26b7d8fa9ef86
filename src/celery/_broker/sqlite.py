"""The embedded broker: one SQLite file, no server; what is used when no broker URL is given.

Several processes of one machine share the file. Everything that moves a message is one
transaction: a process killed at any point leaves it either ready, leased or gone.

Order within a queue: the higher priority first (AMQP's meaning), then as published. Messages are
copied to each queue they are routed to; the ``expiration`` property and ``x-message-ttl`` are left
to the receiver. Queues that are ``exclusive`` or ``auto_delete`` go with their last consumer, those
with ``x-expires`` after that time without one.

Transport options: ``lease_seconds`` (15.0), ``synchronous`` (``"NORMAL"``) and ``busy_timeout``
(30.0 seconds), the last two explained at `celery._stores.sqlite.connection`.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from celery._broker._sqlite_lease import Batch, Lease
from celery._broker._sqlite_queues import Router, declare_queue, drop_queue
from celery._broker._topology import EXCHANGE_TYPES
from celery._broker._wire_json import encode_meta
from celery._broker.base import Broker, Capabilities, Consumer, Publication, Settlement
from celery._stores.sqlite import QUERIES, Changes, Database, open_database, path_of

if TYPE_CHECKING:
    from kombu import Queue

    from celery._broker.delivery import Delivery
    from celery._broker.options import BrokerOptions

__all__ = ["SQLiteBroker", "SQLiteConsumer"]

logger = logging.getLogger(__name__)

R = TypeVar("R")

DEFAULT_LEASE_SECONDS = 15.0
#: The lease is renewed, and the others' are looked at, so many times in its duration.
_RENEWALS = 3


class SQLiteBroker(Broker):
    """The queues in one file.

    Args:
        database: the file.
        lease_seconds: after how long a silent consumer counts as dead.
    """

    driver_type = "sqlite"
    capabilities = Capabilities(exchange_types=EXCHANGE_TYPES)
    connection_errors = (sqlite3.OperationalError,)

    def __init__(self, database: Database, *, lease_seconds: float = DEFAULT_LEASE_SECONDS) -> None:
        self.lease_seconds = lease_seconds
        self._database = database

    @classmethod
    def open(cls, url: str | None, options: BrokerOptions) -> SQLiteBroker:
        """The broker in the file that the URL names; without a URL, in the default file.

        Raises:
            ValueError: the URL names no file, or a transport option has an impossible value.
        """
        settings = options.transport_options
        database = open_database(
            path_of(url),
            synchronous=str(settings.get("synchronous", "NORMAL")),
            busy_timeout=float(settings.get("busy_timeout", 30.0)),
        )
        lease_seconds = float(settings.get("lease_seconds", DEFAULT_LEASE_SECONDS))
        return cls(database, lease_seconds=lease_seconds)

    def connect(self) -> None:
        with self._database.read():
            return

    def close(self) -> None:
        self._database.close()

    def as_uri(self, *, include_password: bool = False) -> str:
        return f"sqlite:///{self._database.path}"

    def publish(self, publications: Sequence[Publication]) -> None:
        encoded = [(item, encode_meta(item.envelope)) for item in publications]
        with self._database.write() as connection:
            router = Router(connection)
            rows = [
                (
                    queue,
                    item.envelope.priority,
                    0 if item.not_before is None else -1,
                    item.not_before,
                    item.exchange,
                    item.routing_key,
                    meta,
                    item.envelope.body,
                )
                for item, meta in encoded
                for queue in router.targets(item.exchange, item.routing_key)
            ]
            connection.executemany(QUERIES["publish"], rows)
        self._database.changes.notify()

    def declare(self, queues: Iterable[Queue]) -> None:
        for queue in queues:
            declare_queue(self._database, queue)

    def length(self, queue: str) -> int:
        with self._database.read() as connection:
            row = connection.execute(QUERIES["count_ready"], {"queue": queue}).fetchone()
            return int(row[0])

    def purge(self, queue: str) -> int:
        with self._database.write() as connection:
            return sum(
                connection.execute(QUERIES[name], {"queue": queue}).rowcount
                for name in ("purge_ready", "purge_parked")
            )

    def delete_queue(self, queue: str) -> None:
        with self._database.write() as connection:
            drop_queue(connection, queue)

    def bindings(self) -> list[tuple[str, str, str]]:
        with self._database.read() as connection:
            return connection.execute(QUERIES["all_bindings"]).fetchall()

    def consumer(self, *, worker: str, prefetch: int = 0) -> SQLiteConsumer:
        lease = Lease(self._database, worker=worker, seconds=self.lease_seconds)
        return SQLiteConsumer(self._database, lease)


class SQLiteConsumer(Consumer):
    """The asyncio half: hands the lease's blocking calls to one thread of its own.

    A second thread, the keeper, renews the lease, and looks for changes while a fetch waits.
    """

    def __init__(self, database: Database, lease: Lease) -> None:
        self._database = database
        self._lease = lease
        self._queues: deque[str] = deque()
        self._found: deque[Delivery] = deque()
        self._thread: ThreadPoolExecutor | None = None
        self._keeper: _Keeper | None = None
        self._pending: asyncio.Future[Batch] | None = None
        self._changed = asyncio.Event()

    async def start(self) -> None:
        if self._thread is not None:
            return
        loop = asyncio.get_running_loop()
        changed = self._changed = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="celery-sqlite")
        try:
            await self._call(self._lease.take)
        except BaseException:
            self._thread.shutdown(wait=False)
            self._thread = None
            raise
        self._keeper = _Keeper(
            self._lease,
            self._database.changes,
            wake=lambda: loop.call_soon_threadsafe(changed.set),
        )
        self._keeper.start()

    async def stop(self) -> None:
        thread, self._thread = self._thread, None
        keeper, self._keeper = self._keeper, None
        self._changed.set()
        if thread is None or keeper is None:
            return
        keeper.stop()
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(thread, keeper.join)
            await loop.run_in_executor(thread, self._lease.end)
        except sqlite3.OperationalError:
            logger.warning(
                "Cannot give back the unsettled messages now: they are redelivered in %s seconds",
                self._lease.seconds,
                exc_info=True,
            )
        finally:
            thread.shutdown(wait=False)
            self._queues.clear()
            self._found.clear()
            self._pending = None

    async def add_queue(self, queue: Queue) -> None:
        await self._call(declare_queue, self._database, queue)
        await self._call(self._lease.enter, queue.name)
        if queue.name not in self._queues:
            self._queues.append(queue.name)
        self._changed.set()

    async def cancel_queue(self, name: str) -> None:
        if name in self._queues:
            self._queues.remove(name)
            await self._call(self._lease.leave, name)

    async def fetch(self, limit: int, timeout: float) -> list[Delivery]:
        deadline = time.monotonic() + timeout
        while self._thread is not None and not self._found:
            self._changed.clear()
            seen = self._database.changes.seen
            due = await self._look(limit)
            remaining = deadline - time.monotonic()
            if self._found or remaining <= 0:
                break
            if due is not None:
                remaining = min(remaining, max(0.0, due - time.time()))
            await self._wait(seen, remaining)
        return [self._found.popleft() for _ in range(min(limit, len(self._found)))]

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        if self._thread is not None and settlements:
            await self._call(self._lease.settle, settlements)

    async def _look(self, limit: int) -> float | None:
        """Put what is there into `_found`; returns when the next parked message is due.

        A cancelled fetch leaves its look to the next one, with all it may have leased.
        """
        if self._pending is None:
            self._pending = self._call(self._lease.fetch, tuple(self._queues), limit)
            # The next look begins with another queue, so that a full one starves none.
            self._queues.rotate(-1)
        pending = self._pending
        await asyncio.wait([pending])
        self._pending = None
        batch = pending.result()
        if self._thread is not None:  # Else they were given back meanwhile.
            self._found.extend(batch.deliveries)
        return batch.due

    async def _wait(self, seen: int, seconds: float) -> None:
        """Until there may be something new, at most so long."""
        keeper = self._keeper
        if keeper is None:
            return
        keeper.watch(seen)
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
        finally:
            keeper.rest()

    def _call(self, function: Callable[..., R], *args: object) -> asyncio.Future[R]:
        if self._thread is None:
            raise RuntimeError("the consumer is not started")
        return asyncio.get_running_loop().run_in_executor(self._thread, function, *args)


class _Keeper(threading.Thread):
    """Renews the lease and looks after the others'; between, watches for changes if asked to."""

    def __init__(self, lease: Lease, changes: Changes, wake: Callable[[], object]) -> None:
        super().__init__(name="celery-sqlite-keeper", daemon=True)
        self._lease = lease
        self._changes = changes
        self._wake = wake
        self._seen: int | None = None
        self._kick = threading.Event()
        self._stopping = False

    def watch(self, seen: int) -> None:
        """Wake the consumer once when there are more than `seen` changes."""
        self._seen = seen
        self._kick.set()

    def rest(self) -> None:
        """Nobody waits now."""
        self._seen = None

    def stop(self) -> None:
        """End soon."""
        self._stopping = True
        self._kick.set()
        self._changes.notify()

    def run(self) -> None:
        pause = self._lease.seconds / _RENEWALS
        duty = time.monotonic()
        while not self._stopping:
            try:
                if time.monotonic() >= duty:
                    duty = time.monotonic() + pause
                    self._do_duty()
                self._pass_time(duty)
            except sqlite3.OperationalError:
                logger.warning("The embedded store cannot be used now", exc_info=True)
                self._kick.wait(min(pause, 1.0))

    def _do_duty(self) -> None:
        self._lease.renew()
        for worker in self._lease.recover():
            logger.warning("Worker %s is gone: its messages are back in their queues", worker)

    def _pass_time(self, until: float) -> None:
        seconds = max(0.0, until - time.monotonic())
        seen = self._seen
        if seen is None:
            self._kick.wait(seconds)
            self._kick.clear()
        elif self._changes.wait(seen, seconds) != seen and self._seen == seen:
            self._seen = None
            try:
                self._wake()
            except RuntimeError:
                # The loop was closed without stopping the consumer: let the lease expire.
                self._stopping = True
