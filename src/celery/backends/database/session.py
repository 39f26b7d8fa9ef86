"""Engines, sessions and tables of the database backend.

There is one engine, and so one pool of connections, for a URL and its options in a process, however
many backends use it.  A child process makes connections of its own: those that it inherits are
dropped without a word to the server, as the parent still uses them.
"""

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.schema import CreateColumn

from celery.utils.imports import symbol_by_name

__all__ = ("ResultModelBase", "SessionManager")

#: Several processes may make the tables at one moment; all but one fail, and find them made.
PREPARE_ATTEMPTS: Final = 5


class ResultModelBase(DeclarativeBase):
    """Base of the models; ``ResultModelBase.metadata`` has the tables."""


class _Engines:
    """The engines of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engines: dict[tuple[str, str], sa.Engine] = {}
        os.register_at_fork(after_in_child=self._after_fork_in_child)

    def get(
        self, url: str, options: Mapping[str, Any], on_new: Callable[[sa.Engine], None]
    ) -> sa.Engine:
        """Return the engine for `url` with `options`; a new one is given to `on_new`."""
        key = url, repr(sorted(options.items()))
        with self._lock:
            engine = self._engines.get(key)
            if engine is None:
                engine = self._engines[key] = sa.create_engine(url, **options)
                on_new(engine)
            return engine

    def dispose(self, url: str) -> None:
        """Close the connections to `url` that nobody uses at the moment."""
        with self._lock:
            engines = [engine for (known, _), engine in self._engines.items() if known == url]
        for engine in engines:
            engine.dispose()

    def _after_fork_in_child(self) -> None:
        # The lock may have been held by a thread that does not exist here.
        self._lock = threading.Lock()
        for engine in self._engines.values():
            engine.dispose(close=False)


_engines: Final = _Engines()


class SessionManager:
    """Makes sessions, and the tables before the first one.

    Args:
        engine_callback: Called with each new engine, to listen to its events for example; or the
            dotted name of what to call.
        metadata: Has the tables.
    """

    def __init__(
        self,
        engine_callback: Callable[[sa.Engine], Any] | str | None = None,
        metadata: sa.MetaData = ResultModelBase.metadata,
    ) -> None:
        self.engine_callback = engine_callback
        self.metadata = metadata
        self.prepared = False

    def get_engine(self, dburi: str, **kwargs: Any) -> sa.Engine:
        """Return the engine for the URL `dburi`; `kwargs` are options of ``create_engine``."""
        return _engines.get(dburi, kwargs, self._announce)

    def _announce(self, engine: sa.Engine) -> None:
        if self.engine_callback is not None:
            symbol_by_name(self.engine_callback)(engine)

    def create_session(
        self, dburi: str, short_lived_sessions: bool = False, **kwargs: Any
    ) -> tuple[sa.Engine, sessionmaker[Session]]:
        """Return the engine, and what makes sessions of it.

        Args:
            dburi: URL of the database.
            short_lived_sessions: Take a new connection for each session.
            **kwargs: Options of ``create_engine``.
        """
        if short_lived_sessions:
            kwargs = {key: value for key, value in kwargs.items() if not _is_of_pool(key)}
            kwargs["poolclass"] = sa.pool.NullPool
        engine = self.get_engine(dburi, **kwargs)
        return engine, sessionmaker(bind=engine, expire_on_commit=False)

    def session_factory(self, dburi: str, **kwargs: Any) -> Session:
        """Return a session; the tables are there.  Arguments as for :meth:`create_session`."""
        engine, make_session = self.create_session(dburi, **kwargs)
        self.prepare_models(engine)
        return make_session()

    def invalidate(self, dburi: str) -> None:
        """Forget the connections: one of them is broken."""
        _engines.dispose(dburi)

    def prepare_models(self, engine: sa.Engine) -> None:
        """Make the tables, and the columns that tables made by older versions lack."""
        for attempt in range(1, PREPARE_ATTEMPTS + 1):
            if self.prepared:
                return
            try:
                with engine.begin() as connection:
                    self._add_missing_columns(connection)
                    self.metadata.create_all(connection)
            except DatabaseError:
                if attempt == PREPARE_ATTEMPTS:
                    raise
            else:
                self.prepared = True

    def _add_missing_columns(self, connection: sa.Connection) -> None:
        inspector = sa.inspect(connection)
        for table in self.metadata.sorted_tables:
            if not inspector.has_table(table.name, schema=table.schema):
                continue
            present = {found["name"] for found in inspector.get_columns(table.name, table.schema)}
            name = connection.dialect.identifier_preparer.format_table(table)
            for column in table.columns:
                if column.name not in present:
                    definition = CreateColumn(column).compile(dialect=connection.dialect)
                    connection.execute(sa.text(f"ALTER TABLE {name} ADD COLUMN {definition}"))


def _is_of_pool(option: str) -> bool:
    return option.startswith("pool") or option in ("max_overflow", "echo_pool")
