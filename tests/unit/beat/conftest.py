"""A clock that stands still, apps on memory, and schedulers that note what they would send."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from celery import Celery
from celery.beat import Scheduler
from celery.schedules import schedule

NEW_YEAR = datetime(2030, 1, 1, tzinfo=UTC)


class Clock:
    """A time that changes when it is told to."""

    def __init__(self) -> None:
        self.time = NEW_YEAR

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Recorder(Scheduler):
    """Notes what it would send."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.sent: list[str] = []
        self.synced = 0
        super().__init__(*args, **kwargs)

    def apply_async(self, entry: Any, *args: Any, **kwargs: Any) -> Any:
        self.sent.append(entry.name)

    def sync(self) -> None:
        self.synced += 1


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def every(clock: Clock) -> Callable[[float], schedule]:
    """An interval on the clock."""
    return lambda seconds: schedule(seconds, nowfun=clock)


@pytest.fixture
def app(request: pytest.FixtureRequest) -> Iterator[Celery]:
    app = Celery(
        "beat",
        broker=f"memory://{request.node.name}",
        backend="cache+memory://",
        set_as_current=False,
    )
    yield app
    app.close()
