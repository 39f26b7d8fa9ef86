"""The loop: it ticks and sleeps until it is stopped, and always ends with a sync."""

from __future__ import annotations

import logging
import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.support.waiting import wait_until

from celery import Celery, signals
from celery.beat import EmbeddedService, PersistentScheduler, Scheduler, Service


class Scripted(Scheduler):
    """Does what it is told at each tick; notes what is asked of it."""

    script: Callable[[Any, int], float]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.events: list[str] = []
        self.ticks = 0
        super().__init__(*args, **kwargs)

    def tick(self) -> float:
        self.ticks += 1
        self.events.append("tick")
        return self.script(self.ticks)

    def should_sync(self) -> bool:
        return self.ticks == 1

    def sync(self) -> None:
        self.events.append("sync")


def service_of(app: Celery, script: Callable[[Service, int], float]) -> Service:
    class Own(Scripted):
        def script(self, number: int) -> float:
            return script(service, number)

    service = Service(app, scheduler_cls=Own)
    return service


def test_it_ticks_until_it_is_stopped(app: Celery, caplog: pytest.LogCaptureFixture) -> None:
    def script(service: Service, number: int) -> float:
        if number == 3:
            service.stop()
        return 0.001

    caplog.set_level(logging.DEBUG, "celery.beat")
    service = service_of(app, script)
    service.start()
    assert service.scheduler.events == ["tick", "sync", "tick", "tick", "sync"]
    assert caplog.messages == [
        "beat: Starting...",
        "beat: Ticking with max interval->5.00 minutes",
        "beat: Waking up now.",
        "beat: Synchronizing schedule...",
        "beat: Waking up now.",
        "beat: Waking up now.",
        "beat: Shutting down...",
    ]
    service.stop(wait=True)


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
def test_leaving_the_program_ends_it_well(app: Celery, exception: type[BaseException]) -> None:
    def script(service: Service, number: int) -> float:
        raise exception

    service = service_of(app, script)
    service.start()
    assert service.scheduler.events == ["tick", "sync"]


def test_an_error_ends_it_too_but_is_raised(app: Celery) -> None:
    def script(service: Service, number: int) -> float:
        raise KeyError("x")

    service = service_of(app, script)
    with pytest.raises(KeyError):
        service.start()
    assert service.scheduler.events == ["tick", "sync"]
    service.stop(wait=True)


def test_stopping_interrupts_sleep(app: Celery) -> None:
    service = service_of(app, lambda service, number: 3600.0)
    thread = threading.Thread(target=service.start)
    thread.start()
    wait_until(lambda: service.last_tick is not None, what="a tick")
    service.stop(wait=True)
    thread.join(10)
    assert not thread.is_alive()


def test_stopped_before_it_starts_it_does_nothing(app: Celery) -> None:
    service = service_of(app, lambda service, number: 3600.0)
    service.stop()
    service.start()
    assert service.scheduler.events == ["sync"]


@contextmanager
def received() -> Iterator[list[str]]:
    names: list[str] = []

    def init(sender: Any, **kwargs: Any) -> None:
        names.append(f"beat_init {type(sender).__name__}")

    def embedded(sender: Any, **kwargs: Any) -> None:
        names.append(f"beat_embedded_init {type(sender).__name__}")

    signals.beat_init.connect(init)
    signals.beat_embedded_init.connect(embedded)
    try:
        yield names
    finally:
        signals.beat_init.disconnect(init)
        signals.beat_embedded_init.disconnect(embedded)


@pytest.mark.parametrize(
    ("embedded", "expected"),
    [(False, ["beat_init Service"]), (True, ["beat_init Service", "beat_embedded_init Service"])],
)
def test_signals(app: Celery, embedded: bool, expected: list[str]) -> None:
    service = service_of(app, lambda service, number: 1.0)
    service.stop()
    with received() as names:
        service.start(embedded_process=embedded)
    assert names == expected


def test_defaults_come_from_the_settings(app: Celery) -> None:
    app.conf.update(beat_max_loop_interval=8, beat_schedule_filename="file")
    service = Service(app)
    assert (service.max_interval, service.schedule_filename) == (8, "file")
    assert service.scheduler_cls is PersistentScheduler
    scheduler = service.get_scheduler(lazy=True)
    assert isinstance(scheduler, PersistentScheduler)
    assert (scheduler.max_interval, scheduler.schedule_filename) == (8, "file")


@pytest.mark.parametrize("name", ["celery.beat:Scheduler", "celery.beat.Scheduler", Scheduler])
def test_scheduler_by_name(app: Celery, name: Any) -> None:
    service = Service(app, max_interval=4, scheduler_cls=name)
    assert type(service.scheduler) is Scheduler
    assert service.scheduler is service.scheduler
    assert service.scheduler.max_interval == 4


def test_scheduler_by_alias(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def aliases(namespace: str) -> Iterator[tuple[str, str]]:
        asked.append(namespace)
        yield "plain", "celery.beat:Scheduler"

    monkeypatch.setattr("celery.beat.service.load_extension_class_names", aliases)
    assert type(Service(app, scheduler_cls="plain").scheduler) is Scheduler
    assert asked == ["celery.beat_schedulers"]


def test_no_such_scheduler(app: Celery) -> None:
    with pytest.raises(ModuleNotFoundError):
        Service(app, scheduler_cls="no.such:Scheduler").get_scheduler()


def test_pickling_keeps_the_options() -> None:
    app = Celery("pickled", broker="memory://pickled", set_as_current=False)
    service = Service(app, 3, "file", Scheduler, True, "b@h")
    again = pickle.loads(pickle.dumps(service))
    assert (again.max_interval, again.schedule_filename) == (3, "file")
    assert (again.scheduler_cls, again.remote_control, again.hostname) == (Scheduler, True, "b@h")


def test_embedded_in_a_thread(app: Celery) -> None:
    beat = EmbeddedService(app, thread=True, max_interval=30, scheduler_cls=Scheduler)
    assert isinstance(beat, threading.Thread)
    assert (beat.name, beat.daemon, beat.service.max_interval) == ("Beat", True, 1)
    beat.start()
    wait_until(lambda: beat.service.last_tick is not None, what="a tick")
    beat.stop()
    beat.join(10)
    assert not beat.is_alive()
    beat.stop()


def test_embedded_as_a_process_until_it_is_started(app: Celery) -> None:
    beat = EmbeddedService(app, max_interval=30, scheduler_cls=Scheduler)
    assert (beat.name, beat.service.max_interval) == ("Beat", 30)
    assert not beat.is_alive()
    beat.stop()
