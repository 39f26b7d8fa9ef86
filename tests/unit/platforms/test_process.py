"""Titles, open files, errors by number."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from celery.platforms import (
    fd_by_path,
    get_errno_name,
    ignore_errno,
    isatty,
    process,
    set_mp_process_title,
    set_process_title,
    strargv,
)


def test_titles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOSETPS", raising=False)
    assert set_process_title("celery worker", info="-Q mail") == "[celery worker] -Q mail"
    assert set_process_title("celery") == "[celery]"
    assert set_mp_process_title("celery", "-Q mail", "w1@host.example") == (
        "[celery: w1@host:MainProcess] -Q mail"
    )

    monkeypatch.setenv("NOSETPS", "1")
    assert set_mp_process_title("celery") is None


def test_the_title_is_set_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    titles: list[str] = []

    class Library:
        setproctitle = staticmethod(titles.append)

    monkeypatch.setattr(process, "setproctitle", Library)
    set_process_title("celery")
    assert titles == ["[celery]"]


def test_strargv() -> None:
    assert strargv(["celery", "worker", "-l", "INFO"]) == "worker -l INFO"
    assert strargv(["celery"]) == ""


def test_close_open_fds_keeps_what_is_asked_for() -> None:
    code = """
import os
from celery.platforms import close_open_fds
kept, lost = os.open(os.devnull, os.O_RDONLY), os.open(os.devnull, os.O_RDONLY)
with open(os.devnull) as file:
    close_open_fds([0, 1, 2, kept, file, None])
    def is_open(fd):
        try:
            os.fstat(fd)
        except OSError:
            return False
        return True
    print(is_open(kept), is_open(lost), is_open(file.fileno()))
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["True", "False", "True"]


def test_fd_by_path(tmp_path: Path) -> None:
    with open(tmp_path / "x", "w") as file:
        assert fd_by_path([str(tmp_path / "x"), "/no/such/file"]) == [file.fileno()]


def test_isatty() -> None:
    closed = io.StringIO()
    closed.close()
    assert not isatty(io.StringIO())
    assert not isatty(closed)
    assert not isatty(3)


def test_ignore_errno() -> None:
    with ignore_errno("ENOENT"):
        os.unlink("/no/such/file")
    with ignore_errno(errno.ENOENT, types=(OSError,)):
        os.unlink("/no/such/file")
    with pytest.raises(FileNotFoundError), ignore_errno("EPERM"):
        os.unlink("/no/such/file")
    with pytest.raises(ValueError), ignore_errno("EPERM"):
        raise ValueError
    assert get_errno_name("ENOENT") == get_errno_name(errno.ENOENT) == errno.ENOENT
