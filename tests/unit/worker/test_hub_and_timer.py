"""The faces over the asyncio loop."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import time

import pytest

from celery.worker._hub import Hub
from celery.worker._timer import Timer


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub(asyncio.new_event_loop())
    yield hub
    hub.close()


def run_until(hub: Hub, event: asyncio.Event) -> None:
    hub.run(asyncio.wait_for(event.wait(), 5))


def test_readers_are_called_until_removed(hub: Hub) -> None:
    read_end, write_end = os.pipe()
    seen, arrived = [], asyncio.Event()

    def on_readable(label: str) -> None:
        seen.append((label, os.read(read_end, 10)))
        arrived.set()

    hub.add_reader([read_end], on_readable, "pipe")
    os.write(write_end, b"x")
    run_until(hub, arrived)
    assert seen == [("pipe", b"x")]
    hub.remove(read_end)
    hub.remove(read_end)
    os.close(read_end)
    os.close(write_end)


def test_calls_from_other_threads_wake_the_loop(hub: Hub) -> None:
    done = asyncio.Event()
    thread = threading.Thread(target=lambda: hub.call_soon_threadsafe(done.set))
    hub.call_soon(thread.start)
    run_until(hub, done)
    thread.join()


def test_call_repeatedly_until_cancelled(hub: Hub) -> None:
    calls, done = [], asyncio.Event()

    def call() -> None:
        calls.append(1)
        if len(calls) == 3:
            repeating.cancel()
            done.set()

    repeating = hub.call_repeatedly(0.001, call)
    run_until(hub, done)
    hub.run(asyncio.sleep(0.01))
    assert len(calls) == 3


def test_a_failing_callback_is_logged_and_stops_nothing(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    done = asyncio.Event()
    hub.call_soon(lambda: 1 / 0)
    hub.call_soon(done.set)
    run_until(hub, done)
    assert "ZeroDivisionError" in caplog.text


def test_an_exit_on_the_loop_ends_the_coroutine_first(hub: Hub) -> None:
    ended = []

    async def life() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    def leave() -> None:
        raise SystemExit(3)

    hub.call_later(0.001, leave)
    with pytest.raises(SystemExit):
        hub.run(life())
    assert ended == [True]


def test_spawned_failures_are_logged(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("oops")

    hub.run_or_spawn(asyncio.sleep(0))
    hub.call_soon(lambda: hub.run_or_spawn(fail()))
    hub.run(asyncio.sleep(0.01))
    assert "oops" in caplog.text


def test_closing_tells_who_wants_to_know_once() -> None:
    hub, told = Hub(asyncio.new_event_loop()), []
    hub.on_close.add(told.append)
    hub.close()
    hub.close()
    assert told == [hub]


# -- the timer


def test_calls_happen_in_time_order_whatever_form_the_time_has(hub: Hub) -> None:
    timer, calls, done = Timer(hub.loop), [], asyncio.Event()
    timer.call_after(0.02, lambda: (calls.append("after"), done.set()))
    timer.call_at(time() + 0.01, calls.append, ("epoch",))
    timer.call_at(datetime.now(UTC) - timedelta(seconds=1), calls.append, ("past",))
    assert [item.entry.args[:1] for item in timer.queue] == [("past",), ("epoch",), ()]
    run_until(hub, done)
    assert calls == ["past", "epoch", "after"]
    assert len(timer) == 0


def test_cancelled_entries_do_not_happen(hub: Hub) -> None:
    timer, calls = Timer(hub.loop), []
    entry = timer.call_after(0.001, calls.append, ("one",))
    entry.cancel()
    entry.cancel()
    timer.call_after(0.001, calls.append, ("two",))
    timer.clear()
    hub.run(asyncio.sleep(0.01))
    assert calls == []
    assert entry.cancelled


def test_repeating_entries_repeat_and_survive_errors(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    timer, calls, done = Timer(hub.loop), [], asyncio.Event()

    def call() -> None:
        calls.append(1)
        if len(calls) == 3:
            entry.cancel()
            done.set()
        raise ValueError("oops")

    with caplog.at_level(logging.ERROR):
        entry = timer.call_repeatedly(0.001, call)
        run_until(hub, done)
        hub.run(asyncio.sleep(0.01))
    assert len(calls) == 3
    assert "oops" in caplog.text
