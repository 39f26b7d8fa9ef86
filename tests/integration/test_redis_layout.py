"""On Redis, kombu's own transport may stand at the other end: same keys, same messages."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import kombu
import pytest
import redis
from kombu import Exchange, Queue

from celery._broker.base import Action, Publication, Settlement
from celery._broker.delivery import Delivery
from celery._broker.options import BrokerOptions
from celery._broker.redis import RedisBroker
from celery._message.envelope import Envelope

pytestmark = pytest.mark.redis

DB = 11
SEP = "\x06\x16"
BODY = b'[[2, 3], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'


@pytest.fixture
def client(redis_server: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(f"{redis_server}/{DB}", decode_responses=True) as client:
        yield client


@pytest.fixture(params=["", "prefixed:"], ids=["bare", "prefixed"])
def prefix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def broker(redis_server: str, prefix: str) -> Iterator[RedisBroker]:
    options = BrokerOptions(transport_options={"global_keyprefix": prefix})
    broker = RedisBroker.open(f"{redis_server}/{DB}", options)
    yield broker
    broker.close()


@pytest.fixture
def connection(redis_server: str, prefix: str) -> Iterator[kombu.Connection]:
    options = {"global_keyprefix": prefix}
    with kombu.Connection(f"{redis_server}/{DB}", transport_options=options) as connection:
        yield connection


@pytest.fixture
def name(client: redis.Redis, prefix: str) -> Iterator[str]:
    """A name for a queue and its exchange; what has it in its key is deleted afterwards."""
    name = f"layout{uuid4().hex}"
    yield name
    left = client.keys(f"*{name}*")
    if left:
        client.delete(*left)


def envelope(body: bytes = BODY, **properties: Any) -> Envelope:
    return Envelope(
        body=body,
        content_type="application/json",
        content_encoding="utf-8",
        headers={"lang": "py", "task": "capapp.add", "id": "1", "eta": None, "retries": 0},
        properties={"correlation_id": "1", "reply_to": "r", "delivery_mode": 2, **properties},
    )


def fetch_all(
    broker: RedisBroker, *queues: Queue, during: Callable[[], None] | None = None
) -> list[Delivery]:
    """What can be fetched now, acknowledged."""

    async def fetch() -> list[Delivery]:
        consumer = broker.consumer(worker="layout@h")
        await consumer.start()
        for queue in queues:
            await consumer.add_queue(queue)
        if during is not None:
            await asyncio.to_thread(during)
        got: list[Delivery] = []
        while batch := await consumer.fetch(100, 0.3):
            got += batch
            await consumer.settle([Settlement(d, Action.ACK) for d in batch])
        await consumer.stop()
        return got

    return asyncio.run(fetch())


def drain(connection: kombu.Connection, *queues: Queue) -> list[kombu.Message]:
    """What kombu's consumer receives, acknowledged."""
    got: list[kombu.Message] = []

    def receive(message: kombu.Message) -> None:
        got.append(message)
        message.ack()

    with connection.Consumer(list(queues), on_message=receive, accept=["json"]):
        while True:
            try:
                connection.drain_events(timeout=1)
            except TimeoutError:
                return got


def test_a_published_message_is_what_was_captured(
    broker: RedisBroker, client: redis.Redis, prefix: str, name: str
) -> None:
    broker.publish([Publication(envelope=envelope(), routing_key=name)])
    stored = json.loads(client.lrange(f"{prefix}{name}", 0, -1)[0])
    tag = stored["properties"].pop("delivery_tag")
    assert len(tag) == 36
    assert stored == {
        "body": base64.b64encode(BODY).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": "capapp.add", "id": "1", "eta": None, "retries": 0},
        "properties": {
            "correlation_id": "1",
            "reply_to": "r",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": name},
            "priority": 0,
            "body_encoding": "base64",
        },
    }
    assert list(stored) == ["body", "content-encoding", "content-type", "headers", "properties"]


def test_priorities_have_lists_of_their_own(
    broker: RedisBroker, client: redis.Redis, prefix: str, name: str
) -> None:
    for priority in (0, 2, 3, 5, 9, 12):
        message = envelope(priority=priority)
        broker.publish([Publication(envelope=message, routing_key=name)])
    lengths = {step: client.llen(f"{prefix}{name}{SEP}{step}") for step in (3, 6, 9)}
    assert (client.llen(f"{prefix}{name}"), lengths) == (2, {3: 2, 6: 0, 9: 2})
    assert broker.length(name) == 6


def test_binding_tables_are_kombus(
    broker: RedisBroker,
    connection: kombu.Connection,
    client: redis.Redis,
    prefix: str,
    name: str,
) -> None:
    """Each side declares; the members come out the same."""
    tables: list[dict[str, set[str]]] = []
    queues = [
        Queue(f"{name}.d", Exchange(f"{name}.direct", type="direct"), routing_key="k"),
        Queue(f"{name}.t", Exchange(f"{name}.topic", type="topic"), routing_key="foo.*.#"),
        Queue(f"{name}.f", Exchange(f"{name}.fanout", type="fanout")),
        Queue(f"{name}.x", Exchange(f"{name}.brief"), routing_key="k", expires=60),
    ]

    def look() -> dict[str, set[str]]:
        found = {key: client.smembers(key) for key in client.keys(f"{prefix}_kombu.*.{name}*")}
        found["deadlines"] = {
            exchange
            for exchange in client.zrange(f"{prefix}_kombu.binding_deadlines", 0, -1)
            if exchange.startswith(name)
        }
        return found

    with connection.channel() as channel:
        for queue in queues:
            queue(channel).declare()
        tables.append(look())
        client.delete(*(key for key in tables[0] if key != "deadlines"))
        client.zrem(f"{prefix}_kombu.binding_deadlines", *tables[0]["deadlines"])
        broker.declare(queues)
        tables.append(look())
    assert tables[0] == tables[1]
    assert tables[1][f"{prefix}_kombu.binding.{name}.topic"] == {
        f"foo.*.#{SEP}^foo\\.[^\\.]+\\..*?${SEP}{name}.t"
    }
    client.zrem(f"{prefix}_kombu.binding_deadlines", f"{name}.brief")


