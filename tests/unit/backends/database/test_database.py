"""Results in a database: schema, rows, old rows, broken and forked connections."""

from __future__ import annotations

import os
import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from celery._message.context import Context
from celery.app.base import Celery
from celery.backends.database import DatabaseBackend
from celery.backends.database.models import Task, TaskExtended, TaskSet
from celery.backends.database.session import ResultModelBase, SessionManager, _engines
from celery.exceptions import BackendGetMetaError, ImproperlyConfigured

TASK_COLUMNS = {
    *("id", "task_id", "status", "result", "date_done", "traceback", "children"),
    *("name", "args", "kwargs", "worker", "retries", "queue", "stamps"),
}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    url = f"sqlite:///{tmp_path}/results.db"
    yield url
    _engines.dispose(url)


@pytest.fixture
def backend(app: Celery, url: str) -> DatabaseBackend:
    app.backend = DatabaseBackend(app=app, url=url)
    return app.backend


def rows(url: str, query: str = "select * from celery_taskmeta") -> list[dict[str, Any]]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute(query)]
        connection.commit()
    return found


def test_schema() -> None:
    tables = ResultModelBase.metadata.tables
    assert set(tables) == {"celery_taskmeta", "celery_tasksetmeta"}
    assert {c.name for c in tables["celery_taskmeta"].columns} == TASK_COLUMNS
    assert Task.__table__ is TaskExtended.__table__
    assert {c.name for c in TaskSet.__table__.columns} == {
        *("id", "taskset_id", "result", "date_done")
    }


def test_row_of_a_result(backend: DatabaseBackend, url: str) -> None:
    backend.mark_as_done("id", {"x": 1})
    [row] = rows(url)
    assert (row["task_id"], row["status"], row["result"]) == ("id", "SUCCESS", b'{"x": 1}')
    # In UTC, without saying so.
    assert "+" not in row["date_done"]
    meta = backend.get_task_meta("id")
    assert list(meta) == ["task_id", "status", "result", "traceback", "date_done", "children"]
    assert meta["date_done"].tzinfo is None


def test_unknown_task_makes_no_row(backend: DatabaseBackend, url: str) -> None:
    assert backend.get_state("id") == "PENDING"
    assert rows(url) == []


def test_row_of_an_extended_result(app: Celery, url: str) -> None:
    app.conf.result_extended = True
    backend = DatabaseBackend(app=app, url=url)
    request = Context(
        id="id",
        task="proj.add",
        args=(1, 2),
        kwargs=None,
        stamped_headers=["s"],
        stamps={"s": "v"},
        delivery_info={"routing_key": "q"},
    )
    backend.mark_as_done("id", 5, request=request)
    backend.mark_as_done("no request", 5)
    first, second = rows(url)
    assert (first["name"], first["args"], first["kwargs"]) == ("proj.add", b"[1, 2]", b"null")
    assert first["stamps"] == b'{"stamped_headers": ["s"], "stamps": {"s": "v"}}'
    assert (second["name"], second["args"], second["stamps"]) == (None, None, None)
    meta = backend.get_task_meta("id")
    assert (meta["stamped_headers"], meta["s"], meta["args"]) == (["s"], "v", [1, 2])


