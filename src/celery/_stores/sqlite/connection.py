"""One embedded database of this process: its connections, transactions, and their care at a fork.

SQLite allows many readers and one writer at a time. Readers never wait; writers take turns, first
among the threads of this process (a lock), then among processes (SQLite's own, `busy_timeout`).

What survives what: a killed process loses nothing that was committed, whatever the moment. With
``synchronous="NORMAL"`` a power cut or a crash of the machine may take back the last commits, and
never damages the file; with ``"FULL"`` it takes back nothing, and each commit waits for the disk.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from celery._stores.sqlite.changes import Changes
from celery._stores.sqlite.paths import prepare_file
from celery._stores.sqlite.schema import upgrade

__all__ = ["Database", "open_database"]

_SYNCHRONOUS = frozenset({"OFF", "NORMAL", "FULL", "EXTRA"})


class Database:
    """A file and this process's connections to it. Thread-safe, and usable after a fork.

    A thread borrows a connection for one transaction and gives it back: there are as many
    connections as threads were ever inside at once. None crosses a fork: SQLite's bookkeeping of
    file locks is per process and would be wrong in the child, so that a process that closes the
    file could delete the log under the other. Before a fork the transactions that run are waited
    for and all connections are closed; parent and child open their own when they need one.

    Args:
        path: the file; made if it does not exist, see `celery._stores.sqlite.paths`.
        synchronous: SQLite's setting of that name: OFF, NORMAL, FULL or EXTRA.
        busy_timeout: seconds to wait for other processes' transactions before
            `sqlite3.OperationalError` ("database is locked").
    """

    def __init__(
        self, path: Path, *, synchronous: str = "NORMAL", busy_timeout: float = 30.0
    ) -> None:
        if synchronous.upper() not in _SYNCHRONOUS:
            raise ValueError(f"synchronous must be one of {sorted(_SYNCHRONOUS)}: {synchronous!r}")
        self.path = path
        self.synchronous = synchronous.upper()
        self.busy_timeout = busy_timeout
        self._connect = partial(_connect, path, self.synchronous, busy_timeout)
        self.changes = Changes(self._connect)
        self._idle: list[sqlite3.Connection] = []
        self._reset_locks()
        weakref.finalize(self, _release, self._idle, self.changes)
        _databases.add(self)

    def _reset_locks(self) -> None:
        self._guard = threading.Condition()
        self._writer = threading.RLock()
        self._borrowed: Counter[int] = Counter()
        self._forking = False

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for statements that only read; each sees what is committed when it runs.

        Raises:
            sqlite3.OperationalError: the file cannot be opened or read now.
        """
        connection = self._borrow()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        else:
            self._idle.append(connection)
        finally:
            self._give_back()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that alone may write: committed at the end, undone on any exception.

        Raises:
            sqlite3.OperationalError: the file cannot be written now; nothing was changed.
        """
        with self._writer, self.read() as connection:
            # On an exception `read` closes the connection, which takes the transaction back.
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connections that nobody uses now. The next use opens new ones."""
        with self._guard:
            _release(self._idle, self.changes)

    def _borrow(self) -> sqlite3.Connection:
        me = threading.get_ident()
        with self._guard:
            # Who is inside already must be let in: the fork waits for it to come out.
            while self._forking and me not in self._borrowed:
                self._guard.wait()
            self._borrowed[me] += 1
            if self._idle:
                return self._idle.pop()
        try:
            return self._connect()
        except BaseException:
            self._give_back()
            raise

    def _give_back(self) -> None:
        me = threading.get_ident()
        with self._guard:
            self._borrowed[me] -= 1
            if not self._borrowed[me]:
                del self._borrowed[me]
            if self._forking:
                self._guard.notify_all()

    # -- the fork -----------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Close every connection, and let nobody open one until `after_fork`."""
        self._guard.acquire()
        self._forking = True
        # A fork in the middle of one's own transaction would wait for itself: it is left out.
        mine = 1 if threading.get_ident() in self._borrowed else 0
        self._guard.wait_for(lambda: len(self._borrowed) <= mine, timeout=self.busy_timeout)
        _release(self._idle, self.changes)
        self.changes.before_fork()

    def after_fork(self, *, child: bool) -> None:
        """Go on; in the child with new locks, for the threads that held the old ones are gone."""
        self.changes.after_fork(child=child)
        if child:
            self._reset_locks()
        else:
            self._forking = False
            self._guard.notify_all()
            self._guard.release()


def open_database(
    path: Path, *, synchronous: str = "NORMAL", busy_timeout: float = 30.0
) -> Database:
    """The database of that file in this process: broker and result backend share it.

    Sharing lets a publisher wake those of its own process who wait, without their asking the file.
    """
    wanted = (synchronous.upper(), busy_timeout)
    with _opening:
        for database in _databases:
            if database.path == path and (database.synchronous, database.busy_timeout) == wanted:
                return database
        return Database(path, synchronous=synchronous, busy_timeout=busy_timeout)


def _connect(path: Path, synchronous: str, busy_timeout: float) -> sqlite3.Connection:
    """A new connection to the file, which is made or brought up to date if need be."""
    prepare_file(path)
    connection = None
    try:
        connection = sqlite3.connect(
            path, timeout=busy_timeout, isolation_level=None, check_same_thread=False
        )
        _enter_wal(connection, busy_timeout)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        upgrade(connection)
    except BaseException as exc:
        if connection is not None:
            connection.close()
        if isinstance(exc, sqlite3.Error):
            raise type(exc)(f"{path}: {exc}") from exc
        raise
    return connection


def _enter_wal(connection: sqlite3.Connection, patience: float) -> None:
    """Set write-ahead logging, which lets readers and a writer work at once.

    The switch needs the file for itself and does not wait for it, hence the loop: several
    processes may open a new file at the same moment. Later openers find it done.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def _release(connections: list[sqlite3.Connection], changes: Changes) -> None:
    while connections:
        connections.pop().close()
    changes.close()


#: Every database that is in use, for the care at a fork and for sharing.
_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_opening = threading.RLock()
_at_fork: list[Database] = []


def _before_fork() -> None:
    _opening.acquire()
    _at_fork.extend(_databases)
    for database in _at_fork:
        database.before_fork()


def _after_fork_in_parent() -> None:
    while _at_fork:
        _at_fork.pop().after_fork(child=False)
    _opening.release()


def _after_fork_in_child() -> None:
    while _at_fork:
        _at_fork.pop().after_fork(child=True)
    _opening.release()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
