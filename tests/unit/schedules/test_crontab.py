"""Due by the clock, also where the clock jumps."""

import pickle
from datetime import UTC, datetime, timedelta, tzinfo
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery.schedules import ParseException, cronfield, crontab, schedstate

NEW_YORK = ZoneInfo("America/New_York")


def make_app(timezone: tzinfo = UTC, deadline: float | None = None) -> Any:
    conf = SimpleNamespace(beat_cron_starting_deadline=deadline, enable_utc=True)
    return SimpleNamespace(conf=conf, timezone=timezone, now=lambda: datetime.now(UTC))


def at(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=NEW_YORK, fold=fold)  # type: ignore[arg-type, misc]


def runs(schedule: crontab, last: datetime, count: int) -> list[str]:
    """Return the clock's time at the next runs after `last`, each made on time."""
    shown = []
    for _ in range(count):
        schedule.nowfun = lambda now=last: now
        state = schedule.is_due(last)
        assert not state.is_due
        assert schedule.remaining_estimate(last) == timedelta(seconds=state.next)
        last = (last.astimezone(UTC) + timedelta(seconds=state.next)).astimezone(NEW_YORK)
        shown.append(last.strftime("%Y-%m-%d %H:%M %Z"))
    return shown


class TestNextRun:
    @pytest.mark.parametrize(
        ("fields", "last", "expected"),
        [
            # the clock jumps from 02:00 to 03:00 on 8 March
            ({"minute": 30, "hour": 2}, at(2026, 3, 7, 2, 30),
             ["2026-03-08 03:30 EDT", "2026-03-09 02:30 EDT"]),
            ({"minute": "*/30"}, at(2026, 3, 8, 1, 30),
             ["2026-03-08 03:00 EDT", "2026-03-08 03:30 EDT"]),
            ({"minute": 0}, at(2026, 3, 8, 1, 0), ["2026-03-08 03:00 EDT", "2026-03-08 04:00 EDT"]),
            ({"minute": "15,45", "hour": 2}, at(2026, 3, 7, 2, 45),
             ["2026-03-08 03:15 EDT", "2026-03-09 02:15 EDT", "2026-03-09 02:45 EDT"]),
            # it goes back from 02:00 to 01:00 on 1 November
            ({"minute": 30, "hour": 1}, at(2026, 10, 31, 1, 30),
             ["2026-11-01 01:30 EDT", "2026-11-02 01:30 EST"]),
            ({"minute": 0}, at(2026, 11, 1, 1, 0),
             ["2026-11-01 02:00 EST", "2026-11-01 03:00 EST"]),
            ({"minute": "*/30"}, at(2026, 11, 1, 1, 30), ["2026-11-01 02:00 EST"]),
            ({"minute": "*/30"}, at(2026, 11, 1, 1, 30, fold=1), ["2026-11-01 02:00 EST"]),
            ({"minute": "35"}, at(2026, 11, 1, 1, 8, fold=1), ["2026-11-01 02:35 EST"]),
            # days that not every month or year has
            ({"minute": 0, "hour": 0, "day_of_month": 29, "month_of_year": 2}, at(2026, 1, 1),
             ["2028-02-29 00:00 EST", "2032-02-29 00:00 EST"]),
            ({"minute": 0, "hour": 0, "day_of_month": 31}, at(2026, 1, 31),
             ["2026-03-31 00:00 EDT", "2026-05-31 00:00 EDT"]),
            # all fields must match
            ({"minute": 0, "hour": 0, "day_of_week": "mon", "day_of_month": "1-7"}, at(2026, 6, 1),
             ["2026-07-06 00:00 EDT", "2026-08-03 00:00 EDT"]),
            ({"minute": 0, "hour": 0, "day_of_week": "fri", "day_of_month": 13}, at(2026, 6, 1),
             ["2026-11-13 00:00 EST", "2027-08-13 00:00 EDT"]),
            ({"minute": 30, "hour": 22, "month_of_year": 6}, at(2026, 6, 29, 22, 30),
             ["2026-06-30 22:30 EDT", "2027-06-01 22:30 EDT"]),
            # seconds do not count
            ({"minute": "*"}, at(2026, 6, 1, 10, 15, 19), ["2026-06-01 10:16 EDT"]),
        ],
    )  # fmt: skip
    def test_clock_time(self, fields: Any, last: datetime, expected: list[str]) -> None:
        schedule = crontab(**fields, app=make_app(NEW_YORK))
        assert runs(schedule, last, len(expected)) == expected

    def test_naive_times_are_utc(self) -> None:
        schedule = crontab(minute=0, hour=9, app=make_app(NEW_YORK))
        schedule.nowfun = lambda: datetime(2026, 6, 1, 12, 0)
        # 01:00 and 08:00 in New York
        assert schedule.is_due(datetime(2026, 6, 1, 5, 0)) == schedstate(False, 3600.0)

    def test_a_subclass_may_bring_its_own_zone(self) -> None:
        class Zoned(crontab):
            def __init__(self, *args: Any, tz: tzinfo, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.tz = tz

        schedule = Zoned(0, 9, tz=NEW_YORK, app=make_app())
        schedule.nowfun = lambda: at(2026, 6, 1, 8, 0)
        assert schedule.is_due(at(2026, 6, 1, 1, 0)) == (False, 3600.0)

    def test_remaining_delta(self) -> None:
        schedule = crontab(minute=0, hour=9, app=make_app(NEW_YORK))
        schedule.nowfun = lambda: datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
        last, delta, now = schedule.remaining_delta(datetime(2026, 6, 1, 5, 0, tzinfo=UTC))
        assert (last, now) == (at(2026, 6, 1, 1, 0), at(2026, 6, 1, 8, 0))
        assert last.tzinfo is now.tzinfo is NEW_YORK
        assert last + delta == at(2026, 6, 1, 9, 0)

        last, delta, now = schedule.remaining_delta(last, tz="UTC")
        assert (last.hour, (last + delta).hour, now.hour) == (5, 9, 12)


class TestIsDue:
    @pytest.mark.parametrize(
        ("last_hour", "deadline", "due"),
        [
            (9, None, True), (11, None, True), (12, None, False), (13, None, False),
            (9, 60, False), (11, 60, False), (9, 600, True), (11, 3600, True), (12, 3600, False),
        ],
    )  # fmt: skip
    def test_missed_runs(self, last_hour: int, deadline: float | None, due: bool) -> None:
        schedule = crontab(minute=0, app=make_app(deadline=deadline))
        schedule.nowfun = lambda: datetime(2026, 6, 1, 12, 5, tzinfo=UTC)
        state = schedule.is_due(datetime(2026, 6, 1, last_hour, 0, tzinfo=UTC))
        assert state.is_due is due
        assert state.next == (6900.0 if last_hour == 13 else 3300.0)

    @given(
        st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),
        st.sets(st.integers(0, 59), min_size=1),
        st.sets(st.integers(0, 23), min_size=1),
        st.sets(st.integers(0, 6), min_size=1),
        st.sets(st.integers(1, 28), min_size=1),
        st.sets(st.integers(1, 12), min_size=1),
    )
    def test_the_next_match_is_the_first(
        self,
        after: datetime,
        minutes: set[int],
        hours: set[int],
        weekdays: set[int],
        days: set[int],
        months: set[int],
    ) -> None:
        schedule = crontab(minutes, hours, weekdays, days, months, app=make_app())

        def matches(moment: datetime) -> bool:
            return (
                moment.minute in minutes
                and moment.hour in hours
                and moment.isoweekday() % 7 in weekdays
                and moment.day in days
                and moment.month in months
            )

        found = schedule.next_match(after)
        assert found > after
        assert matches(found)
        day = after.date()
        while day < found.date():  # no whole day in between matches
            day += timedelta(days=1)
            noon = datetime(day.year, day.month, day.day, min(hours), min(minutes))
            assert not matches(noon) or day == found.date()
        moment = found - timedelta(minutes=1)
        while moment > after and moment.date() == found.date():
            assert not matches(moment)
            moment -= timedelta(minutes=1)


