"""Cameras: pictures of a state, every now and then."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection

from celery import Celery
from celery.events import EventReceiver
from celery.events.snapshot import Polaroid, evcam
from celery.events.state import State


class Entry:
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeTimer:
    """Remembers what to call."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, Callable[[], Any], Entry]] = []

    def call_repeatedly(self, secs: float, fun: Callable[[], Any]) -> Entry:
        entry = Entry()
        self.calls.append((secs, fun, entry))
        return entry


class Camera(Polaroid):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pictures: list[list[str]] = []
        self.cleanups = 0
        self.taken = threading.Event()

    def on_shutter(self, state: State) -> None:
        self.pictures.append([uuid for uuid, _ in state.tasks_by_time()])
        self.taken.set()

    def on_cleanup(self) -> None:
        self.cleanups += 1


@pytest.fixture
def state(make_event: Callable[..., dict[str, Any]]) -> State:
    state = State()
    state.event(make_event("task-succeeded", uuid="1"))
    return state


def test_pictures_and_cleanups_are_scheduled(app: Celery, state: State) -> None:
    timer = FakeTimer()
    with Camera(state, freq=2, cleanup_freq=7, timer=timer, app=app) as camera:
        camera.install()
        [(every, capture, _), (tidy_every, cleanup, _)] = timer.calls
        assert (every, tidy_every) == (2, 7)
        capture()
        cleanup()
        assert (camera.pictures, camera.cleanups) == ([["1"]], 1)
    assert camera.pictures == [["1"], ["1"]], "a last one at the end"
    camera.cancel()
    assert all(entry.cancelled for _, _, entry in timer.calls)


def test_signals_come_before(app: Celery, state: State) -> None:
    seen: list[Any] = []

    def note(sender: Any, signal: Any, **_: Any) -> None:
        seen.append((sender, signal.name))

    Polaroid.shutter_signal.connect(note)
    Polaroid.cleanup_signal.connect(note)
    try:
        camera = Polaroid(state, timer=FakeTimer(), app=app)
        camera.capture()
        camera.cleanup()
    finally:
        Polaroid.shutter_signal.disconnect(note)
        Polaroid.cleanup_signal.disconnect(note)
    assert seen == [(state, "shutter_signal"), (state, "cleanup_signal")]


def test_a_camera_may_forget_what_it_has_shown(app: Celery, state: State) -> None:
    camera = Camera(state, timer=FakeTimer(), app=app)
    camera.capture()
    assert len(state.tasks) == 1
    camera.clear_after = True
    camera.capture()
    assert len(state.tasks) == 0
    assert camera.pictures == [["1"], ["1"]]


def test_a_rate_limits_pictures(app: Celery, state: State) -> None:
    camera = Camera(state, timer=FakeTimer(), app=app, maxrate="1/h")
    for _ in range(3):
        camera.capture()
    assert len(camera.pictures) == 1


def test_a_timer_of_its_own_ends_with_the_camera(app: Celery, state: State) -> None:
    with Camera(state, freq=0.001, app=app) as camera:
        assert camera.taken.wait(10)
    assert not camera.timer.is_alive()


def test_evcam_feeds_a_camera_until_interrupted(
    app: Celery,
    make_event: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(app, "connection_for_read", lambda: Connection("memory://"))
    pidfile = tmp_path / "evcam.pid"
    cameras: list[Camera] = []

    def make(*args: Any, **kwargs: Any) -> Camera:
        cameras.append(Camera(*args, **kwargs))
        return cameras[-1]

    def capture(receiver: EventReceiver, limit: Any) -> None:
        assert pidfile.exists()
        receiver.process("x", make_event("task-received", uuid="1"))
        cameras[0].timer.calls[0][1]()
        raise KeyboardInterrupt

    monkeypatch.setattr(EventReceiver, "capture", capture)
    monkeypatch.setattr(app.log, "setup_logging_subsystem", lambda *a: None)
    timer = FakeTimer()
    with pytest.raises(SystemExit):
        evcam(make, freq=3.0, maxrate="10/m", pidfile=str(pidfile), timer=timer, app=app)
    assert cameras[0].pictures == [["1"]]
    assert [every for every, _, _ in timer.calls] == [3.0, 3600.0]
    assert all(entry.cancelled for _, _, entry in timer.calls)
    assert "Taking snapshots with" in capsys.readouterr().out
    assert not pidfile.exists()
