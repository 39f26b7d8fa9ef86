"""An entry of the schedule: a value that is replaced when it is sent."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from celery import Celery
from celery.beat import BeatLazyFunc, ScheduleEntry
from celery.schedules import crontab, schedule

LAST = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def entry(app: Celery) -> ScheduleEntry:
    return ScheduleEntry(
        name="clean",
        task="shop.clean",
        schedule=10,
        args=(1,),
        kwargs={"a": 2},
        options={"queue": "q"},
        last_run_at=LAST,
        app=app,
    )


def test_a_new_entry_is_not_due_at_once(app: Celery) -> None:
    entry = ScheduleEntry(name="new", task="t", schedule=timedelta(hours=1), app=app)
    assert entry.total_run_count == 0
    assert (entry.args, entry.kwargs, entry.options) == ((), {}, {})
    due, next_s = entry.is_due()
    assert not due
    assert 3590 < next_s <= 3600


def test_numbers_become_intervals_of_the_app(app: Celery) -> None:
    entry = ScheduleEntry(name="n", task="t", schedule=5, relative=True, app=app)
    assert isinstance(entry.schedule, schedule)
    assert entry.schedule.relative
    assert entry.schedule.app is app


def test_next_is_a_copy_that_has_run(entry: ScheduleEntry) -> None:
    at = LAST + timedelta(days=1)
    following = entry.next(at)
    assert (following.last_run_at, following.total_run_count) == (at, 1)
    assert (entry.last_run_at, entry.total_run_count) == (LAST, 0)
    assert following == entry
    assert following.schedule is entry.schedule
    assert next(entry).last_run_at > following.last_run_at - timedelta(days=365 * 10)
    assert entry._next_instance(at).last_run_at == at


def test_subclasses_make_their_own_kind(app: Celery) -> None:
    class Own(ScheduleEntry):
        pass

    assert type(next(Own(name="n", task="t", schedule=1, app=app))) is Own


def test_as_a_dict_it_makes_itself_again(entry: ScheduleEntry) -> None:
    again = ScheduleEntry(**dict(entry))
    assert again == entry
    assert dict(again) == dict(entry)


def test_update_keeps_what_was_noted_of_runs(app: Celery, entry: ScheduleEntry) -> None:
    other = ScheduleEntry(name="other", task="new", schedule=3, args=(9,), app=app)
    entry.total_run_count = 7
    entry.update(other)
    assert (entry.task, entry.args, entry.kwargs, entry.options) == ("new", (9,), {}, {})
    assert entry.schedule == schedule(3)
    assert (entry.name, entry.last_run_at, entry.total_run_count) == ("clean", LAST, 7)


@pytest.mark.parametrize(
    "change",
    [{"task": "x"}, {"args": ()}, {"kwargs": {}}, {"options": {}}, {"schedule": crontab()}],
)
def test_equal_if_the_configuration_says_the_same(
    entry: ScheduleEntry, change: dict[str, Any]
) -> None:
    assert entry == ScheduleEntry(**{**dict(entry), "name": "x", "total_run_count": 5})
    assert entry != ScheduleEntry(**{**dict(entry), **change})
    assert entry != "clean"


def test_entries_are_ordered_somehow_and_not_hashable(entry: ScheduleEntry) -> None:
    other = next(entry)
    assert (entry < other) != (other < entry)
    with pytest.raises(TypeError):
        hash(entry)
    with pytest.raises(TypeError):
        assert entry < 3


def test_pickles_under_the_documented_path_without_the_app(entry: ScheduleEntry) -> None:
    cls, fields = entry.__reduce__()
    assert (cls.__module__, cls.__qualname__) == ("celery.beat", "ScheduleEntry")
    assert fields == (
        "clean",
        "shop.clean",
        LAST,
        0,
        entry.schedule,
        (1,),
        {"a": 2},
        {"queue": "q"},
    )
    again = pickle.loads(pickle.dumps(entry))
    assert again == entry
    assert again.app is None


def test_repr_shows_the_call(entry: ScheduleEntry) -> None:
    assert repr(entry) == "<ScheduleEntry: clean shop.clean(1, a=2) <freq: 10.00 seconds>"


def test_lazy_arguments_are_computed_at_each_call() -> None:
    values = iter(range(5))
    lazy = BeatLazyFunc(lambda x, y: (next(values), x, y), 1, y=2)
    assert lazy() == (0, 1, 2)
    assert lazy.delay() == (1, 1, 2)
