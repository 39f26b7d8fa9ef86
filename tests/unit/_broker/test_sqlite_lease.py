"""Who counts as dead, and what that means for him."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Exchange, Queue

from celery._broker._sqlite_lease import Lease, LeaseRow, Watch
from celery._broker._sqlite_queues import declare_queue
from celery._broker.base import Action, Publication, Settlement
from celery._broker.sqlite import SQLiteBroker
from celery._message.envelope import Envelope
from celery._stores.sqlite import Database


def row(number: int, *, renewals: int = 0, renewed_at: float = 1000.0) -> LeaseRow:
    return LeaseRow(number, "w@h", 15.0, renewals, renewed_at)


def test_a_lease_that_stands_still_for_its_time_is_dead() -> None:
    watch = Watch()
    assert watch.dead([row(1)], monotonic=50.0, wall=1000.0) == []
    assert watch.dead([row(1)], monotonic=64.9, wall=1014.9) == []
    assert watch.dead([row(1)], monotonic=65.0, wall=1015.0) == [row(1)]


def test_a_lease_that_is_renewed_lives() -> None:
    watch = Watch()
    for n in range(10):
        now = 14.0 * n
        assert watch.dead([row(1, renewals=n)], monotonic=now, wall=1000.0 + now) == []


def test_a_clock_that_is_set_kills_nobody() -> None:
    watch = Watch()
    assert watch.dead([row(1)], monotonic=0.0, wall=1000.0) == []
    assert watch.dead([row(1)], monotonic=5.0, wall=99999.0) == []
    assert watch.dead([row(1)], monotonic=10.0, wall=0.0) == []


def test_a_newcomer_believes_what_is_written() -> None:
    assert Watch().dead([row(1), row(2, renewed_at=1100.0)], monotonic=0.0, wall=1100.0) == [row(1)]
    # A time that lies ahead is no reason to wait longer than one duration.
    watch = Watch()
    ahead = row(1, renewed_at=9999.0)
    assert watch.dead([ahead], monotonic=0.0, wall=1000.0) == []
    assert watch.dead([ahead], monotonic=15.0, wall=1015.0) == [ahead]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "store.db")
    yield database
    database.close()


def publish(database: Database, *bodies: bytes) -> None:
    SQLiteBroker(database).publish(
        [
            Publication(
                envelope=Envelope(body=body, content_type="t", content_encoding="binary"),
                routing_key="q",
            )
            for body in bodies
        ]
    )


def lease(database: Database, worker: str, seconds: float = 15.0) -> Lease:
    lease = Lease(database, worker=worker, seconds=seconds)
    lease.take()
    lease.enter("q")
    return lease


def expire(database: Database) -> None:
    with database.write() as connection:
        connection.execute("UPDATE lease SET renewed_at = 0")


def test_who_was_held_for_dead_begins_anew(database: Database) -> None:
    publish(database, b"1", b"2")
    sleeper, watcher = lease(database, "sleeper"), lease(database, "watcher")
    (held,) = sleeper.fetch(["q"], 1).deliveries
    expire(database)
    watcher.renew()
    assert watcher.recover() == ["sleeper"]
    # It wakes up, and has not noticed yet: its settlement must not touch what is not its own.
    sleeper.settle([Settlement(held, Action.ACK)])
    (again,) = watcher.fetch(["q"], 1).deliveries
    assert (again.body, again.delivery_count) == (b"1", 1)
    # What it takes now, it takes under a lease that is watched again.
    (second,) = sleeper.fetch(["q"], 5).deliveries
    sleeper.settle([Settlement(held, Action.REQUEUE)])
    assert second.body == b"2"
    expire(database)
    third = lease(database, "third")
    assert sorted(third.recover()) == ["sleeper", "watcher"]
    assert [d.body for d in third.fetch(["q"], 5).deliveries] == [b"1", b"2"]


def test_a_lease_that_is_renewed_at_the_last_moment_is_spared(database: Database) -> None:
    publish(database, b"1")
    late, watcher = lease(database, "late"), lease(database, "watcher")
    late.fetch(["q"], 1)
    expire(database)
    seen = watcher._watch.dead

    def dead(*args: object, **clocks: float) -> list[LeaseRow]:
        late.renew()  # Between the look and the act.
        return seen(*args, **clocks)  # type: ignore[arg-type]  # as it is called

    watcher._watch.dead = dead  # type: ignore[method-assign]  # to stand between
    watcher.recover()
    assert watcher.fetch(["q"], 1).deliveries == []


def test_a_dead_consumers_temporary_queue_goes(database: Database) -> None:
    exchange = Exchange("e", type="fanout")
    broker = SQLiteBroker(database)
    for name in ("t1", "t2"):
        declare_queue(database, Queue(name, exchange, auto_delete=True))
    dead = lease(database, "dead")
    for name in ("t1", "t2"):
        dead.enter(name)
    watcher = lease(database, "watcher")
    watcher.enter("t2")
    expire(database)
    watcher.renew()
    watcher.recover()
    assert broker.bindings() == [("t2", "e", "")]


def test_an_unused_queue_expires(database: Database) -> None:
    broker = SQLiteBroker(database)
    exchange = Exchange("e", type="direct")
    queues = [
        Queue("used", exchange, "u", expires=60.0),
        Queue("unused", exchange, "n", queue_arguments={"x-expires": 60000}),
        Queue("kept", exchange, "k"),
    ]
    broker.declare(queues)
    watcher = lease(database, "watcher")
    watcher.enter("used")
    watcher.recover()
    assert len(broker.bindings()) == 3
    with database.write() as connection:
        connection.execute("UPDATE queue SET used_at = ?", (time.time() - 61.0,))
    watcher.recover()
    assert [queue for queue, _, _ in broker.bindings()] == ["kept", "used"]
    watcher.leave("used")
    watcher.recover()  # Its time begins only now.
    assert [queue for queue, _, _ in broker.bindings()] == ["kept", "used"]
