"""Results in a database: SQLite, PostgreSQL, MySQL, or whatever else SQLAlchemy knows."""

import logging
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from kombu.exceptions import DecodeError
from kombu.utils.encoding import ensure_bytes
from sqlalchemy.exc import DatabaseError, IntegrityError, InterfaceError, InvalidRequestError
from sqlalchemy.orm import Session

from celery.backends.base import BaseBackend
from celery.backends.database.models import Task, TaskSet, models_for
from celery.backends.database.session import SessionManager
from celery.exceptions import ImproperlyConfigured
from celery.result.tree import result_from_tuple
from celery.states import PENDING, SUCCESS
from celery.utils.time import maybe_timedelta

__all__ = ("DatabaseBackend",)

logger: Final = logging.getLogger(__name__)

#: Repetitions of a failed operation, unless ``result_backend_max_retries`` is set.
DEFAULT_MAX_RETRIES: Final = 3
#: What pickle writes first, in the protocols that were ever used here.
_PICKLE_MARK: Final = b"\x80"


class DatabaseBackend(BaseBackend):
    """Keeps results in two tables, which are made if they are not there.

    Args:
        dburi: URL of the database, as SQLAlchemy wants it; the setting ``database_url`` if None.
        engine_options: Options of ``create_engine``, over ``database_engine_options``.
        url: As `dburi`, and before it.
        **kwargs: As for the base class; and `short_lived_sessions`.
    """

    subpolling_interval = 0.5

    task_cls: type[Any] = Task
    taskset_cls: type[Any] = TaskSet

    def __init__(
        self,
        dburi: str | None = None,
        engine_options: Mapping[str, Any] | None = None,
        url: str | None = None,
        **kwargs: Any,
    ) -> None:
        short_lived = kwargs.pop("short_lived_sessions", None)
        super().__init__(expires_type=maybe_timedelta, url=url, **kwargs)
        conf = self.app.conf
        self.url = url or dburi or conf.database_url
        if not self.url:
            raise ImproperlyConfigured(
                "Missing connection string! Do you have the database_url setting set to a real "
                "value, or a result_backend of the form db+sqlite:///results.db?"
            )
        self.engine_options: dict[str, Any] = {
            **(conf.database_engine_options or {}),
            **(engine_options or {}),
        }
        self.short_lived_sessions: bool = (
            conf.database_short_lived_sessions if short_lived is None else short_lived
        )
        # A database goes away now and then, and coming back costs little.
        self.always_retry = self._own_default("result_backend_always_retry", True)
        self.max_retries = self._own_default("result_backend_max_retries", DEFAULT_MAX_RETRIES)
        metadata = self._choose_models()
        self.session_manager = SessionManager(conf.database_engine_callback, metadata)
        if conf.database_create_tables_at_setup:
            self._create_tables()

    def __reduce__(self, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        own = {"dburi": self.url, "expires": self.expires, "engine_options": self.engine_options}
        return super().__reduce__(args, {**own, **(kwargs or {})})

    def _own_default(self, setting: str, default: Any) -> Any:
        conf = self.app.conf
        return conf[setting] if conf.value_set_for(setting) else default

    def _choose_models(self) -> sa.MetaData:
        """Set the classes of the rows, and return their tables."""
        conf = self.app.conf
        names, schemas = conf.database_table_names or {}, conf.database_table_schemas or {}
        models = models_for(
            names.get("task"), names.get("group"), schemas.get("task"), schemas.get("group")
        )
        if self.task_cls is Task:
            self.task_cls = models.task_extended if self.extended_result else models.task
        if self.taskset_cls is TaskSet:
            self.taskset_cls = models.group
        metadata: sa.MetaData = self.task_cls.metadata
        return metadata

    @property
    def extended_result(self) -> bool:
        """Whether what a task was called with is kept."""
        return bool(self.app.conf.result_extended)

    # -- errors that pass

    def exception_safe_to_retry(self, exc: Exception) -> bool:
        """Return whether `exc` comes from the database: each operation here can be repeated."""
        return isinstance(exc, DatabaseError | InterfaceError | InvalidRequestError)

    def on_backend_retryable_error(self, exc: Exception) -> None:
        """Drop the connections: one of them may be broken."""
        self.session_manager.invalidate(self.url or "")

    # -- sessions

    def ResultSession(self, session_manager: SessionManager | None = None) -> Session:
        """Return a session of SQLAlchemy; the tables are there."""
        return (session_manager or self.session_manager).session_factory(
            dburi=self.url or "",
            short_lived_sessions=self.short_lived_sessions,
            **self.engine_options,
        )

    def _create_tables(self) -> None:
        self._ensure_retryable(self.ResultSession).close()

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with self.ResultSession() as session, session.begin():
            yield session

    # -- tasks

    def _store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: Any = None,
        request: Any = None,
        **kwargs: Any,
    ) -> None:
        table = self.task_cls
        row = self._row_of_task(result, state, traceback, request)
        with self._transaction() as session:
            # A task may have been delivered twice: what its first run has returned is final.
            _write(session, table, table.task_id, task_id, row, table.status != SUCCESS)

    def _row_of_task(self, result: Any, state: str, traceback: Any, request: Any) -> dict[str, Any]:
        meta = self._get_result_meta(
            result, state, traceback, request, format_date=False, encode=True
        )
        children, date_done = meta["children"], meta["date_done"]
        row = {
            "status": state,
            "result": ensure_bytes(self.encode(result)),
            "traceback": traceback,
            "children": ensure_bytes(self.encode(children)) if children else None,
            "date_done": _naive_utc(date_done) if date_done else None,
        }
        if self.extended_result:
            row.update({key: meta.get(key) for key in ("name", "worker", "retries", "queue")})
            # With a request, what is None is encoded, too.
            row.update({key: ensure_bytes(meta.get(key)) for key in ("args", "kwargs")})
            stamped = meta.get("stamped_headers")
            stamps = {"stamped_headers": stamped, "stamps": getattr(request, "stamps", None)}
            row["stamps"] = ensure_bytes(self.encode(stamps)) if stamped else None
        return row

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        with self._transaction() as session:
            found = session.scalars(
                sa.select(self.task_cls).where(self.task_cls.task_id == task_id)
            ).one_or_none()
        if found is None:
            found = self.task_cls(task_id)
            found.status = PENDING
        meta: dict[str, Any] = found.to_dict()
        for field in ("result", "children", "args", "kwargs"):
            if meta.get(field) is not None:
                meta[field] = self._decode_stored_result(meta[field])
        stamps = meta.pop("stamps", None)
        if stamps is not None:
            decoded = self._decode_stored_result(stamps)
            meta["stamped_headers"] = decoded["stamped_headers"]
            meta.update(decoded["stamps"])
        return self.meta_from_decoded(meta)

    def _decode_stored_result(self, payload: bytes) -> Any:
        """Return what is in a column.

        Older versions have written pickles whatever the serializer.  Whoever can write to the
        database can put one there, as before.
        """
        try:
            return self.decode(payload)
        except DecodeError:
            if not bytes(payload).startswith(_PICKLE_MARK):
                raise
            logger.warning(
                "A result in the database is not in the format of result_serializer: "
                "read as a pickle of an older version."
            )
            return pickle.loads(payload)

    def task_result_exists(self, task_id: str) -> bool:
        """Return whether anything is stored about the task."""
        return self._ensure_retryable(self._task_result_exists, task_id)

    def _task_result_exists(self, task_id: str) -> bool:
        with self._transaction() as session:
            query = sa.select(self.task_cls.id).where(self.task_cls.task_id == task_id)
            return session.scalar(query) is not None

    def _forget(self, task_id: str) -> None:
        with self._transaction() as session:
            session.execute(sa.delete(self.task_cls).where(self.task_cls.task_id == task_id))

    # -- groups

    def save_group(self, group_id: str, result: Any) -> Any:
        """Store which results the group `result` consists of, and return it."""
        return self._ensure_retryable(self._save_group, group_id, result)

    def _save_group(self, group_id: str, result: Any) -> Any:
        table = self.taskset_cls
        row = {
            "result": ensure_bytes(self.encode(result.as_tuple())),
            "date_done": _naive_utc(datetime.now(UTC)),
        }
        with self._transaction() as session:
            _write(session, table, table.taskset_id, group_id, row)
        return result

    def _restore_group(self, group_id: str) -> Any:
        with self._transaction() as session:
            found = session.scalars(
                sa.select(self.taskset_cls).where(self.taskset_cls.taskset_id == group_id)
            ).one_or_none()
        if found is None:
            return None
        meta: dict[str, Any] = found.to_dict()
        meta["result"] = result_from_tuple(self._decode_stored_result(meta["result"]), self.app)
        return meta

    def _delete_group(self, group_id: str) -> None:
        with self._transaction() as session:
            session.execute(
                sa.delete(self.taskset_cls).where(self.taskset_cls.taskset_id == group_id)
            )

    # -- what has expired

    def cleanup(self) -> None:
        """Remove what was last written longer ago than :attr:`expires`."""
        if self.expires:
            self._ensure_retryable(self._cleanup)

    def _cleanup(self) -> None:
        oldest = _naive_utc(datetime.now(UTC) - self.expires)
        with self._transaction() as session:
            for table in (self.task_cls, self.taskset_cls):
                session.execute(sa.delete(table).where(table.date_done < oldest))


def _naive_utc(moment: datetime) -> datetime:
    """Return `moment` as it is kept: in UTC, without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _write(
    session: Session,
    table: Any,
    key_column: Any,
    key: str,
    row: Mapping[str, Any],
    condition: Any = None,
) -> None:
    """Change the row of `key`, or make one.

    Safe against others who write the same row at the same moment, without locking it before.

    Args:
        session: In a transaction.
        table: Class of the rows.
        key_column: Column with the key; unique.
        key: Value of that column.
        row: The other columns.
        condition: If the row is there and does not fulfil this, it stays as it is.
    """
    change = sa.update(table).where(key_column == key).values(row)
    if condition is not None:
        change = change.where(condition)
    change = change.execution_options(synchronize_session=False)
    if session.execute(change).rowcount:  # type: ignore[attr-defined]  # of a change it has one
        return
    try:
        with session.begin_nested():
            session.execute(sa.insert(table).values({key_column.key: key, **row}))
    except IntegrityError:
        # There is a row: made just now by another, or one that must stay as it is.
        session.execute(change)
