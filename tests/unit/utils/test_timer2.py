"""The timer thread."""

import threading
import time
from typing import Any

import pytest

from celery.utils.timer2 import Entry, Timer


@pytest.fixture
def timer() -> Any:
    timer = Timer()
    yield timer
    timer.stop()
    assert not timer.is_alive()


def test_calls_what_is_due(timer: Timer) -> None:
    called = threading.Event()
    timer.call_after(0.01, called.set)
    assert called.wait(5)
    assert timer.running


def test_sooner_ones_do_not_wait_for_later_ones(timer: Timer) -> None:
    called = threading.Event()
    timer.call_after(1000, lambda: None)
    timer.call_at(time.monotonic(), called.set)
    assert called.wait(5)
    assert len(timer) == 1
    assert not timer.empty()
    timer.clear()
    assert timer.empty()
    assert timer


def test_repeatedly_until_cancelled(timer: Timer) -> None:
    times: list[float] = []
    enough = threading.Event()

    def tick() -> None:
        times.append(time.monotonic())
        if len(times) == 3:
            timer.cancel(entry)
            enough.set()

    entry = timer.call_repeatedly(0.001, tick)
    assert enough.wait(5)
    assert entry.cancelled


def test_an_error_does_not_end_it() -> None:
    errors: list[Exception] = []
    called = threading.Event()
    timer = Timer(on_error=errors.append)
    try:
        timer.call_after(0, lambda: 1 / 0)
        timer.call_after(0, called.set)
        assert called.wait(5)
    finally:
        timer.stop()
    assert isinstance(errors[0], ZeroDivisionError)


def test_callbacks_and_entries() -> None:
    told: list[Any] = []
    called = threading.Event()
    timer = Timer(on_start=told.append, on_tick=told.append, max_interval=1)
    try:
        timer.enter_after(0.01, Entry(called.set))
        entry = timer.enter(Entry(told.append), time.monotonic() + 1000)
        assert called.wait(5)
        assert [item.entry for item in timer.queue] == [entry]
    finally:
        timer.stop()
    assert told[0] is timer
    assert 0 < told[1] <= 0.01


def test_stop_is_safe_at_any_time() -> None:
    timer = Timer()
    timer.stop()
    timer.stop()
    timer.ensure_started()
    assert not timer.running
