"""Whoever waits is told of commits."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from celery._stores.sqlite import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "store.db")
    # From here on the changes are counted: the first wait has nothing to compare with.
    assert database.changes.wait(0, 5.0) == 1
    yield database
    database.close()


def commit_elsewhere(database: Database) -> None:
    connection = sqlite3.connect(database.path)
    connection.execute("INSERT INTO result (key) VALUES (hex(randomblob(8)))")
    connection.commit()
    connection.close()


def test_without_a_change_it_waits_its_time(database: Database) -> None:
    began = time.monotonic()
    assert database.changes.wait(1, 0.1) == 1
    assert 0.1 <= time.monotonic() - began < 2.0


def test_a_commit_elsewhere_is_seen(database: Database) -> None:
    commit_elsewhere(database)
    assert database.changes.wait(1, 5.0) == 2
    assert database.changes.wait(2, 0.0) == 2


def test_a_commit_between_look_and_wait_is_not_missed(database: Database) -> None:
    seen = database.changes.seen
    commit_elsewhere(database)
    database.changes.notify()
    assert database.changes.wait(seen, 5.0) > seen


def test_everybody_who_waits_is_woken(database: Database) -> None:
    counts: list[int] = []
    began = time.monotonic()
    threads = [
        threading.Thread(target=lambda: counts.append(database.changes.wait(1, 20.0)))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    commit_elsewhere(database)
    for thread in threads:
        thread.join()
    assert min(counts) >= 2
    assert time.monotonic() - began < 10.0


def test_another_takes_over_when_the_watcher_leaves(database: Database) -> None:
    patient: list[int] = []
    hasty = threading.Thread(target=lambda: database.changes.wait(1, 0.05))
    waiting = threading.Thread(target=lambda: patient.append(database.changes.wait(1, 20.0)))
    hasty.start()
    waiting.start()
    hasty.join()
    commit_elsewhere(database)
    waiting.join(10.0)
    assert patient == [2]


def test_closing_counts_as_a_change(database: Database) -> None:
    database.changes.close()
    commit_elsewhere(database)
    # What happened while nobody watched is unknown: look again.
    assert database.changes.wait(1, 5.0) == 2
