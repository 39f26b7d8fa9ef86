"""Keys and values that expire, in the embedded store: what its result backend is made of."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TypeAlias

from celery._stores.sqlite import QUERIES, Database

__all__ = ["Results", "Value"]

Value: TypeAlias = str | bytes | int

#: Seconds between two looks for what has expired, and how much goes in one transaction.
_PURGE_PAUSE = 30.0
_PURGE_LIMIT = 500


class Results:
    """The table of results. Thread-safe; each method is one transaction.

    Rows that have expired are not seen any more. They are removed along with later writes, a few
    at a time, so that nobody waits long for the file.

    Every method raises `sqlite3.OperationalError` if the file cannot be used now; nothing was
    changed then.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._next_purge = 0.0

    def get(self, key: str) -> Value | None:
        """The value, or None."""
        with self._database.read() as connection:
            parameters = {"key": key, "now": time.time()}
            row = connection.execute(QUERIES["get_result"], parameters).fetchone()
        return None if row is None else row[0]

    def get_many(self, keys: Sequence[str]) -> list[Value | None]:
        """The values in the order of the keys, None where there is none."""
        with self._database.read() as connection:
            parameters = {"keys": json.dumps(list(keys)), "now": time.time()}
            found = dict(connection.execute(QUERIES["get_results"], parameters).fetchall())
        return [found.get(key) for key in keys]

    def put(self, key: str, value: Value, *, seconds: float | None) -> None:
        """Write the value, for so many seconds; None or 0: for ever."""
        now = time.time()
        expires = now + seconds if seconds else None
        with self._database.write() as connection:
            parameters = {"key": key, "value": value, "expires": expires}
            connection.execute(QUERIES["put_result"], parameters)
        self._database.changes.notify()
        if time.monotonic() >= self._next_purge:
            self._next_purge = time.monotonic() + _PURGE_PAUSE
            if self._purge_some():
                self._next_purge = 0.0

    def drop(self, key: str) -> None:
        """Remove the key; if it is not there, do nothing."""
        with self._database.write() as connection:
            connection.execute(QUERIES["drop_result"], {"key": key})

    def increment(self, key: str, by: int = 1) -> int:
        """Add to the number at the key, starting from 0, and return the sum."""
        with self._database.write() as connection:
            parameters = {"key": key, "by": by, "now": time.time()}
            connection.execute(QUERIES["drop_stale_result"], parameters)
            connection.execute(QUERIES["add_to_counter"], parameters)
            total: int = connection.execute(QUERIES["get_result"], parameters).fetchone()[0]
        return total

    def expire(self, key: str, seconds: float | None) -> None:
        """Let the key go after so many seconds; None or 0: never."""
        expires = time.time() + seconds if seconds else None
        with self._database.write() as connection:
            connection.execute(QUERIES["expire_result"], {"key": key, "expires": expires})

    def purge(self) -> None:
        """Remove everything that has expired."""
        while self._purge_some():
            continue

    def _purge_some(self) -> bool:
        """Remove what has expired, up to a limit; returns whether there may be more."""
        with self._database.write() as connection:
            parameters = {"now": time.time(), "limit": _PURGE_LIMIT}
            removed = connection.execute(QUERIES["purge_results"], parameters).rowcount
        return bool(removed == _PURGE_LIMIT)
