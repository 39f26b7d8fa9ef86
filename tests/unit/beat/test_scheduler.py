"""Ticking: what is sent when, how long beat sleeps, and what happens to entries that fail."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from kombu.exceptions import OperationalError
from tests.unit.beat.conftest import Clock, Recorder

from celery import Celery
from celery.beat import (
    DEFAULT_MAX_INTERVAL,
    BeatLazyFunc,
    ScheduleEntry,
    Scheduler,
    SchedulingError,
    event_t,
)
from celery.schedules import BaseSchedule, crontab, schedstate, schedule

Every = Callable[[float], schedule]


def configured(app: Celery, **entries: Any) -> Celery:
    app.conf.beat_schedule = {
        name: {"task": f"t.{name}", "schedule": when} for name, when in entries.items()
    }
    return app


def run(scheduler: Recorder, clock: Clock, seconds: float) -> list[tuple[float, str]]:
    """What is sent within that time, and when: beat sleeps as long as it is told to."""
    start, sent = clock.time, []
    while True:
        before = len(scheduler.sent)
        sleep_s = scheduler.tick()
        at = (clock.time - start).total_seconds()
        sent += [(round(at, 3), name) for name in scheduler.sent[before:]]
        if at + max(sleep_s, 0) > seconds:
            return sent
        clock.advance(max(sleep_s, 0))


class Failing(BaseSchedule):
    """Cannot tell when it is due."""

    def remaining_estimate(self, last_run_at: Any) -> timedelta:
        raise ValueError("no idea")

    def is_due(self, last_run_at: Any) -> schedstate:
        raise ValueError("no idea")


# -- ticking


def test_each_entry_is_sent_at_its_own_pace(app: Celery, clock: Clock, every: Every) -> None:
    scheduler = Recorder(configured(app, two=every(2), three=every(3)))
    sent = run(scheduler, clock, 7)
    assert [at for at, name in sent if name == "two"] == pytest.approx([2, 4, 6], abs=0.03)
    assert [at for at, name in sent if name == "three"] == pytest.approx([3, 6], abs=0.03)
    assert scheduler.schedule["two"].total_run_count == 3


def test_nothing_scheduled_sleeps_as_long_as_allowed(app: Celery) -> None:
    assert Recorder(app).tick() == DEFAULT_MAX_INTERVAL
    assert Recorder(app, max_interval=7).tick() == 7
    app.conf.beat_max_loop_interval = 3
    assert Recorder(app).tick() == 3


def test_beat_wakes_a_little_early_and_then_waits_exactly(
    app: Celery, clock: Clock, every: Every
) -> None:
    scheduler = Recorder(configured(app, x=every(10)))
    assert scheduler.tick() == pytest.approx(9.99)
    clock.advance(9.99)
    assert scheduler.tick() == pytest.approx(0.01)
    assert scheduler.sent == []
    clock.advance(0.01)
    assert scheduler.tick() == 0
    assert scheduler.sent == ["x"]
    assert scheduler.tick() == pytest.approx(9.99)


def test_a_sleep_is_never_longer_than_max_interval(app: Celery, clock: Clock, every: Every) -> None:
    scheduler = Recorder(configured(app, x=every(1000)), max_interval=60)
    assert scheduler.tick() == 60


def test_overdue_entries_are_sent_once(app: Celery, clock: Clock, every: Every) -> None:
    scheduler = Recorder(configured(app, x=every(10)))
    clock.advance(1000)
    assert [scheduler.tick() for _ in range(2)] == [0, pytest.approx(9.99)]
    assert scheduler.sent == ["x"]


def test_heap_items_have_the_documented_shape(app: Celery, clock: Clock, every: Every) -> None:
    scheduler = Recorder(configured(app, x=every(10)))
    scheduler.populate_heap()
    assert scheduler._heap is not None
    (event,) = scheduler._heap
    assert isinstance(event, event_t)
    assert event._fields == ("time", "priority", "entry")
    assert event.time == pytest.approx(clock.time.timestamp() + 9.99)
    assert (event.priority, event.entry.name) == (5, "x")


def test_changes_of_the_schedule_are_noticed(app: Celery, clock: Clock, every: Every) -> None:
    scheduler = Recorder(configured(app, slow=every(100)))
    assert scheduler.tick() == pytest.approx(99.99)
    scheduler.add(name="quick", task="t.quick", schedule=every(5))
    assert scheduler.tick() == pytest.approx(4.99)
    del scheduler.schedule["quick"]
    assert scheduler.tick() == pytest.approx(99.99)


def test_an_entry_that_cannot_tell_does_not_hold_up_others(
    app: Celery, clock: Clock, every: Every, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = Recorder(configured(app, bad=Failing(nowfun=clock), good=every(5)), max_interval=60)
    sent = run(scheduler, clock, 59)
    assert [name for _, name in sent] == ["good"] * 11
    errors = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert errors == ["beat: Cannot calculate the next run of 'bad', trying again in 1.00 minute."]
    run(scheduler, clock, 10)
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 2


def test_a_schedule_without_a_next_time_is_asked_again_later(app: Celery, clock: Clock) -> None:
    class Now(Failing):
        def is_due(self, last_run_at: Any) -> Any:
            return True, None

    scheduler = Recorder(configured(app, x=Now(nowfun=clock)))
    assert [scheduler.tick(), scheduler.tick()] == [0, pytest.approx(299.99)]
    assert scheduler.sent == ["x"]


def test_a_subclass_may_replace_the_heap_while_an_entry_is_sent(
    app: Celery, clock: Clock, every: Every
) -> None:
    class Fickle(Recorder):
        def reserve(self, entry: Any) -> Any:
            self._heap = []
            return super().reserve(entry)

    scheduler = Fickle(configured(app, x=every(1)))
    clock.advance(2)
    assert scheduler.tick() == 0
    assert scheduler.sent == ["x"]


# -- sending


@pytest.fixture
def calls(app: Celery, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is sent: by whom, with what."""
    sent: list[Any] = []

    @app.task(name="known")
    def known() -> None:
        raise AssertionError("it is only sent")

    monkeypatch.setattr(
        known, "apply_async", lambda *args, **options: sent.append(("task", args, options))
    )
    monkeypatch.setattr(
        app, "send_task", lambda *args, **options: sent.append(("app", args, options))
    )
    return sent


