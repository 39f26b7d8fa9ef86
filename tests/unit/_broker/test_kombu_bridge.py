"""kombu's producers, consumers, mailboxes and pools work on our own brokers."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kombu import Connection, Consumer, Exchange, Producer, Queue
from kombu.exceptions import OperationalError
from kombu.pidbox import Mailbox

from celery._broker.options import BrokerOptions
from celery._broker.pools import Pools, open_connection
from celery._broker.url import open_broker


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "memory":
        return f"memory://{uuid4().hex}"
    return f"sqlite:///{tmp_path}/celery.db"


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with open_connection(url) as connection:
        yield connection


def drain(connection: Connection, count: int, within: float = 10.0) -> None:
    """Handle so many messages."""
    for _ in range(count):
        connection.drain_events(timeout=within)


def nothing_comes(connection: Connection) -> bool:
    with pytest.raises(TimeoutError):
        connection.drain_events(timeout=0.05)
    return True


def test_what_it_says_of_itself(url: str, connection: Connection) -> None:
    assert connection.transport.driver_type == url.partition(":")[0]
    assert connection.as_uri().rstrip("/") == url.rstrip("/")
    assert connection.supports_exchange_type("fanout")
    assert not connection.supports_exchange_type("headers")
    assert not connection.connected
    assert connection.connect() is not None
    assert connection.connected
    with connection.clone() as other:
        assert other.as_uri() == connection.as_uri()


def test_a_producer_and_a_consumer(connection: Connection) -> None:
    queue = Queue("tasks", Exchange("tasks"), routing_key="tasks")
    got: list[tuple[Any, Any]] = []
    Producer(connection).publish(
        {"n": 1},
        exchange=queue.exchange,
        routing_key="tasks",
        declare=[queue],
        headers={"h": [1]},
        correlation_id="c",
        compression="gzip",
    )
    with Consumer(connection, [queue], callbacks=[lambda body, m: got.append((body, m))]):
        drain(connection, 1)
        ((body, message),) = got
        assert body == {"n": 1}
        assert message.headers["h"] == [1]
        assert message.properties["correlation_id"] == "c"
        assert message.delivery_info["exchange"] == "tasks"
        assert message.delivery_info["routing_key"] == "tasks"
        message.ack()
        assert nothing_comes(connection)


def test_our_broker_and_kombu_share_the_messages(url: str, connection: Connection) -> None:
    broker = open_broker(url, BrokerOptions())
    Producer(connection).publish([1], routing_key="shared", declare=[Queue("shared")])
    assert broker.length("shared") == 1
    bound = Queue("shared")(connection)
    assert bound.queue_declare(passive=True).message_count == 1
    message = bound.get()
    assert message is not None and message.payload == [1]
    assert broker.length("shared") == 0
    message.requeue()
    assert bound.purge() == 1
    assert bound.get() is None


def test_one_message_is_taken_for_each_that_is_drained(url: str, connection: Connection) -> None:
    queue = Queue("q")
    for n in range(3):
        Producer(connection).publish(n, routing_key="q", declare=[queue])
    seen: list[Any] = []
    with Consumer(connection, [queue], on_message=seen.append):
        drain(connection, 1)
        assert open_broker(url, BrokerOptions()).length("q") == 2
    assert len(seen) == 1


def test_what_is_unsettled_goes_back_when_the_channel_is_closed(connection: Connection) -> None:
    Producer(connection).publish("x", routing_key="q", declare=[Queue("q")])
    seen: list[Any] = []
    with connection.channel() as channel, Consumer(channel, [Queue("q")], on_message=seen.append):
        drain(connection, 1)
        assert not seen[0].delivery_info["redelivered"]
    with Consumer(connection, [Queue("q")], on_message=seen.append):
        drain(connection, 1)
        assert seen[1].delivery_info["redelivered"]
        seen[1].reject()
        assert nothing_comes(connection)


def test_prefetch_limits_a_channel_and_not_the_others(connection: Connection) -> None:
    one, two = Queue("one"), Queue("two")
    for queue in (one, one, two):
        Producer(connection).publish("x", routing_key=queue.name, declare=[queue])
    seen: list[Any] = []
    with connection.channel() as first, connection.channel() as second:
        first.basic_qos(0, 1, False)
        with (
            Consumer(first, [one], on_message=seen.append),
            Consumer(second, [two], on_message=seen.append),
        ):
            drain(connection, 2)
            assert nothing_comes(connection)
            next(m for m in seen if m.delivery_info["routing_key"] == "one").ack()
            drain(connection, 1)
    assert sorted(m.delivery_info["routing_key"] for m in seen) == ["one", "one", "two"]


def test_topic_and_fanout_exchanges(connection: Connection) -> None:
    topic, fanout = Exchange("t", type="topic"), Exchange("f", type="fanout")
    got: list[tuple[str, Any]] = []
    queues = [
        Queue("errors", topic, routing_key="*.error"),
        Queue("everything", topic, routing_key="#"),
        Queue("left", fanout),
        Queue("right", fanout),
    ]
    channel = connection.default_channel
    consumers = [
        Consumer(channel, [q], callbacks=[lambda b, m, q=q: got.append((q.name, b))], no_ack=True)
        for q in queues
    ]
    for consumer in consumers:
        consumer.consume()
    producer = Producer(connection)
    producer.publish(1, exchange=topic, routing_key="disk.error")
    producer.publish(2, exchange=topic, routing_key="disk.info")
    producer.publish(3, exchange=fanout)
    drain(connection, 5)
    expected = [("errors", 1), ("everything", 1), ("everything", 2), ("left", 3), ("right", 3)]
    assert sorted(got) == expected
    assert nothing_comes(connection)


def test_temporary_queues_go_with_their_consumer_or_connection(url: str) -> None:
    broker = open_broker(url, BrokerOptions())
    exchange = Exchange("e", type="fanout")
    with open_connection(url) as connection:
        auto = Queue("auto", exchange, auto_delete=True)
        exclusive = Queue("exclusive", exchange, exclusive=True)
        exclusive(connection).declare()
        with Consumer(connection, [auto], no_ack=True):
            assert {row[0] for row in broker.bindings()} == {"auto", "exclusive"}
        assert {row[0] for row in broker.bindings()} == {"exclusive"}
    assert broker.bindings() == []


def test_a_simple_queue(connection: Connection) -> None:
    with connection.SimpleQueue("simple") as queue:
        queue.put({"a": 1})
        queue.put({"a": 2})
        assert queue.qsize() == 2
        first = queue.get(timeout=5)
        assert first.payload == {"a": 1}
        first.ack()
        second = queue.get_nowait()
        assert second.payload == {"a": 2}
        second.ack()
        with pytest.raises(queue.Empty):
            queue.get(timeout=0.05)


def test_stale_messages_are_dropped(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue("q", message_ttl=60.0)
    producer = Producer(connection)
    now = time.time()
    for body, age, options in (
        ("fresh", 0, {}),
        ("beyond the queue's limit", 61, {}),
        ("beyond its own limit", 6, {"expiration": 5.0}),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda age=age: now - age)
            producer.publish(body, routing_key="q", declare=[queue], **options)
    got: list[Any] = []
    with Consumer(connection, [queue], callbacks=[lambda body, m: got.append(body)], no_ack=True):
        drain(connection, 1)
        assert nothing_comes(connection)
    assert got == ["fresh"]


def test_waiting_is_ended_by_a_message_from_another_thread(url: str) -> None:
    waits: list[float] = []
    with (
        open_connection(url) as connection,
        open_connection(url) as other,
        Consumer(connection, [Queue("q")], on_message=lambda m: m.ack()),
    ):
        for _ in range(3):
            published: list[float] = []

            def publish(published: list[float] = published) -> None:
                published.append(time.monotonic())
                Producer(other).publish(1, routing_key="q")

            timer = threading.Timer(0.1, publish)
            timer.start()
            drain(connection, 1)
            timer.join()
            waits.append(time.monotonic() - published[0])
    assert min(waits) < 0.2


def test_a_mailbox(url: str) -> None:
    with open_connection(url) as server, open_connection(url) as client:
        mailbox = Mailbox("test", type="fanout", queue_expires=10.0, reply_queue_expires=10.0)
        node = mailbox(server).Node("w1@h", channel=server.default_channel)
        node.handlers["ping"] = lambda state, **_: "pong"
        stop = threading.Event()

        def serve() -> None:
            with node.listen():
                listening.set()
                while not stop.is_set():
                    with suppress(TimeoutError):
                        server.drain_events(timeout=0.1)

        listening = threading.Event()
        thread = threading.Thread(target=serve)
        thread.start()
        assert listening.wait(10)
        try:
            replies = mailbox(client).multi_call("ping", timeout=5, limit=1)
            assert replies == [{"w1@h": "pong"}]
            assert mailbox(client).call(["w1@h"], "ping", timeout=5) == [{"w1@h": "pong"}]
        finally:
            stop.set()
            thread.join()


class TestPools:
    def test_waiting_for_a_connection_has_an_end(self, url: str) -> None:
        pools = Pools(lambda: open_connection(url), limit=1, acquire_timeout=0.05)
        with pools.connections.acquire(block=True):
            with pytest.raises(OperationalError, match=r"0\.05 seconds"):
                pools.connections.acquire(block=True)
            with pytest.raises(OperationalError):
                pools.producers.acquire(block=True)
        with pools.producers.acquire(block=True) as producer:
            producer.publish(1, routing_key="q", declare=[Queue("q")])
        pools.close()
        assert open_broker(url, BrokerOptions()).length("q") == 1

    def test_without_a_limit_each_use_has_its_own(self, url: str) -> None:
        pools = Pools(lambda: open_connection(url), limit=None, acquire_timeout=None)
        with pools.connections.acquire() as one, pools.connections.acquire() as two:
            assert one is not two
        pools.close()


def _echo(pipe: Pipe, url: str) -> None:
    with open_connection(url) as connection:

        def reply(body: Any, message: Any) -> None:
            message.ack()
            Producer(connection).publish([body], routing_key="replies")

        with Consumer(connection, [Queue("requests")], callbacks=[reply]):
            pipe.send("ready")
            drain(connection, 3)


def test_two_processes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/celery.db"
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=_echo, args=(there, url), daemon=True)
    child.start()
    got: list[Any] = []
    with open_connection(url) as connection:
        assert here.poll(20) and here.recv() == "ready"
        queue = Queue("replies")
        with Consumer(connection, [queue], callbacks=[lambda b, m: got.append(b)], no_ack=True):
            for n in range(3):
                Producer(connection).publish(n, routing_key="requests")
            drain(connection, 3)
    child.join(20)
    assert (got, child.exitcode) == ([[0], [1], [2]], 0)
    here.close()
    there.close()


def test_a_forked_child_has_a_connection_of_its_own(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/celery.db"
    seen: list[Any] = []
    with (
        open_connection(url) as connection,
        Consumer(connection, [Queue("q")], on_message=seen.append),
    ):
        Producer(connection).publish("held", routing_key="q")
        drain(connection, 1)
        with warnings.catch_warnings():
            # Later Pythons warn of forks while threads run, which is what this is about.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if not pid:
            try:
                with pytest.raises(ConnectionError):
                    seen[0].ack()  # It is the parent's.
                Producer(connection).publish("from the child", routing_key="q")
                connection.release()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(pid, 0)[1] == 0
        drain(connection, 1)
        assert [m.payload for m in seen] == ["held", "from the child"]
        for message in seen:
            message.ack()
        assert nothing_comes(connection)
