"""The worker program: banner, logging of tasks, signal handlers."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from celery import Celery, signals
from celery._version import __version__
from celery.apps import _signals
from celery.apps._banner import banner, task_list
from celery.apps.worker import Worker
from celery.contrib.testing.app import TestApp
from celery.exceptions import WorkerTerminate
from celery.platforms import signals as handlers
from celery.worker._shutdown import Cause, Reaction, Stage


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Celery]:
    app = TestApp("program", broker="memory://unit", backend=f"sqlite:///{tmp_path}/results.db")
    yield app
    app.close()


@pytest.fixture
def make(app: Celery, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Worker]]:
    monkeypatch.setenv("C_FORCE_ROOT", "1")
    monkeypatch.setattr("celery.apps.worker.check_privileges", lambda accept: None)
    monkeypatch.setattr("celery.apps.worker.trace.setup_worker_optimizations", lambda *args: None)
    made: list[Worker] = []

    def make(**options: Any) -> Worker:
        options = {"hostname": "w1@example.com", "pool": "solo", "concurrency": 2, **options}
        worker = Worker(app=app, **options)
        made.append(worker)
        return worker

    yield make
    for worker in made:
        worker.timer.clear()
        worker.hub.close()


def test_banner(make: Callable[..., Worker]) -> None:
    text = banner(make())
    lines = text.splitlines()
    assert f"w1@example.com v{__version__}" in text
    assert " -------------- w1@example.com" in text
    assert ".> app:         program:0x" in text
    assert ".> transport:   memory://unit" in text
    assert ".> concurrency: 2 (solo)" in text
    assert ".> task events: OFF (enable -E to monitor tasks in this worker)" in text
    assert ".> celery           exchange=celery(direct) key=celery" in lines[-1]


def test_banner_says_what_is_on(make: Callable[..., Worker]) -> None:
    text = banner(make(task_events=True, autoscale=(3, 10)))
    assert ".> concurrency: {min=3, max=10} (solo)" in text
    assert ".> task events: ON" in text


def test_task_list() -> None:
    names = ["b", "celery.group", "a"]
    assert task_list(names, include_builtins=False) == "[tasks]\n  . a\n  . b\n"
    assert "  . celery.group" in task_list(names, include_builtins=True)


def test_celeryd_init_may_change_the_configuration(
    app: Celery, make: Callable[..., Worker]
) -> None:
    seen = []

    @signals.celeryd_init.connect(sender="w1@example.com")
    def configure(sender: str, instance: Any, conf: Any, options: Any, **kwargs: Any) -> None:
        seen.append(options["concurrency"])
        conf.worker_prefetch_multiplier = 9

    try:
        assert make().prefetch_multiplier == 9
    finally:
        signals.celeryd_init.disconnect(configure, sender="w1@example.com")
    assert seen == [2]


# -- signals


@pytest.fixture
def installed(make: Callable[..., Worker]) -> Iterator[Worker]:
    worker = make()
    previous = _signals.install(worker)
    yield worker
    _signals.restore(previous)


def send(name: str) -> None:
    signal.raise_signal(getattr(signal, f"SIG{name}"))


@pytest.fixture
def shutting_down() -> Iterator[list[tuple[Any, ...]]]:
    seen: list[tuple[Any, ...]] = []

    def receive(sender: str, sig: str, how: str, exitcode: int, **kwargs: Any) -> None:
        seen.append((sender, sig, how, exitcode))

    signals.worker_shutting_down.connect(receive)
    yield seen
    signals.worker_shutting_down.disconnect(receive)


def test_term(installed: Worker, shutting_down: Any, capfd: Any) -> None:
    send("TERM")
    assert installed.shutdown.stage is Stage.WARM
    assert shutting_down == [("w1@example.com", "TERM", "Warm", 0)]
    assert "worker: Warm shutdown (MainProcess)" in capfd.readouterr().err


def test_interrupts(installed: Worker, shutting_down: Any, capfd: Any) -> None:
    send("INT")
    assert (installed.shutdown.stage, installed.shutdown.exitcode) == (Stage.WARM, 1)
    assert (
        "worker: Hitting Ctrl+C again will initiate cold shutdown, terminating all running tasks!"
        in capfd.readouterr().err
    )
    send("INT")
    assert installed.shutdown.stage is Stage.COLD
    assert [how for _, _, how, _ in shutting_down] == ["Warm", "Cold"]
    with pytest.raises(WorkerTerminate):
        send("INT")


def test_soft_shutdown(app: Celery, installed: Worker, capfd: Any) -> None:
    app.conf.worker_soft_shutdown_timeout = 5
    app.conf.worker_enable_soft_shutdown_on_idle = True
    send("QUIT")
    assert installed.shutdown.stage is Stage.SOFT
    send("INT")
    assert installed.shutdown.stage is Stage.COLD
    assert "Waiting gracefully for cold shutdown to complete..." in capfd.readouterr().err


def test_an_idle_worker_has_nothing_to_wait_softly_for(app: Celery, make: Any) -> None:
    app.conf.worker_soft_shutdown_timeout = 5
    worker = make()
    assert worker.on_signal(Cause.QUIT) is Reaction.COLD
    assert worker.shutdown.stage is Stage.COLD


def test_remapped_term(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMAP_SIGTERM", "SIGQUIT")
    worker = make()
    previous = _signals.install(worker)
    send("TERM")
    _signals.restore(previous)
    assert worker.shutdown.stage is Stage.COLD


def test_handlers_are_put_back(make: Any) -> None:
    before = {name: handlers[name] for name in ("TERM", "INT", "QUIT", "USR1")}
    _signals.restore(_signals.install(make()))
    assert {name: handlers[name] for name in before} == before


def test_usr1_shows_the_threads(installed: Worker, caplog: pytest.LogCaptureFixture) -> None:
    send("USR1")
    assert "MainThread" in caplog.text