def test_kombu_publishes_we_fetch(
    broker: RedisBroker, connection: kombu.Connection, name: str
) -> None:
    direct = Queue(name, Exchange(f"{name}.e"), routing_key="k")
    producer = connection.Producer(serializer="json")
    for n, priority in ((0, 0), (1, 0), (2, 9), (3, 3)):
        producer.publish({"n": n}, exchange="", routing_key=name, priority=priority)
    producer.publish(
        {"n": 4},
        exchange=direct.exchange,
        routing_key="k",
        declare=[direct],
        headers={"task": "t"},
        compression="zlib",
        correlation_id="c",
    )
    got = fetch_all(broker, direct)
    assert [d.payload["n"] for d in got] == [0, 1, 4, 3, 2]
    assert [d.delivery_info["exchange"] for d in got] == ["", "", f"{name}.e", "", ""]
    assert (got[2].headers["task"], got[2].properties["correlation_id"]) == ("t", "c")
    assert got[4].delivery_info["priority"] == 9


def test_we_publish_kombu_consumes(
    broker: RedisBroker, connection: kombu.Connection, name: str
) -> None:
    topic = Exchange(f"{name}.topic", type="topic")
    one = Queue(name, topic, routing_key="a.*")
    two = Queue(f"{name}.2", topic, routing_key="a.#")
    broker.declare([one, two])
    to_topic = {"exchange": topic.name, "exchange_type": "topic"}
    broker.publish(
        [
            Publication(envelope=envelope(b'"plain"'), routing_key=name),
            Publication(envelope=envelope(b'"low"', priority=9), routing_key=name),
            Publication(envelope=envelope(b'"both"'), routing_key="a.b", **to_topic),
            Publication(envelope=envelope(b'"second"'), routing_key="a.b.c", **to_topic),
            Publication(envelope=envelope(b'"nobody"'), routing_key="b", **to_topic),
        ]
    )
    assert [m.payload for m in drain(connection, one)] == ["plain", "both", "low"]
    got = drain(connection, two)
    assert [m.payload for m in got] == ["both", "second"]
    assert got[0].headers["task"] == "capapp.add"
    assert got[0].delivery_info == {"exchange": topic.name, "routing_key": "a.b"}


@pytest.mark.parametrize("routing_key", ["", "some.key"])
def test_fanout_both_ways(
    broker: RedisBroker, connection: kombu.Connection, name: str, routing_key: str
) -> None:
    exchange = Exchange(f"{name}.fanout", type="fanout")
    queue = Queue(f"{name}.q", exchange, routing_key=routing_key, auto_delete=True)

    def publish_with_kombu() -> None:
        with connection.clone() as other:
            other.Producer().publish(
                "from kombu", exchange=exchange, routing_key=routing_key, declare=[exchange]
            )

    got = fetch_all(broker, queue, during=publish_with_kombu)
    assert [d.payload for d in got] == ["from kombu"]

    received: list[Any] = []
    with connection.Consumer(
        [queue], callbacks=[lambda body, message: received.append(body)], accept=["json"]
    ):
        with pytest.raises(TimeoutError):
            while True:  # the replies to its subscription count as events
                connection.drain_events(timeout=0.2)
        broker.publish(
            [
                Publication(
                    envelope=envelope(b'"from us"'),
                    exchange=exchange.name,
                    exchange_type="fanout",
                    routing_key=routing_key,
                )
            ]
        )
        connection.drain_events(timeout=5)
    assert received == ["from us"]


def test_what_we_put_back_kombu_understands(
    broker: RedisBroker, connection: kombu.Connection, name: str
) -> None:
    queue = Queue(name)
    broker.publish([Publication(envelope=envelope(b'"again"', priority=3), routing_key=name)])

    async def fetch_and_stop() -> None:
        consumer = broker.consumer(worker="layout@h")
        await consumer.start()
        await consumer.add_queue(queue)
        assert len(await consumer.fetch(1, 5.0)) == 1
        await consumer.stop()

    asyncio.run(fetch_and_stop())
    (got,) = drain(connection, queue)
    assert got.payload == "again"
    assert got.headers["redelivered"] is True
    assert got.delivery_info["redelivered"] is True


def test_what_kombu_holds_is_its_own(
    broker: RedisBroker, connection: kombu.Connection, name: str
) -> None:
    """A living kombu consumer's unacknowledged message stays with it, and comes back by it."""
    queue = Queue(name)
    broker.publish([Publication(envelope=envelope(b'"held"'), routing_key=name)])
    held: list[kombu.Message] = []
    with connection.clone() as other, other.Consumer([queue], on_message=held.append):
        while not held:
            other.drain_events(timeout=5)
        assert fetch_all(broker, queue) == []
    (got,) = fetch_all(broker, queue)  # kombu restored it when it was closed
    assert got.payload == "held"
    assert got.delivery_info["redelivered"] is True
