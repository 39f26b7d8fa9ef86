"""The schedule in a file: what survives a restart, and what resets it."""

from __future__ import annotations

import os
import shelve
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from celery import Celery
from celery.beat import PersistentScheduler

Make = Callable[..., PersistentScheduler]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "schedule")


@pytest.fixture
def make(path: str) -> Make:
    """A scheduler as a new process would make it, with its settings."""

    def make(filename: str = path, **settings: Any) -> PersistentScheduler:
        app = Celery(
            "beat", broker="memory://file", backend="cache+memory://", set_as_current=False
        )
        app.conf.update(
            {"beat_schedule": {"x": {"task": "t.x", "schedule": 10}}, "timezone": "UTC", **settings}
        )
        return PersistentScheduler(app, schedule_filename=filename)

    return make


def run_once(scheduler: PersistentScheduler) -> Any:
    """Note a run, and end; the time of the run."""
    last = scheduler.reserve(scheduler.schedule["x"]).last_run_at
    scheduler.close()
    return last


def test_a_restart_keeps_runs(make: Make) -> None:
    last = run_once(make())
    entry = make().schedule["x"]
    assert (entry.last_run_at, entry.total_run_count) == (last, 1)
    assert entry.app is not None


def test_the_settings_decide_which_entries_there_are(make: Make) -> None:
    run_once(make())
    changed = {
        "x": {"task": "t.changed", "schedule": 20},
        "new": {"task": "t.new", "schedule": 1},
    }
    schedule = make(beat_schedule=changed).schedule
    assert sorted(schedule) == ["new", "x"]
    assert (schedule["x"].task, schedule["x"].total_run_count) == ("t.changed", 1)
    assert make(beat_schedule={}).schedule == {}


def test_the_file_has_the_documented_keys(make: Make, path: str) -> None:
    make().close()
    with shelve.open(path) as store:
        assert sorted(store) == ["__version__", "entries", "tz", "utc_enabled"]
        assert store["tz"] == "UTC"
        assert store["utc_enabled"] is True
        assert list(store["entries"]) == ["x"]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"timezone": "Asia/Tokyo"}, "Reset: Timezone changed from 'UTC' to 'Asia/Tokyo'"),
        ({"enable_utc": False}, "Reset: UTC changed from enabled to disabled"),
    ],
)
def test_another_time_zone_resets_it(
    make: Make, settings: dict[str, Any], text: str, caplog: pytest.LogCaptureFixture
) -> None:
    run_once(make())
    assert make(**settings).schedule["x"].total_run_count == 0
    assert text in caplog.messages


def test_a_zone_where_there_was_none_is_no_change(make: Make) -> None:
    run_once(make(timezone=None))
    assert make(timezone="Asia/Tokyo").schedule["x"].total_run_count == 1


@pytest.mark.parametrize("field", ["__version__", "tz", "utc_enabled"])
def test_files_of_old_programs_are_reset(
    make: Make, path: str, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    run_once(make())
    with shelve.open(path) as store:
        del store[field]
    assert make().schedule["x"].total_run_count == 0
    assert f"DB Reset: Account for new {field} field" in caplog.messages


def _garbage(path: str) -> None:
    for file in Path(path).parent.iterdir():
        file.write_bytes(b"garbage\0\1")


def _half_written(path: str) -> None:
    with shelve.open(path) as store:
        store.dict[b"entries"] = store.dict[b"entries"][:-5]


def _class_gone(path: str) -> None:
    with shelve.open(path) as store:
        store.dict[b"entries"] = b"cno.such.module\nEntry\n."


def _no_entries(path: str) -> None:
    with shelve.open(path) as store:
        store["entries"] = 3


@pytest.mark.parametrize("damage", [_garbage, _half_written, _class_gone, _no_entries])
def test_a_damaged_file_is_replaced(
    make: Make, path: str, damage: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    run_once(make())
    damage(path)
    scheduler = make()
    assert scheduler.schedule["x"].total_run_count == 0
    assert f"Removing corrupted schedule file '{path}'" in caplog.text
    last = run_once(scheduler)
    assert make().schedule["x"].last_run_at == last


def test_a_path_that_cannot_be_is_an_error_and_nothing_is_removed(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(FileNotFoundError):
        make(filename=str(tmp_path / "no" / "schedule"))
    assert "Removing" not in caplog.text


def test_sync_writes_and_close_may_be_repeated(make: Make, path: str) -> None:
    scheduler = make()
    scheduler.reserve(scheduler.schedule["x"])
    scheduler.sync()
    with shelve.open(path, flag="r") as store:
        assert store["entries"]["x"].total_run_count == 1
    scheduler.close()
    scheduler.close()
    scheduler.sync()


def test_without_a_path_the_setting_decides(make: Make, tmp_path: Path) -> None:
    scheduler = make(filename=None, beat_schedule_filename=str(tmp_path / "setting"))
    scheduler.close()
    assert any(name.startswith("setting") for name in os.listdir(tmp_path))
    assert scheduler.info == f"    . db -> {tmp_path / 'setting'}"
