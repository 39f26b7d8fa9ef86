"""Transactions, the schema, and the care of connections."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from celery._stores.sqlite import Database, open_database
from celery._stores.sqlite.schema import SCHEMA_VERSION


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(path, busy_timeout=5.0)
    with database.write() as connection:
        connection.execute("CREATE TABLE t (a)")
    yield database
    database.close()


def add(database: Database, value: int) -> None:
    with database.write() as connection:
        connection.execute("INSERT INTO t VALUES (?)", (value,))


def values(database: Database) -> list[int]:
    with database.read() as connection:
        return [row[0] for row in connection.execute("SELECT a FROM t ORDER BY a")]


def test_a_new_file_gets_schema_log_and_mode(database: Database, path: Path) -> None:
    with database.read() as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (1,)
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    add(database, 1)
    with pytest.raises(KeyError), database.write() as connection:
        connection.execute("INSERT INTO t VALUES (2)")
        raise KeyError
    assert values(database) == [1]
    add(database, 3)
    assert values(database) == [1, 3]


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    add(database, 1)
    with database.write() as connection:
        connection.execute("INSERT INTO t VALUES (2)")
        seen: list[list[int]] = []
        reader = threading.Thread(target=lambda: seen.append(values(database)))
        reader.start()
        reader.join(5.0)
        assert seen == [[1]]
    assert values(database) == [1, 2]


def test_writers_of_many_threads_take_turns(database: Database) -> None:
    def work(start: int) -> None:
        for n in range(20):
            add(database, start + n)

    threads = [threading.Thread(target=work, args=(100 * t,)) for t in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(database) == [100 * t + n for t in range(4) for n in range(20)]


def test_a_locked_file_is_an_operational_error(path: Path) -> None:
    database = Database(path, busy_timeout=0.01)
    with database.read():
        pass
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"), database.write():
        pytest.fail("two writers at once")
    other.close()
    with database.write():
        pass
    database.close()


def test_close_closes_and_the_next_use_opens(database: Database, path: Path) -> None:
    add(database, 1)
    database.close()
    database.close()
    # The last connection to leave takes the log along: nobody holds the file now.
    assert sorted(file.name for file in path.parent.iterdir()) == ["store.db"]
    assert values(database) == [1]


def test_what_nobody_holds_is_closed(path: Path) -> None:
    database = Database(path)
    with database.read():
        pass
    database.changes.wait(database.changes.seen, 0.01)
    del database
    gc.collect()
    assert sorted(file.name for file in path.parent.iterdir()) == ["store.db"]


def test_a_file_of_a_later_version_is_refused(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(sqlite3.DatabaseError, match="upgrade Celery"), Database(path).read():
        pytest.fail("opened")


def test_a_file_of_another_kind_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(sqlite3.DatabaseError, match=r"store\.db"), Database(path).read():
        pytest.fail("opened")


def test_an_impossible_option_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="synchronous"):
        Database(path, synchronous="SOMETIMES")


def test_one_file_is_one_database(path: Path) -> None:
    first = open_database(path)
    assert open_database(path) is first
    assert open_database(path, synchronous="full") is not first
    first.close()


def test_no_connection_crosses_a_fork(database: Database) -> None:
    add(database, 1)
    database.changes.wait(database.changes.seen, 0.0)
    inside, leave = threading.Event(), threading.Event()

    def slow() -> None:
        with database.write() as connection:
            connection.execute("INSERT INTO t VALUES (2)")
            inside.set()
            leave.wait(0.2)  # Long enough for the fork to find it inside.

    writer = threading.Thread(target=slow)
    writer.start()
    inside.wait(5.0)
    pid = os.fork()
    if not pid:
        # What the writer had begun is there whole, and this process can write too.
        add(database, 3)
        os._exit(0 if values(database) == [1, 2, 3] else 1)
    writer.join()
    assert os.waitpid(pid, 0)[1] == 0
    add(database, 4)
    assert values(database) == [1, 2, 3, 4]
