from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from kombu import Connection, Exchange, Producer, Queue

from celery import Celery
from celery.contrib.migrate import (
    State,
    StopFiltering,
    migrate_tasks,
    move,
    move_by_idmap,
    move_by_taskmap,
    move_direct,
    move_direct_by_id,
    move_task_by_id,
    republish,
    start_filter,
    task_id_eq,
    task_id_in,
)
from celery.exceptions import QueueNotFound

PAUSE = 0.01


@pytest.fixture(params=[2, 1], ids=["protocol2", "protocol1"])
def app(request: pytest.FixtureRequest) -> Celery:
    app = Celery("mover", broker="memory://", set_as_current=False)
    app.conf.task_protocol = request.param
    app.conf.task_queues = [Queue("old"), Queue("fast", Exchange("lanes"), "fast")]
    app.conf.task_default_queue = "old"
    app.conf.task_create_missing_queues = False
    app.set_current()
    return app


class Broker:
    """Queues of kombu's memory transport, with the tasks in them."""

    def __init__(self, app: Celery) -> None:
        self.app = app
        self.connection = Connection("memory://")

    def send(self, task_id: str, name: str = "t.add", queue: str = "old", **options: Any) -> None:
        self.app.amqp.queues[queue].bind(self.connection.default_channel).declare()
        message = self.app.amqp.create_task_message(task_id, name, (task_id,), {})
        Producer(self.connection).publish(
            message.body,
            exchange="",
            routing_key=queue,
            serializer="json",
            headers=message.headers,
            **{**message.properties, **options},
        )

    def ids(self, queue: str) -> list[str]:
        """Ids of the tasks in a queue, which is then empty."""
        return [message.properties["correlation_id"] for message in self.take(queue)]

    def take(self, queue: str) -> list[Any]:
        channel = self.connection.default_channel
        taken = iter(lambda: channel.basic_get(queue, no_ack=True), None)
        return [channel.message_to_python(message) for message in taken]


@pytest.fixture
def broker(app: Celery) -> Iterator[Broker]:
    broker = Broker(app)
    for number in range(3):
        broker.send(f"id{number}", name="t.mul" if number == 1 else "t.add")
    yield broker
    # The transport keeps its queues for the whole process.
    broker.connection.transport.state.clear()
    for queue in list(broker.connection.default_channel.queues):
        del broker.connection.default_channel.queues[queue]
    broker.connection.close()


@pytest.fixture
def moving(broker: Broker) -> Callable[..., State]:
    def moving(function: Callable[..., State], *args: Any, **kwargs: Any) -> State:
        return function(*args, connection=broker.connection, timeout=PAUSE, **kwargs)

    return moving


def test_move_what_the_predicate_picks(broker: Broker, moving: Callable[..., State]) -> None:
    moved: list[Any] = []
    state = moving(
        move,
        lambda body, message: message.properties["correlation_id"] != "id1",
        exchange="",
        routing_key="fast",
        source=["old"],
        callback=lambda state, body, message: moved.append((state.filtered, message.acknowledged)),
    )
    assert broker.ids("old") == ["id1"]
    assert sorted(broker.ids("fast")) == ["id0", "id2"]
    assert moved == [(1, True), (2, True)]
    assert (state.count, state.filtered, state.total_apx) == (3, 2, 3)


@pytest.mark.parametrize(
    ("target", "queue"),
    [
        (Queue("new", Exchange("new"), "here"), "new"),
        (Queue("plain"), "plain"),
        (("", "fast"), "fast"),
        (("lanes", "fast"), "fast"),
        ((Exchange("lanes"), "fast"), "fast"),
    ],
    ids=str,
)
def test_destinations(
    broker: Broker, moving: Callable[..., State], target: Any, queue: str
) -> None:
    moving(move, lambda body, message: target, limit=1)
    assert broker.ids("old") == ["id1", "id2"]
    assert broker.ids(queue) == ["id0"]


def test_transform(broker: Broker, moving: Callable[..., State]) -> None:
    moving(move, lambda body, message: "fast", transform=lambda name: ("", name), source="old")
    assert broker.ids("fast") == ["id0", "id1", "id2"]


def test_no_destination(broker: Broker, moving: Callable[..., State]) -> None:
    with pytest.raises(ValueError, match="Nothing says where to move it: got True"):
        moving(move, lambda body, message: True)
    assert sorted(broker.ids("old")) == ["id0", "id1", "id2"]


def test_what_is_at_its_destination_stays(broker: Broker, moving: Callable[..., State]) -> None:
    # The destination is one of the sources: without end, were nothing left alone.
    state = moving(move, lambda body, message: ("lanes", "fast"), source=["old", "fast"])
    assert state.filtered == 3
    assert sorted(broker.ids("fast")) == ["id0", "id1", "id2"]


def test_stopped_by_the_predicate(broker: Broker, moving: Callable[..., State]) -> None:
    def picky(body: Any, message: Any) -> Any:
        if message.properties["correlation_id"] == "id1":
            raise StopFiltering
        return ("", "fast")

    assert moving(move, picky).filtered == 1
    assert broker.ids("fast") == ["id0"]
    assert sorted(broker.ids("old")) == ["id1", "id2"]


def test_by_id_and_by_name(broker: Broker, moving: Callable[..., State]) -> None:
    assert moving(move_task_by_id, "id1", "fast").filtered == 1
    assert broker.ids("fast") == ["id1"]
    assert moving(move_by_taskmap, {"t.add": Queue("adders"), "t.div": "fast"}).filtered == 2
    assert sorted(broker.ids("adders")) == ["id0", "id2"]