@pytest.mark.parametrize(("task", "expected"), [("known", ()), ("elsewhere", ("elsewhere",))])
def test_registered_tasks_send_themselves_and_others_go_by_name(
    app: Celery, calls: list[Any], task: str, expected: tuple[str, ...]
) -> None:
    scheduler = Scheduler(app)
    options = {"queue": "q", "headers": {"h": 1}}
    entry = scheduler.add(
        name="x", task=task, schedule=1, args=(1,), kwargs={"a": 2}, options=options
    )
    scheduler.apply_async(entry)
    who = "app" if expected else "task"
    headers = {"h": 1, "celery_beat_task": True}
    assert calls == [
        (who, (*expected, [1], {"a": 2}), {"queue": "q", "headers": headers, "producer": None})
    ]
    assert options == {"queue": "q", "headers": {"h": 1}}
    assert scheduler.schedule["x"].total_run_count == 1


def test_lazy_arguments_are_computed_when_sent(app: Celery, calls: list[Any]) -> None:
    scheduler = Scheduler(app)
    values = iter("abcd")
    lazy = BeatLazyFunc(lambda: next(values))
    entry = scheduler.add(name="x", task="known", schedule=1, args=(lazy, 1), kwargs={"k": lazy})
    for _ in range(2):
        scheduler.apply_async(entry, advance=False)
    assert [args for _, args, _ in calls] == [(["a", 1], {"k": "b"}), (["c", 1], {"k": "d"})]
    assert scheduler.schedule["x"].total_run_count == 0


