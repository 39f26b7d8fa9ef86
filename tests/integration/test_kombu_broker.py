"""What RabbitMQ has beyond the suite: confirms, limits, lost connections, failover."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import uuid4

import amqp
import pytest
from kombu import Exchange, Queue
from kombu.common import Broadcast
from kombu.exceptions import OperationalError

from celery._broker._kombu_consumer import KombuConsumer
from celery._broker.base import Action, Publication
from celery._broker.kombu import KombuBroker
from celery._broker.options import BrokerOptions
from celery.contrib.testing.conformance._broker_kit import (
    bodies,
    consuming,
    envelope,
    run,
    settle,
    take,
    to_queue,
)
from celery.exceptions import ImproperlyConfigured

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
def open_broker(rabbitmq_server: str) -> Iterator[Callable[..., KombuBroker]]:
    opened: list[KombuBroker] = []

    def open_broker(url: str = rabbitmq_server, **options: Any) -> KombuBroker:
        opened.append(KombuBroker.open(url, BrokerOptions(**options)))
        return opened[-1]

    yield open_broker
    for broker in opened:
        broker.close()


@pytest.fixture
def confirming(open_broker: Callable[..., KombuBroker]) -> KombuBroker:
    return open_broker(transport_options={"confirm_publish": True})


@pytest.fixture
def new_queue(confirming: KombuBroker) -> Iterator[Callable[..., Queue]]:
    names: list[str] = []

    def new_queue(**options: Any) -> Queue:
        queue = Queue(f"integration.{uuid4().hex}", **options)
        names.append(queue.name)
        confirming.declare([queue])
        return queue

    yield new_queue
    for name in names:
        confirming.delete_queue(name)


def cut(consumer: KombuConsumer) -> None:
    """Cut the consumer's connection, as the network would."""
    assert consumer._session is not None
    consumer._session._client.connection.sock.shutdown(socket.SHUT_RDWR)


