"""Results as files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from celery.app.base import Celery
from celery.backends.filesystem import FilesystemBackend
from celery.exceptions import ImproperlyConfigured


@pytest.fixture
def backend(app: Celery, tmp_path: Path) -> FilesystemBackend:
    return FilesystemBackend(app=app, url=f"file://{tmp_path}")


def test_file_is_named_as_the_key(backend: FilesystemBackend, tmp_path: Path) -> None:
    backend.store_result("x", 1, "SUCCESS")
    assert [path.name for path in tmp_path.iterdir()] == ["celery-task-meta-x"]
    assert '"result": 1' in (tmp_path / "celery-task-meta-x").read_text()


def test_id_cannot_leave_the_directory(backend: FilesystemBackend, tmp_path: Path) -> None:
    backend.store_result("/../../x", 1, "SUCCESS")
    assert backend.get_result("/../../x") == 1
    assert len(list(tmp_path.iterdir())) == 1
    assert not (tmp_path.parent / "x").exists()


def test_unfinished_file_is_removed(app: Celery, tmp_path: Path) -> None:
    @contextmanager
    def full(path: Any, mode: str) -> Iterator[Any]:
        with open(path, mode):
            raise OSError(28, "No space left on device")
            yield

    backend = FilesystemBackend(app=app, url=f"file://{tmp_path}")
    backend.open = full
    with pytest.raises(OSError, match="No space"):
        backend.set(b"k", b"v")
    assert list(tmp_path.iterdir()) == []


def test_cleanup_removes_what_is_old_and_ours(app: Celery, tmp_path: Path) -> None:
    backend = FilesystemBackend(app=app, url=f"file://{tmp_path}", expires=100)
    for task_id in ("new", "old"):
        backend.store_result(task_id, 1, "SUCCESS")
    (tmp_path / "other").touch()
    for name in ("celery-task-meta-old", "other"):
        os.utime(tmp_path / name, (1, 1))
    backend.cleanup()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["celery-task-meta-new", "other"]


@pytest.mark.parametrize("url", [None, "", "/tmp", "file:", "ftp:///tmp"])
def test_no_directory(app: Celery, url: str | None) -> None:
    with pytest.raises(ImproperlyConfigured):
        FilesystemBackend(app=app, url=url)


def test_directory_must_exist(app: Celery, tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="must exist"):
        FilesystemBackend(app=app, url=f"file://{tmp_path}/none")


def test_host_of_the_url(app: Celery, tmp_path: Path) -> None:
    backend = FilesystemBackend(app=app, url=f"file://localhost{tmp_path}")
    assert backend.path == bytes(tmp_path)
