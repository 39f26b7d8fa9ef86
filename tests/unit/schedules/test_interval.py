"""Due at an interval, and what people write for a schedule."""

import pickle
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from celery.schedules import BaseSchedule, crontab, maybe_schedule, schedule

NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=NEW_YORK)


def make_app(**conf: Any) -> Any:
    return SimpleNamespace(
        conf=SimpleNamespace(enable_utc=True, **conf), timezone=NEW_YORK, now=lambda: NOON
    )


@pytest.mark.parametrize(
    ("ago_s", "due", "next_s"),
    [(0, False, 60), (59, False, 1), (60, True, 60), (61, True, 60), (200, True, 60)],
)
def test_interval(ago_s: int, due: bool, next_s: int) -> None:
    minutely = schedule(60, app=make_app())
    assert minutely.is_due(NOON - timedelta(seconds=ago_s)) == (due, next_s)


def test_interval_counts_real_time_where_the_clock_jumps() -> None:
    daily = schedule(timedelta(days=1), app=make_app())
    daily.nowfun = lambda: datetime(2026, 3, 8, 12, 0, tzinfo=NEW_YORK)
    assert daily.is_due(datetime(2026, 3, 7, 12, 0, tzinfo=NEW_YORK)) == (False, 3600)
    assert daily.is_due(datetime(2026, 3, 7, 11, 0, tzinfo=NEW_YORK)).is_due


def test_naive_times_are_utc() -> None:
    minutely = schedule(60, nowfun=lambda: datetime.now(UTC), app=make_app())
    naive = datetime.now(UTC).replace(tzinfo=None)
    assert not minutely.is_due(naive).is_due


@pytest.mark.parametrize(
    ("run_every", "now", "last", "expected"),
    [
        (3600, (12, 0, 30), (11, 20, 30), (True, 3570)),
        (3600, (12, 0, 30), (12, 0, 10), (False, 3570)),
        (90, (12, 0, 30), (11, 59, 59), (False, 30)),
        (86400, (12, 0, 0), (11, 59, 0), (False, 43200)),
    ],
)
def test_relative_rounds_down_to_the_unit(
    run_every: int, now: Any, last: Any, expected: tuple[bool, float]
) -> None:
    relative = schedule(run_every, relative=True, app=make_app())
    relative.nowfun = lambda: datetime(2026, 6, 1, *now, tzinfo=NEW_YORK)
    assert relative.is_due(datetime(2026, 6, 1, *last, tzinfo=NEW_YORK)) == expected


def test_values() -> None:
    minutely = schedule(60)
    assert repr(minutely) == "<freq: 1.00 minute>"
    assert minutely.seconds == 60.0
    assert schedule(-5).seconds == 0
    assert minutely == schedule(timedelta(minutes=1)) == 60
    assert minutely != schedule(61)
    assert minutely != "never"
    assert pickle.loads(pickle.dumps(schedule(3, relative=True))).relative


def test_maybe_schedule() -> None:
    assert maybe_schedule(3) == schedule(3)
    assert maybe_schedule(0.5) == schedule(0.5)
    assert maybe_schedule(timedelta(hours=3), relative=True).relative
    assert maybe_schedule(None) is None

    app, nightly = make_app(), crontab(0, 0)
    assert maybe_schedule(nightly, app=app) is nightly
    assert nightly.app is app
    assert maybe_schedule(5, app=app).app is app


def test_zones() -> None:
    minutely = schedule(60, app=make_app())
    naive = datetime(2026, 6, 1)
    assert minutely.maybe_make_aware(naive).isoformat() == "2026-05-31T20:00:00-04:00"
    assert minutely.maybe_make_aware(naive, naive_as_utc=False).isoformat() == (
        "2026-06-01T00:00:00-04:00"
    )
    aware = naive.replace(tzinfo=UTC)
    assert minutely.maybe_make_aware(aware) is aware
    assert minutely.to_local(aware) == aware
    assert minutely.to_local(naive) is naive
    assert minutely.now() is NOON


def test_own_schedules() -> None:
    class Always(BaseSchedule):
        def remaining_estimate(self, last_run_at: datetime) -> timedelta:
            return timedelta(0)

        def is_due(self, last_run_at: datetime) -> Any:
            return True, 1.0

    assert Always(nowfun=datetime.now) == Always(nowfun=datetime.now)
    assert Always() != Always(nowfun=datetime.now)
    assert Always() != 3
    with pytest.raises(TypeError):
        BaseSchedule()  # type: ignore[abstract]