def test_rows_of_older_versions_are_pickles(
    backend: DatabaseBackend, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    backend.mark_as_done("id", 1)
    data = pickle.dumps({"old": 1}).hex()
    rows(url, f"update celery_taskmeta set result = x'{data}'")
    assert backend.get_task_meta("id")["result"] == {"old": 1}
    assert "pickle" in caplog.text


def test_tables_of_older_versions_get_the_new_columns(app: Celery, url: str) -> None:
    rows(
        url,
        "create table celery_taskmeta (id integer primary key, task_id varchar(155) unique,"
        " status varchar(50), result blob, date_done datetime, traceback text)",
    )
    rows(url, "insert into celery_taskmeta (task_id, status, result) values ('a', 'SUCCESS', '1')")
    backend = DatabaseBackend(app=app, url=url)
    backend.mark_as_done("b", 2)
    assert set(rows(url)[0]) == TASK_COLUMNS
    assert (backend.get_result("a"), backend.get_result("b")) == (1, 2)


def test_names_of_the_tables(app: Celery, url: str) -> None:
    app.conf.database_table_names = {"task": "tasks", "group": "groups"}
    backend = DatabaseBackend(app=app, url=url)
    backend.mark_as_done("id", 1)
    assert len(rows(url, "select * from tasks")) == 1
    assert rows(url, "select * from groups") == []
    assert DatabaseBackend.task_cls is Task


def test_tables_are_made_when_needed_if_not_at_setup(app: Celery, url: str) -> None:
    app.conf.database_create_tables_at_setup = False
    backend = DatabaseBackend(app=app, url=url)
    assert rows(url, "select name from sqlite_master") == []
    backend.mark_as_done("id", 1)
    assert len(rows(url)) == 1


def test_cleanup(app: Celery, backend: DatabaseBackend, url: str) -> None:
    for task_id in ("new", "old"):
        backend.mark_as_done(task_id, 1)
    backend.mark_as_started("running")
    app.GroupResult("gid", []).save()
    rows(url, "update celery_taskmeta set date_done='2001-01-01' where task_id='old'")
    rows(url, "update celery_tasksetmeta set date_done='2001-01-01'")
    backend.cleanup()
    assert {row["task_id"] for row in rows(url)} == {"new", "running"}
    assert rows(url, "select * from celery_tasksetmeta") == []
    assert backend.expires == timedelta(days=1)


def test_retries_on_by_default(app: Celery, url: str) -> None:
    backend = DatabaseBackend(app=app, url=url)
    assert (backend.always_retry, backend.max_retries) == (True, 3)
    app.conf.update(result_backend_always_retry=False, result_backend_max_retries=7)
    backend = DatabaseBackend(app=app, url=url)
    assert (backend.always_retry, backend.max_retries) == (False, 7)


def test_database_that_is_not_there(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    app.conf.database_create_tables_at_setup = False
    backend = DatabaseBackend(app=app, url="sqlite:////nonexistent/results.db")
    pauses: list[float] = []
    monkeypatch.setattr(backend, "_sleep", pauses.append)
    with pytest.raises(BackendGetMetaError):
        backend.get_task_meta("id")
    assert len(pauses) == 3


def test_url_is_needed(app: Celery) -> None:
    with pytest.raises(ImproperlyConfigured, match="database_url"):
        DatabaseBackend(app=app)
    app.conf.database_url = "sqlite://"
    assert DatabaseBackend(app=app).url == "sqlite://"


def test_engine_callback(app: Celery, url: str) -> None:
    engines: list[sa.Engine] = []
    app.conf.update(
        database_engine_callback=engines.append, database_engine_options={"echo": False}
    )
    DatabaseBackend(app=app, url=url)
    assert [str(engine.url) for engine in engines] == [url]


def test_backends_share_an_engine(app: Celery, url: str) -> None:
    first, second = (DatabaseBackend(app=app, url=url) for _ in range(2))
    with first.ResultSession() as one, second.ResultSession() as other:
        assert one.bind is other.bind


def test_short_lived_sessions(app: Celery, url: str) -> None:
    app.conf.database_short_lived_sessions = True
    backend = DatabaseBackend(app=app, url=url)
    with backend.ResultSession() as session:
        assert isinstance(session.get_bind().pool, sa.pool.NullPool)  # type: ignore[union-attr]


def test_child_does_not_use_the_parents_connections(backend: DatabaseBackend, url: str) -> None:
    backend.mark_as_done("parent", 1)
    pool = SessionManager().get_engine(url, **backend.engine_options).pool
    assert pool.checkedin() == 1  # type: ignore[attr-defined]
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            fresh = SessionManager().get_engine(url, **backend.engine_options).pool
            unused = fresh.checkedin() == 0  # type: ignore[attr-defined]
            backend.mark_as_done("child", 1)
            code = 0 if unused else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert backend.get_result("child") == 1
    assert backend.get_result("parent") == 1
