"""The alarm rings once, at the earliest time it was told."""

from __future__ import annotations

import asyncio
import math
import time

from celery.concurrency._prefork.alarm import Alarm


class FakeLoop(asyncio.SelectorEventLoop):
    """Only keeps what is to be called later."""

    def __init__(self) -> None:
        super().__init__()
        self.timers: list[asyncio.TimerHandle] = []

    def call_later(self, *args, **kwargs):  # type: ignore[no-untyped-def]  # as the base
        self.timers.append(super().call_later(*args, **kwargs))
        return self.timers[-1]

    def due(self) -> list[asyncio.TimerHandle]:
        return [timer for timer in self.timers if not timer.cancelled()]


def test_earliest_time_wins() -> None:
    rings: list[str] = []
    loop = FakeLoop()
    try:
        alarm = Alarm(lambda: rings.append("ring"))
        alarm.attach(loop)
        now = time.monotonic()
        alarm.at(now + 60)
        alarm.at(now + 90)
        alarm.at(math.inf)
        assert len(loop.timers) == 1
        alarm.at(now + 30)
        assert len(loop.timers) == 2
        (timer,) = loop.due()
        timer._run()
        assert rings == ["ring"]
        alarm.at(now + 60)
        assert len(loop.timers) == 3
    finally:
        loop.close()


def test_times_survive_a_change_of_loop() -> None:
    first, second = FakeLoop(), FakeLoop()
    try:
        alarm = Alarm(lambda: None)
        alarm.at(time.monotonic() + 60)
        alarm.attach(first)
        assert len(first.due()) == 1
        alarm.attach(second)
        assert (len(first.due()), len(second.due())) == (0, 1)
        alarm.detach()
        assert second.due() == []
    finally:
        first.close()
        second.close()