class TestPublishing:
    def test_what_is_confirmed_is_there(self, confirming: KombuBroker, new_queue: Any) -> None:
        queue = new_queue()
        confirming.publish(to_queue(queue, *[b"x"] * 500))
        assert confirming.length(queue.name) == 500

    def test_what_the_broker_refuses_is_an_error(
        self, confirming: KombuBroker, new_queue: Any
    ) -> None:
        full = new_queue(queue_arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
        confirming.publish(to_queue(full, b"1"))
        with pytest.raises(amqp.exceptions.MessageNacked):
            confirming.publish(to_queue(full, b"2"))
        assert confirming.length(full.name) == 1

    @pytest.mark.parametrize("confirm", [False, True])
    def test_mandatory_messages_must_reach_a_queue(
        self, open_broker: Callable[..., KombuBroker], new_queue: Any, confirm: bool
    ) -> None:
        broker = open_broker(transport_options={"confirm_publish": confirm})
        queue = new_queue()
        nowhere = Publication(envelope=envelope(), routing_key="nowhere", mandatory=True)
        with pytest.raises(amqp.exceptions.AMQPError, match="NO_ROUTE"):
            broker.publish([*to_queue(queue, b"1"), nowhere])
        broker.publish(to_queue(queue, b"2"))
        assert broker.connection_errors

    def test_an_exchange_that_is_not_there(self, confirming: KombuBroker, new_queue: Any) -> None:
        queue = new_queue()
        lost = Publication(envelope=envelope(), exchange=uuid4().hex, routing_key="k")
        with pytest.raises(amqp.exceptions.NotFound):
            confirming.publish([lost])
        confirming.publish(to_queue(queue, b"1"))
        assert confirming.length(queue.name) == 1

    def test_a_lost_connection_is_replaced_by_the_next_attempt(
        self, confirming: KombuBroker, new_queue: Any
    ) -> None:
        queue = new_queue()
        with confirming._links.take() as link:
            link.client.connection.sock.shutdown(socket.SHUT_RDWR)
        with pytest.raises(confirming.connection_errors):
            confirming.publish(to_queue(queue, b"1"))
        confirming.publish(to_queue(queue, b"1"))
        assert confirming.length(queue.name) == 1

    def test_a_queue_deleted_and_declared_again(
        self, confirming: KombuBroker, new_queue: Any
    ) -> None:
        queue = new_queue()
        confirming.delete_queue(queue.name)
        assert (confirming.length(queue.name), confirming.purge(queue.name)) == (0, 0)
        confirming.declare([queue])
        confirming.publish(to_queue(queue, b"1"))
        assert confirming.length(queue.name) == 1

    def test_bindings_are_those_declared_here(
        self, confirming: KombuBroker, new_queue: Any
    ) -> None:
        exchange = Exchange(f"integration.{uuid4().hex}", auto_delete=True)
        queue = new_queue(exchange=exchange, routing_key="k")
        assert confirming.bindings() == [(queue.name, exchange.name, "k")]
        confirming.delete_queue(queue.name)
        assert confirming.bindings() == []

    def test_the_pool_is_bounded(self, open_broker: Callable[..., KombuBroker]) -> None:
        broker = open_broker(pool_limit=1, pool_acquire_timeout=0.05)
        with broker._links.take() as link:
            outcome: list[BaseException] = []

            def use() -> None:
                try:
                    broker.length("x")
                except OperationalError as exc:
                    outcome.append(exc)

            thread = threading.Thread(target=use)
            thread.start()
            thread.join()
            assert "0.05 seconds" in str(outcome[0])
        with broker._links.take() as again:
            assert again is link

    def test_a_forked_child_leaves_the_connection_to_its_parent(
        self, confirming: KombuBroker, new_queue: Any
    ) -> None:
        queue = new_queue()
        confirming.publish(to_queue(queue, b"before"))
        with confirming._links.take() as link:
            connection = link.client.connection
        pid = os.fork()
        if not pid:
            try:
                confirming.publish(to_queue(queue, b"child"))
                confirming.close()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(pid, 0)[1] == 0
        confirming.publish(to_queue(queue, b"after"))
        with confirming._links.take() as link:
            assert link.client.connection is connection
        assert confirming.length(queue.name) == 3


class TestConsuming:
    async def lose(self, consumer: KombuConsumer, errors: Any) -> None:
        with pytest.raises(errors):
            await consumer.fetch(1, 20.0)

    def test_prefetch_limits_what_is_unsettled(
        self, confirming: KombuBroker, new_queue: Any
    ) -> None:
        queue = new_queue()
        confirming.publish(to_queue(queue, *[b"%d" % n for n in range(10)]))

        async def scenario() -> None:
            consumer = confirming.consumer(worker="w@h", prefetch=3)
            await consumer.start()
            await consumer.add_queue(queue)
            held = await take(consumer, 10, within=0.5)
            assert bodies(held) == [b"0", b"1", b"2"]
            await consumer.set_prefetch(5)
            held += await take(consumer, 10, within=0.5)
            assert len(held) == 5
            await settle(consumer, Action.ACK, *held)
            assert len(await take(consumer, 5)) == 5
            await consumer.stop()

        run(scenario())

    def test_quorum_and_classic_queues_together(
        self, confirming: KombuBroker, new_queue: Any
    ) -> None:
        quorum = new_queue(queue_arguments={"x-queue-type": "quorum"})
        classic = new_queue()
        for queue in (quorum, classic):
            confirming.publish(to_queue(queue, *[queue.name.encode()] * 3))

        async def scenario() -> None:
            consumer = confirming.consumer(worker="w@h", prefetch=2)
            await consumer.start()
            await consumer.add_queue(classic)
            await consumer.add_queue(quorum)
            held = await take(consumer, 6, within=0.5)
            assert sorted(d.queue for d in held) == sorted([quorum.name, classic.name] * 2)
            await settle(consumer, Action.REQUEUE, *held)
            again = await take(consumer, 4)
            counts = {d.delivery_count for d in again if d.queue == quorum.name}
            assert max(counts) == 1
            await settle(consumer, Action.ACK, *again)
            await consumer.stop()

        run(scenario())

    def test_one_acknowledgement_stands_for_many(
        self, confirming: KombuBroker, new_queue: Any
    ) -> None:
        queue = new_queue()
        confirming.publish(to_queue(queue, *[b"%d" % n for n in range(10)]))

        async def scenario() -> None:
            async with consuming(confirming, queue) as consumer:
                held = await take(consumer, 10)
                assert isinstance(consumer, KombuConsumer) and consumer._session is not None
                channel = consumer._session._lanes[0].channel
                calls: list[tuple[int, bool]] = []
                ack = channel.basic_ack

                def spy(tag: int, multiple: bool = False) -> Any:
                    calls.append((tag, multiple))
                    return ack(tag, multiple)

                channel.basic_ack = spy
                await settle(consumer, Action.ACK, *held[5:7])
                await settle(consumer, Action.ACK, *held[1:5], held[0], held[8])
                assert sorted(calls[:2]) == [(6, False), (7, False)]
                assert sorted(calls[2:]) == [(5, True), (9, False)]
            async with consuming(confirming, queue) as consumer:
                left = await take(consumer, 10, within=0.5)
                assert bodies(left) == [b"7", b"9"]

        run(scenario())

    @pytest.mark.parametrize("loss", ["cut", "channel", "queue"])
    def test_a_lost_consumer_can_be_started_again(
        self, confirming: KombuBroker, new_queue: Any, loss: str
    ) -> None:
        queue = new_queue()
        confirming.publish(to_queue(queue, b"1", b"2"))

        async def lose(consumer: KombuConsumer) -> None:
            session = consumer._session
            assert session is not None
            if loss == "cut":
                cut(consumer)
            elif loss == "channel":
                # An error of ours, which the broker answers by closing the channel.
                await session.call(session._lanes[0].channel.basic_ack, 4711)
            else:
                await asyncio.to_thread(confirming.delete_queue, queue.name)
                await asyncio.to_thread(confirming.declare, [queue])
                await asyncio.to_thread(confirming.publish, to_queue(queue, b"1", b"2"))

        async def scenario() -> None:
            async with consuming(confirming, queue) as consumer:
                assert isinstance(consumer, KombuConsumer)
                held = await take(consumer, 1)
                await lose(consumer)
                with pytest.raises(confirming.connection_errors):
                    while True:
                        assert len(await consumer.fetch(1, 20.0)) == 1
                await settle(consumer, Action.ACK, *held)  # Nobody listens, and nothing is raised.
                await consumer.start()
                await settle(consumer, Action.ACK, *held)  # They were of the lost connection.
                await consumer.add_queue(queue)
                again = await take(consumer, 2)
                assert bodies(again) == [b"1", b"2"]
                await settle(consumer, Action.ACK, *again)
                assert await consumer.fetch(1, 0.2) == []

        run(scenario())

    def test_a_queue_that_is_declared_otherwise(
        self, confirming: KombuBroker, new_queue: Any
    ) -> None:
        good, other = new_queue(), new_queue()
        bad = Queue(other.name, max_priority=3)

        async def scenario() -> None:
            async with consuming(confirming, good) as consumer:
                confirming.publish(to_queue(good, b"1"))
                (held,) = await take(consumer, 1)
                with pytest.raises(amqp.exceptions.PreconditionFailed):
                    await consumer.add_queue(bad)
                await settle(consumer, Action.ACK, held)
                confirming.publish(to_queue(good, b"2"))
                (more,) = await take(consumer, 1)
                assert not more.delivery_info["redelivered"]
                await settle(consumer, Action.ACK, more)

        run(scenario())

    def test_broadcast(self, confirming: KombuBroker, new_queue: Any) -> None:
        exchange = Exchange(f"integration.{uuid4().hex}", type="fanout", auto_delete=True)
        queues = [Broadcast(exchange.name, exchange=exchange) for _ in range(2)]

        async def scenario() -> None:
            async with (
                consuming(confirming, queues[0]) as one,
                consuming(confirming, queues[1], worker="w2@h") as two,
            ):
                confirming.publish([Publication(envelope=envelope(b"all"), exchange=exchange.name)])
                for consumer in (one, two):
                    got = await take(consumer, 1)
                    assert bodies(got) == [b"all"]
                    await settle(consumer, Action.ACK, *got)

        run(scenario())
        assert [confirming.length(queue.name) for queue in queues] == [0, 0]

    def test_heartbeats_keep_an_idle_connection(
        self, open_broker: Callable[..., KombuBroker], new_queue: Any
    ) -> None:
        broker, queue = open_broker(heartbeat=1), new_queue()

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                assert await consumer.fetch(1, 4.0) == []
                assert isinstance(consumer, KombuConsumer) and consumer._session is not None
                assert consumer._session._client.get_heartbeat_interval() == 1
                broker.publish(to_queue(queue, b"1"))
                await settle(consumer, Action.ACK, *await take(consumer, 1))

        run(scenario())

    def test_no_thread_is_left(self, confirming: KombuBroker, new_queue: Any) -> None:
        queue = new_queue()

        async def scenario() -> None:
            async with consuming(confirming, queue) as consumer:
                cut_short: Awaitable[Any] = asyncio.ensure_future(consumer.fetch(1, 20.0))
                await asyncio.sleep(0)
                await consumer.stop()
                assert await cut_short == []

        run(scenario())
        deadline = time.monotonic() + 10
        while any(t.name == "celery-consumer" for t in threading.enumerate()):
            assert time.monotonic() < deadline


class TestConnecting:
    def test_alternatives_are_tried_in_turn(
        self, open_broker: Callable[..., KombuBroker], new_queue: Any, rabbitmq_server: str
    ) -> None:
        queue = new_queue()
        broker = open_broker(f"amqp://127.0.0.1:1;{rabbitmq_server}", connect_timeout=2)
        broker.publish(to_queue(queue, b"1"))

        async def scenario() -> None:
            async with consuming(broker, queue) as consumer:
                got = await take(consumer, 1)
                assert bodies(got) == [b"1"]
                await settle(consumer, Action.ACK, *got)

        run(scenario())

    def test_nobody_answers(self, open_broker: Callable[..., KombuBroker]) -> None:
        broker = open_broker("amqp://127.0.0.1:1;amqp://127.0.0.1:2")
        with pytest.raises(broker.connection_errors):
            broker.connect()

        async def scenario() -> None:
            consumer = broker.consumer(worker="w@h")
            with pytest.raises(broker.connection_errors):
                await consumer.start()
            await consumer.stop()

        run(scenario())

    def test_the_password_is_not_shown(self, open_broker: Callable[..., KombuBroker]) -> None:
        broker = open_broker("amqp://me:secret@host.example/v")
        assert broker.as_uri() == "amqp://me:**@host.example:5672/v"
        assert "secret" in broker.as_uri(include_password=True)

    def test_an_url_that_kombu_cannot_read(self, open_broker: Callable[..., KombuBroker]) -> None:
        with pytest.raises(ImproperlyConfigured, match="nosuch"):
            open_broker("nosuch://host")

    def test_what_it_says_of_itself(self, open_broker: Callable[..., KombuBroker]) -> None:
        broker = open_broker()
        assert broker.driver_type == "amqp"
        capabilities = broker.capabilities
        assert capabilities.leases and capabilities.fanout and capabilities.priorities
        assert not capabilities.parks and not capabilities.leases_outlive_connection
        assert "headers" in capabilities.exchange_types
