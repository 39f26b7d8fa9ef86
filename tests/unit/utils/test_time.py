"""Times, zones, durations and rates."""

import os
import random
import time as clock
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from celery.utils.iso8601 import parse_iso8601
from celery.utils.time import (
    LocalTimezone,
    add_seconds_to_datetime,
    adjust_timestamp,
    delta_resolution,
    ffwd,
    get_exponential_backoff_interval,
    humanize_seconds,
    is_naive,
    localize,
    make_aware,
    maybe_iso8601,
    maybe_make_aware,
    maybe_timedelta,
    rate,
    remaining,
    subtract_datetimes,
    timezone,
    to_utc,
    utcoffset,
    weekday,
    yearmonth,
)

NEW_YORK = ZoneInfo("America/New_York")
PARIS = ZoneInfo("Europe/Paris")
NOON = datetime(2024, 7, 1, 12, 0)


@pytest.fixture
def in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    clock.tzset()
    timezone.__dict__.pop("local", None)
    yield
    monkeypatch.undo()
    clock.tzset()
    timezone.__dict__.pop("local", None)


class TestZones:
    def test_by_name(self) -> None:
        assert timezone.get_timezone("Europe/Paris") is PARIS
        assert timezone.get_timezone(PARIS) is PARIS
        assert timezone.get_timezone("UTC") is timezone.utc
        with pytest.raises(ZoneInfoNotFoundError):
            timezone.get_timezone("No/Where")

    @pytest.mark.usefixtures("in_new_york")
    def test_that_of_the_machine(self) -> None:
        assert timezone.local == NEW_YORK
        assert timezone.tz_or_local() == NEW_YORK
        assert timezone.tz_or_local(PARIS) is PARIS

    def test_that_of_the_machine_without_a_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TZ", "XYZ-3:30")
        timezone.__dict__.pop("local", None)
        try:
            assert isinstance(timezone.local, LocalTimezone)
        finally:
            timezone.__dict__.pop("local", None)

    @pytest.mark.usefixtures("in_new_york")
    def test_local_timezone_asks_the_system(self) -> None:
        zone = LocalTimezone()
        assert repr(zone) == "<LocalTimezone: UTC-05>"
        assert zone.tzname(NOON) == "EDT"
        assert zone.dst(NOON) == timedelta(hours=1)
        assert zone.dst(datetime(2024, 1, 1)) == timedelta(0)
        assert datetime(2024, 7, 1, tzinfo=UTC).astimezone(zone).hour == 20
        for utc_hour in (5, 6):  # 01:00 comes twice
            at = datetime(2024, 11, 3, utc_hour, tzinfo=UTC)
            assert at.astimezone(zone).astimezone(UTC) == at

    @pytest.mark.usefixtures("in_new_york")
    def test_from_one_to_another(self) -> None:
        assert timezone.to_local(NOON) == NOON.replace(tzinfo=UTC)
        assert timezone.to_local(NOON).hour == 8
        assert timezone.to_local(NOON, PARIS).hour == 14
        assert timezone.to_local(NOON, PARIS, NEW_YORK).hour == 18
        assert timezone.to_system(NOON.replace(tzinfo=UTC)).hour == 8
        assert timezone.to_system(NOON).hour == 12
        assert timezone.to_local_fallback(NOON).tzinfo == NEW_YORK
        assert timezone.to_local_fallback(NOON.replace(tzinfo=UTC)).hour == 8


