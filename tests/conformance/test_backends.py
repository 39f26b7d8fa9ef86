"""The result stores pass the suite."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from celery.backends.cache import CacheBackend
from celery.backends.database import DatabaseBackend
from celery.backends.filesystem import FilesystemBackend
from celery.backends.redis import RedisBackend
from celery.backends.sqlite import SQLiteBackend
from celery.contrib.testing.conformance._backend_kit import eventually
from celery.contrib.testing.conformance.backend import BackendConformance, BackendOpener

#: Where the servers are: ``(environment variable, default)``.  A server at the default place may be
#: missing; one that the environment names must be there.


class TestMemory(BackendConformance):
    @pytest.fixture
    def open_backend(self, app: Any) -> BackendOpener:
        return partial(CacheBackend, app=app, url="memory://")


@pytest.fixture(scope="module")
def memcached() -> Iterator[str]:
    program = shutil.which("memcached")
    if program is None:
        pytest.skip("memcached is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([program, "-l", "127.0.0.1", "-p", str(port), *user])

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(listens)
        yield f"memcached://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait()


class TestMemcached(BackendConformance):
    @pytest.fixture
    def open_backend(self, app: Any, memcached: str) -> BackendOpener:
        return partial(CacheBackend, app=app, url=memcached)


class TestFilesystem(BackendConformance):
    counts_chords = False

    @pytest.fixture
    def open_backend(self, app: Any, tmp_path: Path) -> BackendOpener:
        return partial(FilesystemBackend, app=app, url=f"file://{tmp_path}")


class TestEmbedded(BackendConformance):
    @pytest.fixture
    def open_backend(self, app: Any, tmp_path: Path) -> BackendOpener:
        return partial(SQLiteBackend, app=app, url=f"sqlite:///{tmp_path}/celery.sqlite3")


@pytest.mark.redis
class TestRedis(BackendConformance):
    @pytest.fixture
    def open_backend(self, app: Any, redis_server: str) -> Iterator[BackendOpener]:
        prefix = f"conformance-{uuid4().hex}:"
        app.conf.result_backend_transport_options = {"global_keyprefix": prefix}
        yield partial(RedisBackend, app=app, url=f"{redis_server}/0")
        client = RedisBackend(app=app, url=f"{redis_server}/0").client
        for key in client.scan_iter(f"{prefix}*"):
            client.delete(key)


class DatabaseConformance(BackendConformance):
    counts_chords = False

    @pytest.fixture
    def database(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def open_backend(self, app: Any, database: str) -> Iterator[BackendOpener]:
        # Tables of our own: others may use the database.
        suffix = uuid4().hex[:8]
        app.conf.database_table_names = {"task": f"task_{suffix}", "group": f"group_{suffix}"}
        opened: list[DatabaseBackend] = []

        def opener() -> DatabaseBackend:
            opened.append(DatabaseBackend(app=app, url=database))
            return opened[-1]

        yield opener
        engine = sa.create_engine(database)
        if opened:
            opened[0].task_cls.metadata.drop_all(engine)
            opened[0].session_manager.invalidate(database)
        engine.dispose()


class TestDatabaseOnSQLite(DatabaseConformance):
    @pytest.fixture
    def database(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/results.db"


@pytest.mark.sql
class TestDatabaseOnPostgreSQL(DatabaseConformance):
    @pytest.fixture
    def database(self, postgres_server: str) -> str:
        return postgres_server


@pytest.mark.sql
class TestDatabaseOnMariaDB(DatabaseConformance):
    @pytest.fixture
    def database(self, mariadb_server: str) -> str:
        return mariadb_server
