"""Keys and values with an expiry."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from celery._stores.sqlite import Database
from celery._stores.sqlite.results import Results


class Clock:
    """A time that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    monotonic = time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("celery._stores.sqlite.results.time", clock)
    return clock


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "store.db")
    yield database
    database.close()


@pytest.fixture
def results(database: Database) -> Results:
    return Results(database)


def rows(database: Database) -> int:
    with database.read() as connection:
        count: int = connection.execute("SELECT count(*) FROM result").fetchone()[0]
        return count


@pytest.mark.parametrize("value", ["text", "ü\0", b"\0\xff", b"", "", 7])
def test_a_value_comes_back_as_it_was(results: Results, value: str | bytes | int) -> None:
    results.put("k", "other", seconds=None)
    results.put("k", value, seconds=60)
    assert results.get("k") == value
    assert results.get_many(["none", "k", "none"]) == [None, value, None]
    results.drop("k")
    results.drop("k")
    assert results.get("k") is None


def test_what_has_expired_is_not_seen(results: Results, clock: Clock) -> None:
    results.put("a", "1", seconds=10)
    results.put("b", "2", seconds=None)
    results.put("c", "3", seconds=0)
    results.expire("c", 20)
    clock.now += 10
    assert results.get_many(["a", "b", "c"]) == [None, "2", "3"]
    results.expire("c", None)
    clock.now += 100
    assert results.get("c") == "3"


def test_what_has_expired_goes_with_later_writes(
    results: Results, database: Database, clock: Clock
) -> None:
    for n in range(1200):
        results.put(str(n), "v", seconds=10)
    clock.now += 100
    sizes = []
    for _ in range(4):
        results.put("new", "v", seconds=10)
        sizes.append(rows(database))
    assert sizes == [701, 201, 1, 1]


def test_purge_removes_all_that_has_expired(
    results: Results, database: Database, clock: Clock
) -> None:
    for n in range(1200):
        results.put(str(n), "v", seconds=10 + n % 2 * 1000)
    clock.now += 100
    results.purge()
    assert rows(database) == 600


def test_counting_is_atomic(results: Results) -> None:
    totals: list[int] = []

    def work() -> None:
        for _ in range(50):
            totals.append(results.increment("n"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(totals) == list(range(1, 201))


def test_an_expired_counter_begins_anew(results: Results, clock: Clock) -> None:
    assert results.increment("n", 5) == 5
    results.expire("n", 10)
    assert results.increment("n") == 6
    clock.now += 10
    assert results.increment("n") == 1
