"""The brokers that need no server pass the suite."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest
from kombu import Queue

from celery._broker.base import Action, Broker, Settlement
from celery._broker.memory import MemoryBroker
from celery._broker.options import BrokerOptions
from celery._broker.sqlite import SQLiteBroker
from celery.contrib.testing.conformance.broker import (
    BrokerConformance,
    BrokerOpener,
    to_queue,
)


class LoopTests:
    """Beyond the suite: one broker serves several loops of one process."""

    def test_consumers_of_several_loops_share(
        self, broker: Broker, queue: Queue, open_broker: BrokerOpener
    ) -> None:
        total = 300
        taken: list[bytes] = []

        async def consume(name: str) -> None:
            consumer = open_broker().consumer(worker=name)
            await consumer.start()
            await consumer.add_queue(queue)
            while len(taken) < total:
                got = await consumer.fetch(5, 0.2)
                taken.extend(bytes(delivery.body) for delivery in got)
                await consumer.settle([Settlement(delivery, Action.ACK) for delivery in got])
            await consumer.stop()

        threads = [Thread(target=lambda n=n: asyncio.run(consume(f"w{n}@h"))) for n in range(3)]
        for thread in threads:
            thread.start()
        for n in range(total):
            broker.publish(to_queue(queue, b"%d" % n))
        for thread in threads:
            thread.join()
        assert Counter(taken) == Counter(b"%d" % n for n in range(total))


class TestMemoryBroker(LoopTests, BrokerConformance):
    spans_processes = False

    @pytest.fixture
    def open_broker(self) -> BrokerOpener:
        return partial(MemoryBroker.open, f"memory://{uuid4().hex}", BrokerOptions())

    def test_names_keep_apart(self) -> None:
        one, two = MemoryBroker(uuid4().hex), MemoryBroker(uuid4().hex)
        one.publish(to_queue(Queue("q"), b"1"))
        assert (one.length("q"), two.length("q")) == (1, 0)
        assert MemoryBroker(one.name).length("q") == 1


class TestSQLiteBroker(LoopTests, BrokerConformance):
    recovery_seconds = 2.0

    @pytest.fixture
    def open_broker(self, tmp_path: Path) -> BrokerOpener:
        options = BrokerOptions(transport_options={"lease_seconds": 1.2})
        return partial(SQLiteBroker.open, f"sqlite:///{tmp_path}/celery.db", options)