class TestValues:
    @pytest.mark.parametrize(
        "fields",
        [
            {"minute": 61},
            {"minute": -1},
            {"minute": [1, 70]},
            {"day_of_week": 7},
            {"month_of_year": 0},
            {"day_of_month": 31, "month_of_year": "2,4"},
            {"day_of_month": 30, "month_of_year": 2},
            {"day_of_month": "30,31", "month_of_year": "2"},
        ],
    )
    def test_out_of_range(self, fields: Any) -> None:
        with pytest.raises(ValueError, match="Invalid crontab"):
            crontab(**fields)

    def test_other_mistakes(self) -> None:
        with pytest.raises(TypeError, match="NoneType"):
            crontab(minute=None)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            crontab(minutes=3)
        with pytest.raises(ParseException):
            crontab(minute="")

    def test_order_of_arguments(self) -> None:
        schedule = crontab(4, 5, "mon", 1, "feb")
        assert repr(schedule) == "<crontab: 4 5 1 feb mon (m/h/dM/MY/d)>"
        assert (schedule.minute, schedule.hour, schedule.day_of_week) == ({4}, {5}, {1})
        assert (schedule.day_of_month, schedule.month_of_year) == ({1}, {2})
        assert schedule._orig_day_of_week == "mon"

    def test_from_string(self) -> None:
        assert crontab.from_string("4 5 1 * mon") == crontab(4, 5, "mon", 1)
        for line in ("4 5 1 *", "4  5 1 * 3", "@daily"):
            with pytest.raises(ValueError, match="five fields"):
                crontab.from_string(line)

    def test_equality_and_pickling(self) -> None:
        schedule = crontab("*/15", nowfun=datetime.now, app=make_app())
        assert schedule == crontab([0, 15, 30, 45], nowfun=datetime.now)
        assert schedule != crontab("*/15")
        assert schedule != 900
        assert crontab.__module__ == "celery.schedules"

        again = pickle.loads(pickle.dumps(schedule))
        assert again == schedule
        assert again._orig_minute == "*/15"
        with pytest.raises(TypeError):
            hash(schedule)

    def test_cronfield(self) -> None:
        assert cronfield(None) == "*"
        assert cronfield(3) == 3
