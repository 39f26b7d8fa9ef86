"""The part of the broker suite about several consumers and processes, and about their deaths."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import traceback
import warnings
from collections import Counter
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

import pytest
from kombu import Queue

from celery._broker.base import Action, Broker
from celery.contrib.testing.conformance._broker_kit import (
    PATIENCE,
    SILENCE,
    BrokerKit,
    BrokerOpener,
    bodies,
    consuming,
    run,
    settle,
    spawn,
    take,
    to_queue,
)

__all__ = ["ProcessTests"]


class ProcessTests(BrokerKit):
    """One message, one holder, and nothing lost with him."""

    def test_two_consumers_share_without_overlap(self, broker: Broker, queue: Queue) -> None:
        wanted = [b"%d" % n for n in range(600)]
        broker.publish(to_queue(queue, *wanted))

        async def scenario() -> None:
            taken: list[bytes] = []

            async def work(name: str) -> None:
                async with consuming(broker, queue, worker=name) as consumer:
                    while len(taken) < len(wanted):
                        got = await consumer.fetch(7, SILENCE)
                        taken.extend(bodies(got))
                        await settle(consumer, Action.ACK, *got)

            await asyncio.gather(work("w1@conformance"), work("w2@conformance"))
            assert Counter(taken) == Counter(wanted)

        run(scenario())

    def test_processes_share_without_overlap(
        self, broker: Broker, queue: Queue, open_broker: BrokerOpener
    ) -> None:
        self.needs_processes()
        total = 300
        with _Children(open_broker, queue) as children:
            pipes = [children.start(_consume_all, n) for n in range(2)]
            for pipe in pipes:
                assert _hear(pipe) == "ready"
            publishers = [children.start(_publish_all, n, total // 3) for n in range(3)]
            assert [_hear(pipe) for pipe in publishers] == ["done"] * 3
            taken: Counter[bytes] = Counter()
            deadline = time.monotonic() + PATIENCE
            while taken.total() < total and time.monotonic() < deadline:
                for pipe in pipes:
                    if pipe.poll(0.01):
                        taken.update(pipe.recv())
        assert taken == Counter(b"%d.%d" % (n, i) for n in range(3) for i in range(total // 3))
        assert broker.length(queue.name) == 0

    def test_a_waiting_fetch_gets_what_another_process_publishes(
        self, broker: Broker, queue: Queue, open_broker: BrokerOpener
    ) -> None:
        self.needs_processes()

        async def scenario(pipe: Connection) -> None:
            async with consuming(broker, queue) as consumer:
                for _ in range(3):
                    fetch = asyncio.create_task(consumer.fetch(1, 10.0))
                    await asyncio.sleep(2 * SILENCE)  # The fetch is to be idle by then.
                    pipe.send("go")
                    got = await fetch
                    assert time.time() - float(bodies(got)[0]) < 1.0
                    await settle(consumer, Action.ACK, *got)

        with _Children(open_broker, queue) as children:
            pipe = children.start(_publish_when_told)
            assert _hear(pipe) == "ready"
            run(scenario(pipe))

    def test_what_a_killed_consumer_held_comes_back(
        self, broker: Broker, queue: Queue, open_broker: BrokerOpener
    ) -> None:
        self.needs_processes()
        if not broker.capabilities.leases:
            pytest.skip("the broker has no leases")
        broker.publish(to_queue(queue, b"1", b"2", b"3"))

        async def scenario(children: _Children) -> None:
            async with consuming(broker, queue, worker="w2@conformance") as consumer:
                children.kill()
                got = await take(consumer, 3, within=self.recovery_seconds + 5.0)
                assert sorted(bodies(got)) == [b"1", b"2", b"3"]
                back = [d for d in got if bytes(d.body) != b"3"]
                assert all(d.delivery_info["redelivered"] for d in back)
                if self.counts_deliveries:
                    assert [d.delivery_count for d in back] == [1, 1]
                await settle(consumer, Action.ACK, *got)

        with _Children(open_broker, queue) as children:
            assert _hear(children.start(_hold, 2)) == [b"1", b"2"]
            run(scenario(children))

    def test_what_a_living_consumer_holds_stays_with_it(self, broker: Broker, queue: Queue) -> None:
        if not broker.capabilities.leases or self.recovery_seconds > 5.0:
            pytest.skip("the broker has no leases, or long ones")
        broker.publish(to_queue(queue, b"1", b"2"))

        async def scenario() -> None:
            async with (
                consuming(broker, queue) as holder,
                consuming(broker, queue, worker="w2@conformance") as other,
            ):
                held = await take(holder, 2)
                assert await other.fetch(1, 1.5 * self.recovery_seconds) == []
                await settle(holder, Action.ACK, *held)
                assert await other.fetch(1, SILENCE) == []

        run(scenario())
        assert broker.length(queue.name) == 0

    def test_an_opened_broker_may_be_used_after_a_fork(self, broker: Broker, queue: Queue) -> None:
        self.needs_processes()
        broker.publish(to_queue(queue, b"before"))
        busy = Thread(target=lambda: [broker.publish(to_queue(queue, b"busy")) for _ in range(100)])
        busy.start()
        children = [_fork_and_publish(broker, queue, n) for n in range(4)]
        busy.join()
        assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
        broker.publish(to_queue(queue, b"after"))

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                got = await take(consumer, 142)
                expected = {b"before": 1, b"after": 1, b"busy": 100}
                expected |= {b"child %d" % n: 10 for n in range(4)}
                assert Counter(bodies(got)) == expected
                await settle(consumer, Action.ACK, *got)

        run(scenario())

    def needs_processes(self) -> None:
        """Skip the test if other processes see nothing of this broker."""
        if not self.spans_processes:
            pytest.skip("the broker is of one process")


class _Children:
    """Child processes of one test, killed at its end. Each has a pipe to it."""

    def __init__(self, open_broker: BrokerOpener, queue: Queue) -> None:
        self._arguments = (open_broker, queue.name)
        self._processes: list[Any] = []
        self._pipes: list[Connection] = []

    def start(self, target: Any, *args: Any) -> Connection:
        here, there = Pipe()
        self._processes.append(spawn(target, there, *self._arguments, *args))
        there.close()
        self._pipes.append(here)
        return here

    def kill(self) -> None:
        """SIGKILL to all that still run: no last words."""
        for process in self._processes:
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            process.close()
        self._processes.clear()

    def __enter__(self) -> _Children:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()
        for pipe in self._pipes:
            pipe.close()


def _hear(pipe: Connection) -> Any:
    """What the child says next."""
    assert pipe.poll(PATIENCE), "the child process is silent"
    return pipe.recv()


def _fork_and_publish(broker: Broker, queue: Queue, n: int) -> int:
    with warnings.catch_warnings():
        # Later Pythons warn of forks while threads run, which is what this is about.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return pid
    try:
        for _ in range(10):
            broker.publish(to_queue(queue, b"child %d" % n))
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


# What follows runs in child processes.


def _consume_all(pipe: Connection, open_broker: BrokerOpener, name: str, n: int) -> None:
    async def work() -> None:
        async with consuming(open_broker(), Queue(name), worker=f"child{n}@h") as consumer:
            pipe.send("ready")
            while True:
                got = await consumer.fetch(8, 1.0)
                await settle(consumer, Action.ACK, *got)
                pipe.send(bodies(got))

    asyncio.run(work())


def _publish_all(
    pipe: Connection, open_broker: BrokerOpener, name: str, n: int, count: int
) -> None:
    broker = open_broker()
    for i in range(count):
        broker.publish(to_queue(Queue(name), b"%d.%d" % (n, i)))
    pipe.send("done")


def _publish_when_told(pipe: Connection, open_broker: BrokerOpener, name: str) -> None:
    broker = open_broker()
    broker.connect()
    pipe.send("ready")
    while pipe.recv() == "go":
        broker.publish(to_queue(Queue(name), b"%f" % time.time()))


def _hold(pipe: Connection, open_broker: BrokerOpener, name: str, count: int) -> None:
    async def hold() -> None:
        async with consuming(open_broker(), Queue(name), worker="killed@h") as consumer:
            pipe.send(bodies(await take(consumer, count)))
            await asyncio.Event().wait()

    asyncio.run(hold())
