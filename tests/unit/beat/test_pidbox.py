"""Beat answers ping, nothing else, and only while it ticks."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.waiting import wait_until

from celery import Celery
from celery.beat import BeatPidbox, Scheduler, Service, beat_nodename
from celery.utils.nodenames import gethostname


@pytest.fixture
def service(app: Celery, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service that runs, and answers."""
    monkeypatch.setattr("celery.beat._pidbox._LOOK_S", 0.05)
    service = Service(app, scheduler_cls=Scheduler, remote_control=True, hostname="b@h")
    thread = threading.Thread(target=service.start)
    thread.start()
    wait_until(lambda: service.last_tick is not None, what="a tick")
    yield service
    service.stop(wait=True)
    thread.join(10)
    assert not thread.is_alive()


def ask(app: Celery, method: str, timeout: float, **options: Any) -> Any:
    return app.control.broadcast(method, reply=True, limit=1, timeout=timeout, **options)


def test_ping_is_answered(app: Celery, service: Service) -> None:
    wait_until(lambda: ask(app, "ping", 0.2), what="an answer")
    assert ask(app, "ping", 5, destination=["b@h"]) == [{"b@h": {"ok": "pong"}}]


def test_other_commands_and_nodes_are_not(app: Celery, service: Service) -> None:
    wait_until(lambda: ask(app, "ping", 0.2), what="an answer")
    assert not ask(app, "stats", 0.1)
    assert not ask(app, "ping", 0.1, destination=["celery@h"])


def test_a_loop_that_hangs_is_silent(app: Celery, service: Service) -> None:
    wait_until(lambda: ask(app, "ping", 0.2), what="an answer")
    service.last_tick = time.monotonic() - 1000
    assert not ask(app, "ping", 0.1)


@pytest.mark.parametrize(
    ("setting", "interval", "expected"),
    [(None, 300, 600), (None, 5, 60), (7, 300, 7), (0, 300, math.inf)],
)
def test_how_old_a_tick_may_be(
    app: Celery, setting: float | None, interval: float, expected: float
) -> None:
    app.conf.beat_remote_control_max_tick_age = setting
    service = Service(app, max_interval=interval, scheduler_cls=Scheduler)
    assert BeatPidbox(service).max_tick_age == expected


def test_no_tick_yet_is_no_reason_to_be_silent(app: Celery) -> None:
    box = BeatPidbox(Service(app, scheduler_cls=Scheduler))
    assert box.tick_age() == 0
    assert not box.is_stale()


def test_names() -> None:
    assert beat_nodename() == f"celerybeat@{gethostname()}"
    assert beat_nodename("h") == "celerybeat@h"
    assert beat_nodename("b@%h") == f"b@{gethostname()}"
