"""The beat program: banner, signal handlers, what it leaves behind."""

from __future__ import annotations

import io
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from celery import Celery
from celery._version import __version__
from celery.apps.beat import Beat
from celery.beat import PersistentScheduler, Scheduler, Service
from celery.contrib.testing.app import TestApp
from celery.platforms import EX_CANTCREAT
from celery.platforms import signals as handlers

Tick = Callable[[Scheduler], float]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Celery]:
    app = TestApp("program", broker="memory://beat-program")
    app.conf.beat_schedule_filename = str(tmp_path / "schedule")
    yield app
    app.close()


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What people see of the program."""
    monkeypatch.setattr(sys, "__stdout__", io.StringIO())
    return sys.__stdout__  # type: ignore[return-value]  # just set


@pytest.fixture
def beat(app: Celery, monkeypatch: pytest.MonkeyPatch, printed: io.StringIO) -> Callable[..., Beat]:
    """Beat whose scheduler does something at its first tick."""
    monkeypatch.setattr("celery.apps.beat.set_process_title", lambda *args, **kwargs: None)

    def make(tick: Tick, **options: Any) -> Beat:
        class Own(PersistentScheduler):
            def tick(self) -> float:
                return tick(self)

        class Program(Beat):
            pass

        return Program(app=app, scheduler=Own, **options)

    return make


def stop(scheduler: Scheduler) -> float:
    raise SystemExit


def interrupt(scheduler: Scheduler) -> float:
    os.kill(os.getpid(), signal.SIGTERM)
    return 3600.0


def test_banner(beat: Callable[..., Beat], printed: io.StringIO, tmp_path: Path) -> None:
    beat(stop, max_interval=90, loglevel="INFO", remote_control=True, hostname="b@h").run()
    lines = printed.getvalue().splitlines()
    assert lines[:2] == [
        f"celery beat v{__version__} is starting.",
        "__    -    ... __   -        _",
    ]
    assert lines[2].startswith("LocalTime -> 20")
    assert lines[3] == "Configuration ->"
    assert [line for line in lines[4:] if "scheduler" not in line and "loader" not in line] == [
        "    . broker -> memory://beat-program",
        f"    . db -> {tmp_path / 'schedule'}",
        "    . logfile -> [stderr]@%INFO",
        "    . maxinterval -> 1.50 minutes (90s)",
        "    . remote control -> b@h",
        "",
    ]
    assert f"    . scheduler -> {__name__}.beat.<locals>.make.<locals>.Own" in lines


def test_quiet(beat: Callable[..., Beat], printed: io.StringIO) -> None:
    beat(stop, quiet=True).run()
    assert printed.getvalue() == ""


def test_sigterm_ends_it_after_the_tick(beat: Callable[..., Beat]) -> None:
    ticked: list[Scheduler] = []

    def tick(scheduler: Scheduler) -> float:
        seconds = interrupt(scheduler)
        ticked.append(scheduler)
        return seconds

    beat(tick, quiet=True).run()
    assert len(ticked) == 1


def test_a_second_signal_ends_it_at_once(beat: Callable[..., Beat]) -> None:
    def tick(scheduler: Scheduler) -> float:
        interrupt(scheduler)
        interrupt(scheduler)
        raise AssertionError("not reached")

    beat(tick, quiet=True).run()


def test_the_process_is_as_before(beat: Callable[..., Beat]) -> None:
    before = (handlers["TERM"], handlers["INT"], sys.stdout, sys.stderr, socket.getdefaulttimeout())
    within: list[Any] = []

    def tick(scheduler: Scheduler) -> float:
        within.append((handlers["TERM"], socket.getdefaulttimeout()))
        raise SystemExit

    beat(tick, quiet=True, redirect_stdouts=True).run()
    assert within[0][0] is not before[0]
    assert within[0][1] == 30
    after = (handlers["TERM"], handlers["INT"], sys.stdout, sys.stderr, socket.getdefaulttimeout())
    assert after == before


def test_what_ends_it_is_logged_and_raised(
    beat: Callable[..., Beat], caplog: pytest.LogCaptureFixture
) -> None:
    def tick(scheduler: Scheduler) -> float:
        raise KeyError("x")

    with pytest.raises(KeyError):
        beat(tick, quiet=True).run()
    assert caplog.messages[-1] == "beat raised exception <class 'KeyError'>: KeyError('x')"


def test_one_at_a_time_with_a_pidfile(
    beat: Callable[..., Beat], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pidfile = tmp_path / "beat.pid"
    pidfile.write_text(f"{os.getppid()}\n")
    with pytest.raises(SystemExit) as info:
        beat(stop, quiet=True, pidfile=str(pidfile)).run()
    assert info.value.code == EX_CANTCREAT
    assert "already exists" in capsys.readouterr().err


def test_options_reach_the_service(app: Celery) -> None:
    made: list[dict[str, Any]] = []

    class Recording(Service):
        def __init__(self, **options: Any) -> None:
            made.append(options)
            raise LookupError

    class Program(Beat):
        Service = Recording

    app.conf.beat_scheduler = "setting"
    with pytest.raises(LookupError):
        Program(app=app, max_interval=3, schedule="file", quiet=True).start_scheduler()
    assert made == [
        {
            "app": app,
            "max_interval": 3,
            "scheduler_cls": "setting",
            "schedule_filename": "file",
            "remote_control": None,
            "hostname": None,
        }
    ]


def test_app_beat_belongs_to_the_app(app: Celery) -> None:
    assert app.Beat().app is app
