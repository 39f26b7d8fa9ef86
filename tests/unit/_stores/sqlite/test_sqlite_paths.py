"""The file of the embedded store: where, and whose."""

from __future__ import annotations

from pathlib import Path

import pytest

from celery._stores.sqlite.paths import default_path, path_of, prepare_file


def test_the_default_file_is_below_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CELERY_DATA_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    assert default_path() == tmp_path / ".celery" / "celery.sqlite3"


def test_a_variable_moves_the_default_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_DATA_DIR", str(tmp_path / "data"))
    assert default_path() == tmp_path / "data" / "celery.sqlite3"
    for url in (None, "", "sqlite", "sqlite://", "sqlite:///"):
        assert path_of(url) == default_path()


def test_urls_are_relative_or_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert path_of("sqlite:///a/b.db") == tmp_path / "a" / "b.db"
    assert path_of("sqlite:////a/b%20c.db") == Path("/a/b c.db")


@pytest.mark.parametrize("url", ["sqlite://host/file", "sqlite://file.db", "sqlite:///:memory:"])
def test_a_url_that_names_no_file_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"sqlite|SQLite"):
        path_of(url)


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "file.db"
    prepare_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_exists_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    path.touch()
    path.chmod(0o660)
    prepare_file(path)
    assert path.stat().st_mode & 0o777 == 0o660
