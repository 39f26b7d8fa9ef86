"""How often to try again, and when to give up."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest

from celery.worker.consumer._restart import (
    Patience,
    RestartGuard,
    connect,
    is_out_of_descriptors,
)


class Broker:
    """Fails so many times."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.attempts = 0

    async def connect(self) -> None:
        self.attempts += 1
        if self.attempts <= self.failures:
            raise ConnectionError(f"attempt {self.attempts}")


class Sleeps:
    """Notes how long it would have slept; is told to stop after so many."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.stop_after = stop_after
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> bool:
        self.slept.append(seconds)
        return self.stop_after is not None and len(self.slept) >= self.stop_after


def attempt(broker: Broker, patience: Patience, sleeps: Any) -> None:
    asyncio.run(
        connect(broker.connect, (ConnectionError,), patience, url="redis://h", sleep=sleeps)
    )


def test_waits_grow_and_the_broker_is_probed_within_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker, sleeps = Broker(5), Sleeps()
    attempt(broker, Patience(), sleeps)
    assert sleeps.slept == [2.0, 3.0, 1.0, 3.0, 3.0]
    assert [record.getMessage() for record in caplog.records] == [
        "consumer: Cannot connect to redis://h: attempt 1.\n"
        "Trying again in 2.00 seconds... (1/100)\n",
        "consumer: Cannot connect to redis://h: attempt 2.\n"
        "Trying again in 4.00 seconds... (2/100)\n",
        "consumer: Cannot connect to redis://h: attempt 4.\n"
        "Trying again in 6.00 seconds... (3/100)\n",
    ]


def test_patience_ends() -> None:
    broker = Broker(100)
    with pytest.raises(ConnectionError):
        attempt(broker, Patience(max_retries=2), Sleeps())
    with pytest.raises(ConnectionError):
        attempt(Broker(1), Patience(max_retries=0), Sleeps())
    with pytest.raises(ConnectionError):
        attempt(Broker(1), Patience(retry=False), Sleeps())
    assert Patience(max_retries=None).wait(10_000) == 30.0


def test_a_worker_that_is_to_stop_waits_no_longer() -> None:
    broker = Broker(100)
    attempt(broker, Patience(max_retries=None), Sleeps(stop_after=2))
    assert broker.attempts == 2


def test_trying_again_gives_no_descriptors() -> None:
    broker = Broker(1)

    async def out_of_files() -> None:
        broker.attempts += 1
        raise OSError(errno.EMFILE, "Too many open files")

    broker.connect = out_of_files  # type: ignore[method-assign]  # what this test is about
    with pytest.raises(OSError, match="Too many"):
        asyncio.run(connect(broker.connect, (OSError,), Patience(), url="", sleep=Sleeps()))
    assert broker.attempts == 1
    assert not is_out_of_descriptors(ConnectionError())


def test_six_restarts_within_a_second_are_too_many() -> None:
    now = [0.0]
    guard = RestartGuard(clock=lambda: now[0])
    assert [guard.too_often() for _ in range(6)] == [False] * 5 + [True]
    now[0] += 2
    assert not guard.too_often()


class Conf:
    broker_connection_retry = True
    broker_connection_retry_on_startup: bool | None = None
    broker_connection_max_retries = 7


def test_the_first_connection_has_a_setting_of_its_own() -> None:
    conf: Any = Conf()
    assert Patience.from_settings(conf, starting=True) == Patience(max_retries=7)
    conf.broker_connection_retry_on_startup = False
    assert not Patience.from_settings(conf, starting=True).retry
    assert Patience.from_settings(conf, starting=False).retry
