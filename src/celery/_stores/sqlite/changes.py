"""Tells those who wait that something was committed, by whichever process.

Within the process the committer says so (`notify`). Commits of other processes are seen by asking
SQLite's ``data_version``, a look into shared memory of a few microseconds: every 2 ms shortly after
a change, ever more rarely, every 50 ms when nothing has happened for half a second.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable

__all__ = ["Changes"]

_SHORTEST = 0.002
_LONGEST = 0.05
#: The pause grows with the silence: a tenth of it.
_SHARE = 0.1


class Changes:
    """Counts the changes of one database that this process has noticed.

    To miss nothing: read `seen`, look for what you want, and only then `wait` for more than that::

        seen = changes.seen
        while not (found := look()):
            seen = changes.wait(seen, timeout=5.0)

    A change may be counted twice, and says nothing of what has changed: look again.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        # data_version is relative to the connection that asks: one is kept for that.
        self._connection: sqlite3.Connection | None = None
        self._version = 0
        self._count = 0
        self._waiting = 0
        self._watched = False
        self._changed_at = time.monotonic()
        self._condition = threading.Condition()

    @property
    def seen(self) -> int:
        """How many changes have been noticed."""
        return self._count

    def notify(self) -> None:
        """Something was committed here: wake who waits."""
        with self._condition:
            if self._waiting:
                self._ask()  # So that this commit is not counted again as another's.
            self._advance()

    def wait(self, seen: int, timeout: float) -> int:
        """Return when more than `seen` changes were noticed, or after `timeout` seconds.

        Returns:
            the number of changes noticed by now.

        Raises:
            sqlite3.OperationalError: the file cannot be read now.
        """
        deadline = time.monotonic() + timeout
        with self._condition:
            self._waiting += 1
            try:
                while self._count == seen and time.monotonic() < deadline:
                    if self._watched:
                        self._condition.wait(deadline - time.monotonic())
                    else:
                        self._watch(deadline)
            finally:
                self._waiting -= 1
            return self._count

    def _watch(self, deadline: float) -> None:
        """Ask for everybody who waits, until there is an answer or the deadline comes."""
        seen = self._count
        self._watched = True
        try:
            while self._count == seen:
                if self._ask():
                    self._advance()
                elif (now := time.monotonic()) >= deadline:
                    break
                else:
                    self._condition.wait(min(self._pause(now), deadline - now))
        finally:
            self._watched = False
            self._condition.notify()  # Another takes over.

    def close(self) -> None:
        """Give the connection back to SQLite; the next wait opens another."""
        with self._condition:
            self._drop()

    def before_fork(self) -> None:
        """Close the connection and stand still until `after_fork`."""
        self._condition.acquire()
        self._drop()

    def after_fork(self, *, child: bool) -> None:
        """Go on; in the child nobody waits any more."""
        if child:
            self._waiting = 0
            self._watched = False
            self._condition = threading.Condition()
        else:
            self._condition.release()

    def _ask(self) -> bool:
        """Whether another connection has committed since the last question."""
        if self._connection is None:
            self._connection = self._connect()
            self._version = self._data_version(self._connection)
            return True  # Nobody looked until now.
        try:
            version = self._data_version(self._connection)
        except sqlite3.Error:
            self._drop()
            raise
        changed = version != self._version
        self._version = version
        return changed

    def _advance(self) -> None:
        self._count += 1
        self._changed_at = time.monotonic()
        self._condition.notify_all()

    def _pause(self, now: float) -> float:
        return min(max(_SHORTEST, (now - self._changed_at) * _SHARE), _LONGEST)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @staticmethod
    def _data_version(connection: sqlite3.Connection) -> int:
        version: int = connection.execute("PRAGMA data_version").fetchone()[0]
        return version