def test_a_failure_to_send_is_logged_and_the_run_missed(
    app: Celery, clock: Clock, every: Every, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> None:
        raise KeyError("boom")

    app.conf.beat_schedule = {
        "x": {"task": "t", "schedule": every(10), "args": (BeatLazyFunc(fails),)}
    }
    scheduler = Scheduler(app)
    clock.advance(10)
    assert [scheduler.tick(), scheduler.tick()] == [0, pytest.approx(9.99)]
    assert "Message Error: Couldn't apply scheduled task x: 'boom'" in caplog.text
    assert scheduler.schedule["x"].last_run_at == clock.time
    with pytest.raises(SchedulingError, match="Couldn't apply scheduled task x"):
        scheduler.apply_async(scheduler.schedule["x"])


def test_the_message_goes_to_the_broker(app: Celery, clock: Clock, every: Every) -> None:
    app.conf.beat_schedule = {
        "x": {"task": "t", "schedule": every(1), "options": {"queue": "periodic"}}
    }
    scheduler = Scheduler(app)
    clock.advance(1)
    scheduler.tick()
    assert app.broker_for_write().length("periodic") == 1


class Away:
    """A broker that cannot be reached so many times."""

    connection_errors = (ConnectionRefusedError,)

    def __init__(self, times: int) -> None:
        self.times = times

    def opened(self) -> Away:
        return self

    def connect(self) -> None:
        if self.times > 0:
            self.times -= 1
            raise ConnectionRefusedError("nobody there")


def test_a_broker_that_is_away_is_waited_for(
    app: Celery,
    clock: Clock,
    every: Every,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(app, "broker_for_write", Away(3).opened)
    scheduler = Recorder(configured(app, x=every(1)))
    pauses: list[float] = []
    scheduler.pause = lambda seconds: pauses.append(seconds) is not None
    clock.advance(1)
    assert scheduler.tick() == 0
    assert pauses == [2.0, 4.0, 6.0]
    assert scheduler.sent == ["x"]
    first = caplog.records[0].getMessage()
    assert first == "beat: Connection error: nobody there. Trying again in 2.0 seconds..."


def test_what_is_due_stays_due_when_beat_stops_waiting(
    app: Celery, clock: Clock, every: Every, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "broker_for_write", Away(3).opened)
    scheduler = Recorder(configured(app, x=every(1)))
    scheduler.pause = lambda seconds: True
    clock.advance(1)
    assert scheduler.tick() == 0
    assert scheduler.sent == []
    assert scheduler.schedule["x"].total_run_count == 0


def test_waiting_ends_after_as_many_attempts_as_the_settings_say(
    app: Celery, clock: Clock, every: Every, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.conf.broker_connection_max_retries = 2
    monkeypatch.setattr(app, "broker_for_write", Away(9).opened)
    scheduler = Recorder(configured(app, x=every(1)))
    scheduler.pause = lambda seconds: False
    clock.advance(1)
    with pytest.raises(OperationalError, match="nobody there"):
        scheduler.tick()


# -- the schedule


def test_merging_keeps_runs_adds_and_drops(app: Celery, every: Every) -> None:
    scheduler = Recorder(configured(app, stays=every(1), goes=every(1)))
    scheduler.schedule["stays"].total_run_count = 5
    scheduler.merge_inplace(
        {"stays": {"task": "changed", "schedule": 4}, "comes": {"task": "n", "schedule": 1}}
    )
    assert sorted(scheduler.schedule) == ["comes", "stays"]
    stays = scheduler.schedule["stays"]
    assert (stays.task, stays.schedule, stays.total_run_count) == ("changed", schedule(4), 5)


def test_entries_may_be_given_as_such(app: Celery) -> None:
    scheduler = Recorder(app)
    entry = ScheduleEntry(name="x", task="t", schedule=1)
    scheduler.update_from_dict({"x": entry})
    assert scheduler.schedule["x"] is entry
    assert entry.app is app


def test_a_wrong_entry_is_named(app: Celery) -> None:
    app.conf.beat_schedule = {"wrong": {"task": "t", "schedule": 1, "when": 3}}
    with pytest.raises(TypeError, match="when") as info:
        Scheduler(app)
    assert "'wrong'" in info.value.__notes__[0]


class KeepsResults:
    supports_autoexpire = False


class Keeping(Celery):
    """An app whose results do not go away by themselves."""

    backend: Any = KeepsResults()


@pytest.mark.parametrize(
    ("cls", "settings", "added"),
    [
        (Keeping, {}, True),
        (Keeping, {"result_expires": None}, False),
        (Celery, {}, False),
    ],
)
def test_old_results_are_removed_at_night_where_nobody_else_does(
    cls: type[Celery], settings: dict[str, Any], added: bool
) -> None:
    app = cls("beat", broker="memory://cleanup", backend="cache+memory://", set_as_current=False)
    app.conf.update(settings)
    schedule = Scheduler(app).schedule
    assert list(schedule) == ["celery.backend_cleanup"] * added
    if added:
        entry = schedule["celery.backend_cleanup"]
        assert entry.task == "celery.backend_cleanup"
        assert entry.schedule == crontab(minute="0", hour="4")
        assert entry.options == {"expires": 43200}


def test_an_own_cleanup_stays(app: Celery) -> None:
    keeping = Keeping("beat", broker="memory://own-cleanup", set_as_current=False)
    keeping.conf.beat_schedule = {"celery.backend_cleanup": {"task": "mine", "schedule": 3}}
    assert Scheduler(keeping).schedule["celery.backend_cleanup"].task == "mine"


def test_lazy_schedulers_have_no_schedule_yet(app: Celery, every: Every) -> None:
    scheduler = Recorder(configured(app, x=every(1)), lazy=True)
    assert scheduler.schedule == {}
    scheduler.setup_schedule()
    assert list(scheduler.schedule) == ["x"]


# -- syncing


def test_when_to_sync(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("celery.beat.scheduler.time.monotonic", lambda: now[0])
    scheduler = Recorder(app, sync_every_tasks=2)
    assert scheduler.should_sync()
    scheduler._do_sync()
    assert not scheduler.should_sync()
    scheduler._tasks_since_sync = 2
    assert scheduler.should_sync()
    scheduler._do_sync()
    now[0] += scheduler.sync_every + 1
    assert scheduler.should_sync()
    assert scheduler.synced == 2


def test_sending_syncs_when_it_is_time(app: Celery, calls: list[Any]) -> None:
    class Counting(Scheduler):
        syncs = 0

        def sync(self) -> None:
            self.syncs += 1

    app.conf.beat_sync_every = 3
    scheduler = Counting(app)
    entry = scheduler.add(name="x", task="known", schedule=1)
    for _ in range(7):
        scheduler.apply_async(entry)
    assert scheduler.syncs == 3  # the first time, then after three each


def test_close_releases_the_connection_and_may_be_repeated(app: Celery) -> None:
    scheduler = Recorder(app)
    connection = scheduler.producer.connection
    scheduler.close()
    scheduler.close()
    assert connection is not None
    assert "producer" not in vars(scheduler)
    assert "connection" not in vars(scheduler)
    assert scheduler.synced == 2
