"""What is shipped for the tests of others."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from celery import Celery, _state, current_app
from celery.contrib.testing import worker as testing_worker
from celery.contrib.testing.app import TestApp, Trap, set_trap, setup_default_app
from celery.contrib.testing.mocks import (
    ContextMock,
    TaskMessage,
    TaskMessage1,
    task_message_from_sig,
)
from celery.contrib.testing.tasks import ping
from celery.contrib.testing.worker import start_worker

pytest_plugins = ("celery.contrib.pytest",)


@pytest.fixture
def app(tmp_path: Path) -> Any:
    app = TestApp("tools", broker="memory://tools", backend=f"sqlite:///{tmp_path}/results.db")
    app.broker_for_write().purge("celery")
    yield app
    app.close()


def test_settings_of_test_apps() -> None:
    app = TestApp(config={"task_ignore_result": True})
    assert app.conf.broker_url == "memory://"
    assert app.conf.task_ignore_result is True
    assert app.conf.worker_hijack_root_logger is False


def test_the_trap() -> None:
    app = TestApp()
    with set_trap(app):
        assert isinstance(_state.default_app, Trap)
        with pytest.raises(RuntimeError, match="uses the default app"):
            _ = current_app.conf
    assert not isinstance(_state.default_app, Trap)


def test_setup_default_app_restores_what_was() -> None:
    app, before = TestApp(), _state.default_app
    with setup_default_app(app):
        assert _state.get_current_app() is app
    assert _state.default_app is before


def test_start_worker(app: Celery) -> None:
    told: list[str] = []
    signals = {
        "starting": testing_worker.test_worker_starting,
        "started": testing_worker.test_worker_started,
        "stopped": testing_worker.test_worker_stopped,
    }
    receivers = {
        name: lambda name=name, **values: told.append(name)  # a signal's values
        for name in signals
    }
    for name, one in signals.items():
        one.connect(receivers[name], sender=app)

    @app.task(name="double")
    def double(x: int) -> int:
        return 2 * x

    with start_worker(app, loglevel="error") as worker:
        assert double.delay(4).get(timeout=10) == 8
        assert worker.consumer is not None
        assert threading.current_thread().name != f"worker {worker.hostname}"
    assert worker.exitcode == 0
    assert told == ["starting", "started", "stopped"]


def test_a_worker_that_cannot_start_says_so(app: Celery) -> None:
    app.conf.broker_connection_retry = False

    def broken() -> None:
        raise OSError("no broker here")

    app.broker_for_read().connect = broken  # type: ignore[method-assign]  # a broken broker
    with (
        pytest.raises(RuntimeError, match="did not start"),
        start_worker(app, loglevel="critical", perform_ping_check=False),
    ):
        pass


def test_the_fixtures(celery_app: Celery, celery_worker: Any) -> None:
    assert celery_app.tasks[ping.name].delay().get(timeout=10) == "pong"


@pytest.mark.celery(result_expires=17)
def test_the_marker(celery_app: Celery) -> None:
    assert celery_app.conf.result_expires == 17


def test_mocks(app: Celery) -> None:
    @app.task(name="add")
    def add(x: int, y: int) -> int:
        return x + y

    message = TaskMessage("add", id="id-1", args=(1, 2), expires="x")
    assert message.headers == {"id": "id-1", "task": "add", "shadow": None, "expires": "x"}
    assert message.payload[0] == (1, 2)
    assert TaskMessage1("add", id="id-2").payload["task"] == "add"
    signature = add.s(1, 2).set(countdown=10)
    made = task_message_from_sig(app, signature)
    assert made.headers["task"] == "add"
    assert made.headers["eta"] is not None
    with ContextMock() as mock:
        mock.anything()
