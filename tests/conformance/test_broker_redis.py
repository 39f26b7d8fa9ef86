"""The Redis broker passes the suite, and keeps what it promises beyond it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
import redis
from kombu import Exchange, Queue

from celery._broker.base import Action, Publication
from celery._broker.options import BrokerOptions
from celery._broker.redis import RedisBroker
from celery._message.envelope import Envelope
from celery._stores.redis.doorbell import Doorbell
from celery.contrib.testing.conformance._broker_kit import (
    bodies,
    consuming,
    run,
    settle,
    take,
    to_queue,
)
from celery.contrib.testing.conformance.broker import BrokerConformance, BrokerOpener

pytestmark = pytest.mark.redis

DB = 11


class TestRedisBroker(BrokerConformance):
    higher_priority_first = False  # as Celery has always had it on Redis
    deletes_unused_queues = False
    recovery_seconds = 3.0
    options = {"lease_seconds": 2.0, "global_keyprefix": "conformance:"}

    @pytest.fixture
    def open_broker(self, redis_server: str) -> Iterator[BrokerOpener]:
        options = BrokerOptions(transport_options=self.options)
        yield partial(RedisBroker.open, f"{redis_server}/{DB}", options)
        with redis.Redis.from_url(f"{redis_server}/{DB}") as client:
            # Consumers that a test kills stay listed until somebody looks after them.
            excused = {b"conformance:_celery.consumers", b"conformance:_celery.sweep"}
            assert set(client.keys("conformance:*")) <= excused, "the broker left keys behind"


@pytest.fixture
def prefix() -> str:
    return f"test.{uuid4().hex}:"


@pytest.fixture
def client(redis_server: str, prefix: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(f"{redis_server}/{DB}") as client:
        yield client
        left = client.keys(f"{prefix}*")
        if left:
            client.delete(*left)


@pytest.fixture
def broker(redis_server: str, prefix: str, client: redis.Redis) -> Iterator[RedisBroker]:
    options = {"global_keyprefix": prefix, "lease_seconds": 2.0, "client_name": prefix}
    broker = RedisBroker.open(f"{redis_server}/{DB}", BrokerOptions(transport_options=options))
    yield broker
    broker.close()


QUEUE = Queue("q")


def test_idle_workers_keep_the_order_and_share(broker: RedisBroker) -> None:
    wanted = [b"%03d" % n for n in range(60)]

    async def work(name: str, taken: list[tuple[str, bytes]]) -> None:
        async with consuming(broker, QUEUE, worker=name) as consumer:
            while len(taken) < len(wanted):
                for delivery in await consumer.fetch(1, 0.2):
                    taken.append((name, bytes(delivery.body)))
                    await settle(consumer, Action.ACK, delivery)

    async def scenario() -> None:
        taken: list[tuple[str, bytes]] = []
        workers = [asyncio.create_task(work(f"w{n}@h", taken)) for n in range(4)]
        for body in wanted:
            await asyncio.to_thread(broker.publish, to_queue(QUEUE, body))
        await asyncio.gather(*workers)
        assert sorted(body for _, body in taken) == wanted
        for worker in {name for name, _ in taken}:
            mine = [body for name, body in taken if name == worker]
            assert mine == sorted(mine)

    run(scenario())


def test_messages_of_a_reply_that_was_lost_are_delivered(
    broker: RedisBroker, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.publish(to_queue(QUEUE, b"1", b"2", b"3"))

    async def scenario() -> None:
        async with consuming(broker, QUEUE) as consumer:
            link = consumer._fetching  # type: ignore[attr-defined]
            really_run = link.run

            async def run_and_lose(*commands: Any) -> Any:
                await really_run(*commands)
                raise redis.exceptions.ConnectionError("cut after the server was done")

            monkeypatch.setattr(link, "run", run_and_lose)
            with pytest.raises(broker.connection_errors):
                await consumer.fetch(2, 1.0)
            monkeypatch.setattr(link, "run", really_run)
            got = await take(consumer, 3)
            assert bodies(got) == [b"1", b"2", b"3"]
            await settle(consumer, Action.ACK, *got)

    run(scenario())


def test_it_survives_its_connections_being_killed(
    broker: RedisBroker, client: redis.Redis, prefix: str
) -> None:
    async def scenario() -> None:
        async with consuming(broker, QUEUE) as consumer:
            for round_ in range(3):
                waiting = asyncio.create_task(consumer.fetch(1, 20.0))
                await asyncio.sleep(0.1)
                killed = [c["id"] for c in client.client_list() if c["name"] == prefix]
                assert killed
                for id_ in killed:
                    client.client_kill_filter(_id=id_)
                await asyncio.to_thread(_publish_whatever, broker, b"%d" % round_)
                try:
                    got = await waiting
                except broker.connection_errors:
                    got = await take(consumer, 1)
                assert bodies(got) == [b"%d" % round_]
                await settle(consumer, Action.ACK, *got)

    run(scenario())


def _publish_whatever(broker: RedisBroker, body: bytes) -> None:
    try:
        broker.publish(to_queue(QUEUE, body))
    except broker.connection_errors:
        broker.publish(to_queue(QUEUE, body))


def test_it_polls_where_the_server_does_not_notify(
    broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(self: Doorbell, lists: object) -> bool:
        return False

    monkeypatch.setattr(Doorbell, "watch", refuse)

    async def scenario() -> None:
        async with consuming(broker, QUEUE) as consumer:
            waiting = asyncio.create_task(consumer.fetch(1, 10.0))
            await asyncio.sleep(0.3)
            began = time.monotonic()
            await asyncio.to_thread(broker.publish, to_queue(QUEUE, b"1"))
            got = await waiting
            assert time.monotonic() - began < 1.0
            await settle(consumer, Action.ACK, *got)

    run(scenario())


def test_an_idle_consumer_leaves_the_server_alone(broker: RedisBroker, client: redis.Redis) -> None:
    async def scenario() -> None:
        async with consuming(broker, *(Queue(f"q{n}") for n in range(10))) as consumer:
            await consumer.fetch(1, 0.0)
            before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
            assert await consumer.fetch(1, 1.5) == []
            after = client.info("commandstats")["cmdstat_evalsha"]["calls"]
            assert after - before < 20  # renewals and the like; other tests may be running

    run(scenario())


@pytest.mark.parametrize(
    ("kombu_scores_age", "comes_back"), [(4000.0, True), (10.0, False)], ids=["old", "fresh"]
)
def test_what_a_kombu_consumer_left_comes_back(
    broker: RedisBroker,
    client: redis.Redis,
    prefix: str,
    kombu_scores_age: float,
    comes_back: bool,
) -> None:
    broker.publish(to_queue(QUEUE, b"1", priority=3))
    raw = client.rpop(f"{prefix}q\x06\x163")
    assert raw is not None
    message = json.loads(raw)
    tag = message["properties"]["delivery_tag"]
    client.hset(f"{prefix}unacked", tag, json.dumps([message, "", "q"]))
    client.zadd(f"{prefix}unacked_index", {tag: time.time() - kombu_scores_age})

    async def scenario() -> None:
        async with consuming(broker, QUEUE) as consumer:
            got = await consumer.fetch(1, 0.5)
            assert bodies(got) == ([b"1"] if comes_back else [])
            assert all(d.delivery_info["redelivered"] for d in got)
            await settle(consumer, Action.ACK, *got)

    run(scenario())
    assert client.hlen(f"{prefix}unacked") == (0 if comes_back else 1)
    assert client.exists(f"{prefix}unacked_mutex") == 0


def test_what_comes_back_too_often_tells_how_often(
    broker: RedisBroker, client: redis.Redis, prefix: str
) -> None:
    broker.publish(to_queue(QUEUE, b"poison"))

    async def hold_and_vanish() -> None:
        consumer = broker.consumer(worker="doomed@h")
        await consumer.start()
        await consumer.add_queue(QUEUE)
        assert len(await take(consumer, 1)) == 1
        # As if killed: the lease is not renewed, and nothing is given back.
        consumer._started = False  # type: ignore[attr-defined]
        await consumer.stop()
        assert client.zcard(f"{prefix}_celery.consumers") == 1

    async def scenario() -> None:
        for _ in range(2):
            await hold_and_vanish()
            async with consuming(broker) as _:
                deadline = time.monotonic() + 10
                while not broker.length("q") and time.monotonic() < deadline:
                    await asyncio.sleep(0.05)
        async with consuming(broker, QUEUE) as consumer:
            (got,) = await take(consumer, 1)
            assert got.delivery_count == 2
            assert got.headers["x-delivery-count"] == 2
            await settle(consumer, Action.ACK, got)

    run(scenario())
    assert client.keys(f"{prefix}*lease*") == []


def test_garbage_in_a_queue_is_delivered_as_it_is(
    broker: RedisBroker, client: redis.Redis, prefix: str
) -> None:
    garbage = [b"\xff\x00", b"[1, 2]", b'{"properties": {}}', b'{"body": 5, "properties": 3}']
    client.lpush(f"{prefix}q", *garbage)

    async def scenario() -> None:
        async with consuming(broker, QUEUE) as consumer:
            got = await take(consumer, len(garbage))
            assert [bytes(d.body) for d in got][:2] == garbage[:2]
            assert all("task" not in d.headers for d in got)
            await settle(consumer, Action.REQUEUE, *got)
            got = await take(consumer, len(garbage))
            await settle(consumer, Action.REJECT, *got)
        assert broker.length("q") == 0

    run(scenario())


def test_a_broadcast_can_be_put_back_and_off(broker: RedisBroker, prefix: str) -> None:
    exchange = Exchange("news", type="fanout")
    queue = Queue("news.1", exchange=exchange, auto_delete=True)

    async def scenario() -> None:
        async with consuming(broker, queue) as consumer:
            news = Envelope(body=b"1", content_type="text/plain", content_encoding="utf-8")
            broker.publish([Publication(envelope=news, exchange="news", exchange_type="fanout")])
            (got,) = await take(consumer, 1)
            await settle(consumer, Action.REQUEUE, got)
            (got,) = await take(consumer, 1)
            until = time.time() + 0.3
            await settle(consumer, Action.PARK, got, until=until)
            (got,) = await take(consumer, 1)
            assert time.time() >= until - 0.05
            await settle(consumer, Action.ACK, got)
            assert await consumer.fetch(1, 0.1) == []

    run(scenario())
    assert broker.bindings() == []


def test_queues_that_expire_do_so_only_when_unused(
    broker: RedisBroker, client: redis.Redis, prefix: str
) -> None:
    queue = Queue("brief", exchange=Exchange("brief"), routing_key="brief", expires=0.6)
    broker.declare([queue])
    broker.publish(to_queue(queue, b"1"))
    assert 0 < client.pttl(f"{prefix}brief") <= 600
    assert client.exists(f"{prefix}_kombu.binding_permanent.brief") == 0
    assert client.zscore(f"{prefix}_kombu.binding_deadlines", "brief") > time.time() * 1000

    async def scenario() -> None:
        async with consuming(broker, queue) as consumer:
            (got,) = await take(consumer, 1)
            broker.publish(to_queue(queue, b"2"))
            # Nobody takes it, but the queue is in use.
            other = broker.consumer(worker="w2@h")
            await other.start()
            await other.add_queue(queue)
            await settle(consumer, Action.ACK, got)
            await other.stop()

    run(scenario())
    deadline = time.monotonic() + 5
    while client.exists(f"{prefix}brief") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not client.exists(f"{prefix}brief")


def test_unroutable_messages_go_to_the_dead_letter_queue(
    redis_server: str, client: redis.Redis, prefix: str
) -> None:
    options = {"global_keyprefix": prefix, "deadletter_queue": "dead"}
    broker = RedisBroker.open(f"{redis_server}/{DB}", BrokerOptions(transport_options=options))
    lost = Envelope(body=b"1", content_type="text/plain", content_encoding="utf-8")
    broker.publish([Publication(envelope=lost, exchange="nowhere", routing_key="x")])
    assert broker.length("dead") == 1
    broker.close()