def test_by_idmap_ends_when_all_were_found(broker: Broker, moving: Callable[..., State]) -> None:
    state = moving(move_by_idmap, {"id0": "fast", "id1": Queue("other")})
    assert (broker.ids("fast"), broker.ids("other")) == (["id0"], ["id1"])
    assert state.count < 3


def test_to_a_queue_nobody_knows(broker: Broker, moving: Callable[..., State]) -> None:
    with pytest.raises(QueueNotFound, match="nowhere"):
        moving(move_task_by_id, "id1", "nowhere")
    assert sorted(broker.ids("old")) == ["id0", "id1", "id2"]


def test_to_one_worker(broker: Broker, moving: Callable[..., State]) -> None:
    moving(move_direct_by_id, "id1", "w1@host")
    assert broker.ids("w1@host.dq2") == ["id1"]
    moving(move_direct, lambda body, message: "w2@host")
    assert sorted(broker.ids("w2@host.dq2")) == ["id0", "id2"]


def test_republished_as_it_was(broker: Broker, moving: Callable[..., State]) -> None:
    broker.take("old")
    options = {"priority": 3, "expiration": 500, "compression": "zlib", "reply_to": "me"}
    broker.send("same", **options)
    (before,) = broker.take("old")
    broker.send("same", **options)
    moving(move, lambda body, message: ("", "fast"), source=["old"])
    (after,) = broker.take("fast")
    assert (after.body, after.headers) == (before.body, before.headers)
    assert after.payload == before.payload
    differ = {"delivery_info", "delivery_tag"}
    kept = {key: value for key, value in before.properties.items() if key not in differ}
    assert kept == {key: value for key, value in after.properties.items() if key not in differ}
    assert kept["expiration"] == "500000"


def test_republish_without_a_property(broker: Broker) -> None:
    broker.send("x", priority=3, reply_to="me")
    *_, message = broker.take("old")
    republish(Producer(broker.connection), message, routing_key="old", remove_props=["reply_to"])
    (again,) = broker.take("old")
    assert "reply_to" not in again.properties
    assert again.properties["correlation_id"] == "x"


def test_start_filter_looks_and_gives_back(app: Celery, broker: Broker) -> None:
    seen: list[Any] = []
    declared: list[str] = []
    state = start_filter(
        app,
        broker.connection,
        lambda body, message: seen.append(body),
        timeout=PAUSE,
        queues="old",
        tasks="t.add, t.div",
        on_declare_queue=lambda queue: declared.append(queue.name),
    )
    assert len(seen) == 2
    assert repr(state) == "3/3"
    assert declared == ["old"]
    assert sorted(broker.ids("old")) == ["id0", "id1", "id2"]


def test_start_filter_removes_what_it_filtered(app: Celery, broker: Broker) -> None:
    progress: list[str] = []
    start_filter(
        app,
        broker.connection,
        lambda body, message: None,
        timeout=PAUSE,
        consume_from=["old"],
        tasks=["t.add"],
        ack_messages=True,
        callback=lambda state, body, message: progress.append(repr(state)),
    )
    assert broker.ids("old") == ["id1"]
    assert progress == ["1/3", "2/3", "3/3"]


def test_start_filter_limit(app: Celery, broker: Broker) -> None:
    state = State(count=10, total_apx=10)
    start_filter(
        app, broker.connection, lambda body, message: None, timeout=PAUSE, limit=12, state=state
    )
    assert (state.count, state.total_apx) == (12, 13)


@pytest.mark.parametrize(
    ("queues", "there"),
    [(None, "old"), (["old"], "old"), ("old:new,fast", "new"), ({"old": "new"}, "new")],
    ids=str,
)
def test_to_another_broker(app: Celery, broker: Broker, queues: Any, there: str) -> None:
    other = Broker(app)
    copied: list[Any] = []

    def copy(producer: Any, body: Any, message: Any, queues: Any) -> None:
        target = queues.get("old", "old")
        producer.channel.queue_declare(f"{target}.copy")
        republish(producer, message, exchange="", routing_key=f"{target}.copy")
        copied.append(message.properties["correlation_id"])

    state = migrate_tasks(
        broker.connection, other.connection, copy, app, queues=queues, timeout=PAUSE
    )
    assert copied == ["id0", "id1", "id2"]
    assert state.count == 3
    assert there in broker.connection.default_channel.queues  # declared
    assert other.ids(f"{there}.copy") == copied
    assert sorted(broker.ids("old")) == copied  # a copy, not a move


def test_predicates(app: Celery, broker: Broker) -> None:
    matches: list[tuple[bool, bool]] = []

    def look(body: Any, message: Any) -> None:
        matches.append(
            (task_id_eq("id1", body, message), task_id_in({"id0", "id1"}, body, message))
        )

    start_filter(app, broker.connection, look, timeout=PAUSE)
    assert matches == [(False, True), (True, True), (False, False)]
    assert not partial(task_id_eq, "x")({}, None)


def test_state() -> None:
    state = State()
    assert (repr(state), state.strtotal) == ("0/?", "?")
    state.count, state.total_apx = 2, 7
    assert (repr(state), state.strtotal) == ("2/7", "7")
    state.filtered = 1
    assert repr(state) == "^1"
