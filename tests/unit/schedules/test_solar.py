"""Due by the sun."""

import pickle
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from celery.exceptions import ImproperlyConfigured
from celery.schedules import _solar, solar

START = datetime(2026, 5, 20, 3, tzinfo=UTC)


def make_app() -> Any:
    return SimpleNamespace(timezone=UTC, now=lambda: START, conf=SimpleNamespace(enable_utc=True))


def test_the_library_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_solar, "ephem", None)
    with pytest.raises(ImproperlyConfigured, match="ephem"):
        solar("sunrise", 60, 30)


class TestWithEphem:
    @pytest.fixture(autouse=True)
    def library(self) -> None:
        pytest.importorskip("ephem")

    @pytest.mark.parametrize(
        ("event", "lat", "lon", "hours"),
        [
            ("sunset", 60, 30, 15.7),
            ("solar_noon", 0, 0, 8.9),
            ("sunrise", -33, 151, 17.7),
            ("dawn_civil", 69, 18, 2036.5),  # polar day: not before August
        ],
    )
    def test_next_event(self, event: str, lat: float, lon: float, hours: float) -> None:
        schedule = solar(event, lat, lon, app=make_app())
        remaining_h = schedule.remaining_estimate(START).total_seconds() / 3600
        assert remaining_h == pytest.approx(hours, abs=0.1)
        assert schedule.is_due(START) == (False, pytest.approx(remaining_h * 3600))

    def test_an_event_that_has_occurred_is_due(self) -> None:
        schedule = solar("sunrise", 0, 0, app=make_app())
        state = schedule.is_due(datetime(2026, 5, 19, 3, tzinfo=UTC))
        assert state.is_due
        assert 0 < state.next < 86400

    @pytest.mark.parametrize(
        ("event", "lat", "lon"), [("moonrise", 0, 0), ("sunset", 91, 0), ("sunset", 0, -181)]
    )
    def test_wrong_values(self, event: str, lat: float, lon: float) -> None:
        with pytest.raises(ValueError):
            solar(event, lat, lon)

    def test_as_a_value(self) -> None:
        schedule = solar("sunset", 60, 30)
        assert repr(schedule) == "<solar: sunset at latitude 60, longitude: 30>"
        assert pickle.loads(pickle.dumps(schedule)) == schedule
        assert schedule != solar("sunset", 60, 31)
