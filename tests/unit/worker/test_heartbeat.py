"""Saying that the worker lives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery.signals import heartbeat_sent
from celery.worker.heartbeat import Heart


class Entry:
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Timer:
    def __init__(self) -> None:
        self.interval = 0.0
        self.beat: Callable[[], None] | None = None
        self.entry = Entry()

    def call_repeatedly(self, secs: float, fun: Callable[[], None]) -> Entry:
        self.interval, self.beat = secs, fun
        return self.entry


class Eventer:
    def __init__(self) -> None:
        self.enabled = True
        self.on_enabled: set[Any] = set()
        self.on_disabled: set[Any] = set()
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def send(self, type: str, **fields: Any) -> None:
        self.sent.append((type, fields))


def test_online_heartbeats_offline() -> None:
    timer, eventer, told = Timer(), Eventer(), []

    @heartbeat_sent.connect
    def on_sent(sender: Any, **kwargs: Any) -> None:
        told.append(sender)

    heart = Heart(timer, eventer)
    heart.start()
    heart.start()
    assert timer.beat is not None
    timer.beat()
    heart.stop()
    heart.stop()
    heartbeat_sent.disconnect(on_sent)
    assert [type for type, _ in eventer.sent] == [
        "worker-online",
        "worker-heartbeat",
        "worker-offline",
    ]
    assert (timer.interval, timer.entry.cancelled) == (2.0, True)
    fields = eventer.sent[1][1]
    assert fields["freq"] == 2.0
    assert fields["sw_ident"] == "py-celery"
    assert {"active", "processed", "loadavg", "sw_ver", "sw_sys"} <= set(fields)
    assert told == [heart]


def test_it_follows_the_dispatcher() -> None:
    timer, eventer = Timer(), Eventer()
    eventer.enabled = False
    heart = Heart(timer, eventer, interval=5)
    heart.start()
    assert eventer.sent == []
    eventer.enabled = True
    for callback in eventer.on_enabled:
        callback()
    assert timer.interval == 5.0
    for callback in eventer.on_disabled:
        callback()
    assert timer.entry.cancelled
