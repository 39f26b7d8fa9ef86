"""Dumper: events as lines."""

from __future__ import annotations

import io
from typing import Any

import pytest
from kombu import Connection
from kombu.exceptions import OperationalError

from celery import Celery
from celery.events import EventReceiver
from celery.events.dumper import Dumper, evdump, humanize_type

WHEN = "[1970-01-12 13:46:40.500000+00:00]"


def dump(*events: dict[str, Any]) -> list[str]:
    out = io.StringIO()
    dumper = Dumper(out)
    for event in events:
        dumper.on_event({"hostname": "w1", "timestamp": 1_000_000.5, **event})
    return out.getvalue().splitlines()


def test_events_about_workers() -> None:
    assert dump(
        {"type": "worker-online", "freq": 2, "active": 1},
        {"type": "worker-heartbeat"},
        {"type": "worker-offline", "pid": 3},
        {"type": "my-own", "a": 1},
    ) == [
        f"w1 {WHEN} started: active=1, freq=2",
        f"w1 {WHEN} heartbeat ",
        f"w1 {WHEN} shutdown: pid=3",
        f"w1 {WHEN} my own: a=1",
    ]


def test_events_about_tasks_carry_name_and_arguments_once_known() -> None:
    assert dump(
        {"type": "task-started", "uuid": "u", "pid": 3},
        {"type": "task-received", "uuid": "u", "name": "add", "args": "(1,)", "kwargs": "{}"},
        {"type": "task-succeeded", "uuid": "u", "result": "2", "clock": 4},
        {"type": "task-failed", "uuid": "other", "exception": "E()"},
    ) == [
        f"w1 {WHEN} task started:  pid=3",
        f"w1 {WHEN} task received: add(u) args=(1,) kwargs={{}} ",
        f"w1 {WHEN} task succeeded: add(u) args=(1,) kwargs={{}} clock=4, result=2",
        f"w1 {WHEN} task failed:  exception=E()",
    ]


def test_the_event_is_left_as_it_is() -> None:
    event = {"type": "worker-online", "hostname": "w1", "timestamp": 1.0}
    Dumper(io.StringIO()).on_event(event)
    assert event == {"type": "worker-online", "hostname": "w1", "timestamp": 1.0}


def test_types_in_words() -> None:
    assert humanize_type("worker-online") == "started"
    assert humanize_type("Task-Sent-X") == "task sent x"


def test_evdump_reconnects_until_interrupted(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "connection_for_read", lambda: Connection("memory://"))
    outcomes: list[BaseException] = [OperationalError("gone"), KeyboardInterrupt()]

    def capture(receiver: EventReceiver) -> None:
        receiver.process("x", {"type": "worker-online", "hostname": "w1", "timestamp": 1.0})
        raise outcomes.pop(0)

    monkeypatch.setattr(EventReceiver, "capture", capture)
    out = io.StringIO()
    evdump(app, out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "-> evdump: starting capture..."
    assert lines[2] == "-> Connection lost, attempting reconnect"
    assert [line.split()[0] for line in lines[1::2]] == ["w1", "w1"]
    assert not outcomes