class TestAware:
    def test_is_naive(self) -> None:
        class Undecided(tzinfo):
            def utcoffset(self, dt: datetime | None) -> None:
                return None

        assert is_naive(NOON)
        assert is_naive(NOON.replace(tzinfo=Undecided()))
        assert not is_naive(NOON.replace(tzinfo=UTC))

    def test_make_aware(self) -> None:
        assert make_aware(NOON, PARIS) == NOON.replace(tzinfo=PARIS)
        skipped = make_aware(datetime(2024, 3, 31, 2, 30), PARIS)
        assert skipped.isoformat() == "2024-03-31T03:30:00+02:00"
        twice = make_aware(datetime(2024, 10, 27, 2, 30), PARIS)
        assert twice.isoformat() == "2024-10-27T02:30:00+02:00"

    def test_zones_of_pytz(self) -> None:
        class Pytzish(tzinfo):
            def localize(self, dt: datetime) -> datetime:
                return dt.replace(tzinfo=UTC)

            def normalize(self, dt: datetime) -> datetime:
                return dt + timedelta(hours=1)

        assert make_aware(NOON, Pytzish()) == datetime(2024, 7, 1, 13, tzinfo=UTC)

    def test_localize_and_to_utc(self) -> None:
        assert localize(NOON.replace(tzinfo=UTC), PARIS).hour == 14
        assert localize(NOON, PARIS).hour == 12
        assert to_utc(NOON).hour == 12
        assert to_utc(NOON.replace(tzinfo=PARIS)).hour == 10

    def test_maybe_make_aware(self) -> None:
        aware = NOON.replace(tzinfo=PARIS)
        assert maybe_make_aware(aware, UTC) is aware
        assert maybe_make_aware(NOON) == NOON.replace(tzinfo=UTC)
        assert maybe_make_aware(NOON, PARIS).hour == 14
        assert maybe_make_aware(NOON, PARIS, naive_as_utc=False).hour == 12

    def test_iso8601(self) -> None:
        assert maybe_iso8601("2024-07-01T12:00:00Z") == NOON.replace(tzinfo=UTC)
        assert maybe_iso8601("2024-07-01T12:00:00") == NOON
        assert maybe_iso8601(NOON) is NOON
        assert maybe_iso8601(None) is maybe_iso8601("") is None
        with pytest.raises(ValueError):
            maybe_iso8601("tomorrow")
        assert parse_iso8601("2024-07-01T12:00:00.5+02:00").microsecond == 500000
        with pytest.raises(ValueError, match="unable to parse date string 'tomorrow'"):
            parse_iso8601("tomorrow")


class TestRemaining:
    def test_before_and_after_the_end(self) -> None:
        hour = timedelta(hours=1)
        assert remaining(NOON, hour, now=NOON + timedelta(minutes=20)) == timedelta(minutes=40)
        assert remaining(NOON, hour, now=NOON + 2 * hour) == -hour

    def test_from_the_clock(self) -> None:
        start = datetime.now(UTC)
        assert timedelta(0) < remaining(start, timedelta(hours=1)) <= timedelta(hours=1)

    def test_zones_may_differ(self) -> None:
        start, now = NOON.replace(tzinfo=UTC), NOON.replace(tzinfo=PARIS)
        assert remaining(start, timedelta(hours=1), now=now) == timedelta(hours=3)

    @pytest.mark.usefixtures("in_new_york")
    def test_naive_and_aware(self) -> None:
        now = NOON.replace(tzinfo=UTC)
        assert remaining(NOON, timedelta(hours=1), now=now) == timedelta(hours=5)

    def test_relative_rounds_the_end(self) -> None:
        start = datetime(2010, 3, 30, 11, 50, 58)
        assert remaining(start, timedelta(hours=1), now=start, relative=True) == timedelta(
            minutes=9, seconds=2
        )

    def test_the_night_the_clocks_change(self) -> None:
        spring = datetime(2024, 3, 9, 12, tzinfo=NEW_YORK)
        day = timedelta(hours=24)
        next_morning = datetime(2024, 3, 10, 11, tzinfo=NEW_YORK)
        assert remaining(spring, day, now=next_morning) == timedelta(hours=2)
        autumn = datetime(2024, 11, 3, 0, 30, tzinfo=NEW_YORK)
        now = datetime(2024, 11, 3, 1, 15, fold=1, tzinfo=NEW_YORK)
        assert remaining(autumn, timedelta(hours=1), now=now) == timedelta(minutes=-45)
        at = ffwd(day=3, hour=1, minute=30)
        start = datetime(2024, 11, 2, 12, tzinfo=NEW_YORK)
        assert remaining(start, at, now=start) == timedelta(hours=13.5)

    def test_sums_and_differences(self) -> None:
        before = datetime(2024, 3, 10, 1, 30, tzinfo=NEW_YORK)
        after = add_seconds_to_datetime(before, 3600)
        assert after.isoformat() == "2024-03-10T03:30:00-04:00"
        assert subtract_datetimes(after, before) == timedelta(hours=1)
        assert add_seconds_to_datetime(NOON, 60) == NOON + timedelta(minutes=1)
        assert subtract_datetimes(NOON, NOON.replace(tzinfo=UTC)) == timedelta(0)

    def test_delta_resolution(self) -> None:
        at = datetime(2010, 3, 30, 11, 50, 58, 41065)
        assert delta_resolution(at, timedelta(days=2)) == datetime(2010, 3, 30)
        assert delta_resolution(at, timedelta(hours=2)) == datetime(2010, 3, 30, 11)
        assert delta_resolution(at, timedelta(minutes=2)) == datetime(2010, 3, 30, 11, 50)
        assert delta_resolution(at, timedelta(seconds=2)) == at


