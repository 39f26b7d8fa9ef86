"""What ``celery worker`` makes of its command line."""

from __future__ import annotations

import logging
import os
from typing import Any

import pytest

from celery.app.base import Celery
from celery.bin._detach import foreground_words
from celery.exceptions import ImproperlyConfigured
from celery.platforms import EX_OK
from celery.utils.nodenames import gethostname


class RecordingWorker:
    """Stands for the worker program: keeps what it was made with."""

    exitcode: int | None = EX_OK
    started = 0

    def __init__(self, **options: Any) -> None:
        self.options = options
        type(self).last = self

    last: RecordingWorker

    def start(self) -> None:
        type(self).started += 1


@pytest.fixture
def worker(app: Celery) -> type[RecordingWorker]:
    class Worker(RecordingWorker):
        pass

    app.Worker = Worker
    return Worker


def test_defaults(run: Any, worker: type[RecordingWorker]) -> None:
    assert run("worker").exit_code == 0
    assert worker.started == 1
    assert worker.last.options == {
        "autoscale": None,
        "beat": None,
        "concurrency": None,
        "exclude_queues": None,
        "heartbeat_interval": None,
        "hostname": f"celery@{gethostname()}",
        "include": None,
        "logfile": None,
        "loglevel": logging.WARNING,
        "max_memory_per_child": None,
        "max_tasks_per_child": None,
        "no_color": None,
        "optimization": "default",
        "pidfile": None,
        "pool": "prefork",
        "pool_start_method": None,
        "prefetch_multiplier": None,
        "purge": False,
        "queues": None,
        "quiet": False,
        "schedule_filename": None,
        "scheduler": None,
        "soft_time_limit": None,
        "statedb": None,
        "task_events": None,
        "time_limit": None,
        "without_gossip": False,
        "without_heartbeat": False,
        "without_mingle": False,
    }


def test_every_option(run: Any, worker: type[RecordingWorker]) -> None:
    line = (
        "-q -C worker -n w1@box -S /s/%n.db -l debug -O fair --prefetch-multiplier 2 -c 3"
        " -P threads -E --time-limit 9.5 --soft-time-limit 8 --max-tasks-per-child 100"
        " --pool-start-method spawn --max-memory-per-child 1000 --purge -Q a,b -X c -I m1,m2"
        " --without-gossip --without-mingle --without-heartbeat --heartbeat-interval 7"
        " --autoscale 10,3 -B -s sched --scheduler x:Y -f /l/%n.log --pidfile /p/%n.pid"
    )
    assert run(*line.split()).exit_code == 0
    assert worker.last.options == {
        "autoscale": (10, 3),
        "beat": True,
        "concurrency": 3,
        "exclude_queues": ["c"],
        "heartbeat_interval": 7,
        "hostname": "w1@box",
        "include": ["m1", "m2"],
        "logfile": "/l/%n.log",  # expanded later: in each process of the pool to another name
        "loglevel": logging.DEBUG,
        "max_memory_per_child": 1000,
        "max_tasks_per_child": 100,
        "no_color": True,
        "optimization": "fair",
        "pidfile": "/p/w1.pid",
        "pool": "threads",
        "pool_start_method": "spawn",
        "prefetch_multiplier": 2,
        "purge": True,
        "queues": ["a", "b"],
        "quiet": True,
        "schedule_filename": "sched",
        "scheduler": "x:Y",
        "soft_time_limit": 8.0,
        "statedb": "/s/w1.db",
        "task_events": True,
        "time_limit": 9.5,
        "without_gossip": True,
        "without_heartbeat": True,
        "without_mingle": True,
    }


def test_options_from_the_environment(
    run: Any, worker: type[RecordingWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELERY_WORKER_CONCURRENCY", "5")
    monkeypatch.setenv("CELERY_WORKER_QUEUES", "a,b")
    run("worker", "-Q", "c")
    assert worker.last.options["concurrency"] == 5
    assert worker.last.options["queues"] == ["c"]


def test_settings_after_the_options(run: Any, app: Celery, worker: type[RecordingWorker]) -> None:
    run(
        "worker",
        "-c",
        "2",
        "worker.prefetch_multiplier=7",
        ".pool_restarts=true",
        "--disable-prefetch",
    )
    assert app.conf.worker_prefetch_multiplier == 7
    assert app.conf.worker_pool_restarts is True
    assert app.conf.worker_disable_prefetch is True


@pytest.mark.parametrize("word", ["junk", "worker.nope=1"])
def test_what_is_no_setting(run: Any, worker: type[RecordingWorker], word: str) -> None:
    result = run("worker", word)
    assert result.exit_code == 2
    assert f"These are no settings: {word}" in result.output
    assert worker.started == 0


def test_the_exit_code_is_the_worker_s(run: Any, worker: type[RecordingWorker]) -> None:
    worker.exitcode = 3
    assert run("worker").exit_code == 3
    worker.exitcode = None
    assert run("worker").exit_code == 0


def test_what_is_configured_wrongly(run: Any, app: Celery) -> None:
    def refuse(**options: Any) -> None:
        raise ImproperlyConfigured("there is no queue 'x'")

    app.Worker = refuse
    result = run("worker", "-Q", "x")
    assert (result.exit_code, result.output) == (1, "Error: there is no queue 'x'\n")


def test_unknown_user(run: Any, worker: type[RecordingWorker]) -> None:
    result = run("worker", "--uid", "nobody-at-all")
    assert result.exit_code == 1
    assert "User does not exist: nobody-at-all" in result.output


def test_umask(run: Any, worker: type[RecordingWorker]) -> None:
    before = os.umask(0)
    try:
        run("worker", "--umask", "027")
        assert os.umask(0) == 0o027
    finally:
        os.umask(before)


def test_the_background_needs_an_app_by_name(run: Any, worker: type[RecordingWorker]) -> None:
    result = run("worker", "-D")
    assert result.exit_code == 2
    assert "-A" in result.output


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-A x worker -D", "-A x worker"),
        ("worker --detach -c 2", "worker -c 2"),
        ("worker -ED --uid www -l INFO", "worker -E -l INFO"),
        ("worker --uid=1 --gid 2 -DBE", "worker -BE"),
        ("--workdir d -A x worker -D -Q Da", "-A x worker -Q Da"),
    ],
)
def test_the_command_line_in_the_background(line: str, expected: str) -> None:
    assert foreground_words(line.split()) == expected.split()
