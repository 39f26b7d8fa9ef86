"""What ``celery beat`` makes of its command line."""

from __future__ import annotations

import logging
import os
from typing import Any

import pytest

from celery.app.base import Celery
from celery.bin._detach import foreground_words


class RecordingBeat:
    """Stands for the beat program: keeps what it was made with."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.ran = False
        type(self).last = self

    last: RecordingBeat

    def run(self) -> None:
        self.ran = True


@pytest.fixture
def beat(app: Celery) -> type[RecordingBeat]:
    class Beat(RecordingBeat):
        pass

    app.Beat = Beat
    return Beat


def test_defaults(run: Any, beat: type[RecordingBeat]) -> None:
    assert run("beat").exit_code == 0
    assert beat.last.ran
    assert beat.last.options == {
        "hostname": None,
        "logfile": None,
        "loglevel": logging.WARNING,
        "max_interval": None,
        "no_color": None,
        "pidfile": None,
        "quiet": False,
        "remote_control": None,
        "schedule": None,
        "scheduler": None,
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-s", "file"], {"schedule": "file"}),
        (["--schedule", "file"], {"schedule": "file"}),
        (["-S", "mod:Cls"], {"scheduler": "mod:Cls"}),
        (["--max-interval", "5"], {"max_interval": 5}),
        (["--enable-remote-control"], {"remote_control": True}),
        (["--no-enable-remote-control"], {"remote_control": False}),
        (["-n", "b@%h"], {"hostname": "b@%h"}),
        (["-l", "debug"], {"loglevel": logging.DEBUG}),
        (["-f", "log", "--pidfile", "pid"], {"logfile": "log", "pidfile": "pid"}),
    ],
)
def test_options(
    run: Any, beat: type[RecordingBeat], words: list[str], expected: dict[str, Any]
) -> None:
    assert run("beat", *words).exit_code == 0
    assert {name: beat.last.options[name] for name in expected} == expected


def test_settings_may_follow(run: Any, app: Celery, beat: type[RecordingBeat]) -> None:
    assert run("beat", "beat.max_loop_interval=7", ".sync_every=3").exit_code == 0
    assert (app.conf.beat_max_loop_interval, app.conf.beat_sync_every) == (7, 3)


def test_words_that_are_no_settings(run: Any, beat: type[RecordingBeat]) -> None:
    result = run("beat", "foo")
    assert result.exit_code == 2
    assert "These are no settings: foo" in result.output


def test_logfile_falls_back_to_its_setting(
    run: Any, app: Celery, beat: type[RecordingBeat]
) -> None:
    app.conf.beat_logfile = "from-setting"
    assert run("beat").exit_code == 0
    assert beat.last.options["logfile"] == "from-setting"


def test_an_app_that_was_not_named_cannot_go_to_the_background(
    run: Any, beat: type[RecordingBeat]
) -> None:
    result = run("beat", "--detach")
    assert result.exit_code == 2
    assert "-A" in result.output


def test_the_background_program_is_the_same_in_the_foreground() -> None:
    words = ["-A", "p", "beat", "--detach", "--uid", "www", "-s", "file"]
    assert foreground_words(words) == ["-A", "p", "beat", "-s", "file"]


def test_umask(run: Any, beat: type[RecordingBeat]) -> None:
    before = os.umask(0o22)
    try:
        run("beat", "--umask", "027")
        assert os.umask(0) == 0o27
    finally:
        os.umask(before)
