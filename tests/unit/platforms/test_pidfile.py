"""One program at a time."""

import os
from pathlib import Path

import pytest

from celery.platforms import EX_CANTCREAT, LockFailed, Pidfile, create_pidlock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.pid"


def test_life_of_a_lock(path: Path) -> None:
    lock = Pidfile(path)
    assert not lock.is_locked()
    assert lock.read_pid() is None

    with lock as held:
        assert held is lock
        assert lock.read_pid() == os.getpid()
        assert path.read_text() == f"{os.getpid()}\n"
        assert path.stat().st_mode & 0o777 == 0o644 & ~_umask()
        with pytest.raises(LockFailed):
            Pidfile(path).acquire()
    assert not path.exists()
    lock.release()  # twice is as good as once


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_directory_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(LockFailed):
        Pidfile(tmp_path / "no" / "x.pid").acquire()


@pytest.mark.parametrize("contents", ["", "123", "junk\n"])
def test_a_broken_file_is_removed(
    path: Path, contents: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_text(contents)
    lock = Pidfile(path)
    with pytest.raises(ValueError, match="pidfile"):
        lock.read_pid()
    assert lock.remove_if_stale()
    assert not path.exists()
    assert "Broken pidfile" in capsys.readouterr().err


@pytest.mark.parametrize("pid", [2**22 + 1, 2**70, pytest.param(os.getpid(), id="our own")])
def test_a_file_of_nobody_is_removed(path: Path, pid: int) -> None:
    path.write_text(f"{pid}\n")
    assert Pidfile(path).remove_if_stale()
    assert not path.exists()


def test_a_lock_held_by_another_process_ends_the_program(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_text(f"{os.getppid()}\n")
    with pytest.raises(SystemExit) as ended:
        create_pidlock(path)
    assert ended.value.code == EX_CANTCREAT
    assert str(os.getppid()) in capsys.readouterr().err
    assert path.exists()


def test_create_pidlock_replaces_a_stale_file(path: Path) -> None:
    path.write_text("junk\n")
    lock = create_pidlock(path)
    assert lock.read_pid() == os.getpid()
    lock.release()