class TestFfwd:
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"hour": 1, "minute": 2}, datetime(2024, 7, 1, 1, 2)),
            ({"month": 2, "day": 31}, datetime(2024, 2, 29, 12)),
            ({"weeks": 1}, datetime(2024, 7, 8, 12)),
            ({"weekday": 0}, NOON),
            ({"weekday": 6}, datetime(2024, 7, 7, 12)),
            ({"weekday": 7}, NOON),
            ({"year": 2025, "second": 3, "microsecond": 4}, datetime(2025, 7, 1, 12, 0, 3, 4)),
        ],
    )
    def test_adding(self, fields: dict[str, int], expected: datetime) -> None:
        assert NOON + ffwd(**fields) == expected

    def test_what_it_can_be_added_to(self) -> None:
        assert date(2024, 1, 1) + ffwd(day=3) == date(2024, 1, 3)
        with pytest.raises(TypeError):
            3 + ffwd(day=3)

    def test_repr(self) -> None:
        assert repr(ffwd(hour=1, weekday=3)) == "ffwd(hour=1, weeks=0, weekday=3)"


class TestWords:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [("10/s", 10), ("10/m", 1 / 6), ("36/h", 0.01), ("10", 10), (5, 5), (None, 0), ("", 0)],
    )
    def test_rate(self, text: Any, expected: float) -> None:
        assert rate(text) == pytest.approx(expected)

    @pytest.mark.parametrize("text", ["10/x", "x", "a/m"])
    def test_no_rate(self, text: str) -> None:
        with pytest.raises(ValueError):
            rate(text)

    def test_names_of_days_and_months(self) -> None:
        assert [weekday(name) for name in ("sun", "Monday", "SAT")] == [0, 1, 6]
        assert [yearmonth(name) for name in ("jan", "December")] == [1, 12]
        with pytest.raises(KeyError, match="xyz"):
            weekday("xyz")

    @pytest.mark.parametrize(
        ("seconds", "expected"),
        [
            (0, "now"),
            (-5, "now"),
            (0.5, "now"),
            (1, "1.00 second"),
            (59.999, "1.00 minute"),
            (90, "1.50 minutes"),
            (3600, "1.00 hour"),
            (4 * 86400, "4.00 days"),
        ],
    )
    def test_humanize_seconds(self, seconds: float, expected: str) -> None:
        assert humanize_seconds(seconds) == expected

    def test_humanize_seconds_options(self) -> None:
        assert humanize_seconds(60, "in", " ") == "in 1.00 minute"
        assert humanize_seconds(0, "in ", now="right now") == "right now"
        assert humanize_seconds(0.55, microseconds=True) == "0.55 seconds"

    def test_maybe_timedelta(self) -> None:
        assert maybe_timedelta(1.5) == timedelta(seconds=1.5)
        assert maybe_timedelta(None) is None


class TestOthers:
    def test_timestamps_of_other_machines(self) -> None:
        assert adjust_timestamp(1000.0, 2, here=lambda: 3) == 4600.0

    @pytest.mark.usefixtures("in_new_york")
    def test_utcoffset(self) -> None:
        assert utcoffset(localtime=lambda: clock.localtime(1720000000)) == 4.0
        assert utcoffset(localtime=lambda: clock.localtime(1700000000 + 5000000)) == 5.0

    def test_backoff(self) -> None:
        assert [get_exponential_backoff_interval(2, n, 100) for n in range(7)] == [
            *(2, 4, 8, 16, 32, 64, 100)
        ]
        assert get_exponential_backoff_interval(-4, 1, 3) == 0
        assert get_exponential_backoff_interval(0.5, 20000, 600) == 600
        random.seed(1)
        jittered = {get_exponential_backoff_interval(4, 9, 3, full_jitter=True) for _ in range(99)}
        assert jittered == {0, 1, 2, 3}


def test_environment_is_as_before() -> None:
    assert os.environ.get("TZ") != "America/New_York"
