"""Leaving the terminal, in a process of its own."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from celery.platforms import DaemonContext, detached

DAEMON = """
import os, sys
from celery.platforms import detached, create_pidlock
folder = sys.argv[1]
with detached(logfile=f"{folder}/log", pidfile=f"{folder}/pid", umask="027", workdir=folder):
    lock = create_pidlock(f"{folder}/pid")
    print("not seen by anybody")
    with open("told.part", "w") as file:
        file.write(f"{os.getpid()} {os.getsid(0)} {os.getcwd()} {os.isatty(0)}")
    os.rename("told.part", "told")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no daemons there")
def test_a_daemon(tmp_path: Path) -> None:
    program = subprocess.run(
        [sys.executable, "-c", DAEMON, str(tmp_path)], capture_output=True, text=True, check=True
    )
    told, deadline = tmp_path / "told", time.monotonic() + 20
    while not told.exists():
        assert time.monotonic() < deadline, program.stderr
        os.sched_yield()
    pid, session, folder, terminal = told.read_text().split()

    assert program.stdout == ""
    assert pid != session  # not the leader: it cannot get a terminal
    assert int(session) != os.getsid(0)
    assert Path(folder) == tmp_path
    assert terminal == "False"
    assert told.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "log").exists()


def test_fake_stays_in_the_foreground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    changed: list[str] = []
    context = DaemonContext(
        fake=True, workdir="sub", after_chdir=lambda: changed.append(os.getcwd())
    )
    pid = os.getpid()
    with context:
        context.open()  # once is enough
        assert os.getpid() == pid
        print("still seen")
    assert changed == [str(tmp_path / "sub")]


def test_an_unwritable_log_is_an_error_before_the_terminal_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = os.umask(0o022)
    os.umask(before)
    try:
        with pytest.raises(FileNotFoundError):
            detached(logfile=str(tmp_path / "no" / "log"), fake=True).open()
    finally:
        os.umask(before)


@pytest.mark.parametrize(("given", "umask"), [("022", 18), ("22", 22), (18, 18), (None, None)])
def test_umask(given: int | str | None, umask: int | None) -> None:
    assert DaemonContext(umask=given).umask == umask
