"""Results on Redis: the keys are Celery's, waiting misses nothing, chords end once."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis

from celery import Celery
from celery._message.context import Context
from celery.backends.redis import RedisBackend
from celery.exceptions import BackendStoreError, ChordError, ImproperlyConfigured, TimeoutError

pytestmark = pytest.mark.redis

DB = 12
BROKER_DB = 11


@pytest.fixture
def client(redis_server: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(f"{redis_server}/{DB}") as client:
        yield client


@pytest.fixture
def queue(redis_server: str) -> Iterator[str]:
    name = f"results{uuid4().hex}"
    yield name
    with redis.Redis.from_url(f"{redis_server}/{BROKER_DB}") as client:
        left = client.keys(f"*{name}*")
        if left:
            client.delete(*left)


@pytest.fixture
def prefix(client: redis.Redis) -> Iterator[str]:
    prefix = f"t{uuid4().hex}"
    yield prefix
    left = client.keys(f"{prefix}*")
    if left:
        client.delete(*left)


@pytest.fixture
def make_app(redis_server: str, queue: str, prefix: str) -> Iterator[Callable[..., Celery]]:
    made: list[Celery] = []

    def make(**conf: Any) -> Celery:
        options = {"global_keyprefix": prefix, **conf.pop("options", {})}
        app = Celery("results", set_as_current=False)
        app.conf.update(
            broker_url=f"{redis_server}/{BROKER_DB}",
            result_backend=f"{redis_server}/{DB}",
            result_backend_transport_options=options,
            task_default_queue=queue,
            **conf,
        )
        made.append(app)
        return app

    yield make
    for app in made:
        app.backend.result_consumer.stop()
        app.backend._link.close()
        app.close()


@pytest.fixture
def app(make_app: Callable[..., Celery]) -> Celery:
    return make_app()


@pytest.fixture
def backend(app: Celery) -> RedisBackend:
    assert isinstance(app.backend, RedisBackend)
    return app.backend


def later(function: Callable[..., Any], *args: Any, after: float = 0.1) -> threading.Timer:
    timer = threading.Timer(after, function, args)
    timer.start()
    return timer


# -- what is stored


def test_a_result_is_stored_as_captured_and_announced(
    backend: RedisBackend, client: redis.Redis, prefix: str
) -> None:
    key = f"{prefix}_celery-task-meta-ok1"
    with client.pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe(key)
        pubsub.get_message(timeout=1)
        backend.store_result("ok1", 5, "SUCCESS")
        announced = None
        while announced is None:
            announced = pubsub.get_message(timeout=5)
    stored = client.get(key)
    assert announced["data"] == stored
    meta = json.loads(stored)
    assert meta.pop("date_done").endswith("+00:00")
    assert meta == {
        "status": "SUCCESS",
        "result": 5,
        "traceback": None,
        "children": None,
        "task_id": "ok1",
    }
    assert next(iter(json.loads(stored))) == "status"
    assert 86390 < client.ttl(key) <= 86400


def test_a_failure_is_stored_as_captured(
    make_app: Callable[..., Celery], client: redis.Redis, prefix: str
) -> None:
    app = make_app(result_failure_expires=60, result_expires=None)
    app.backend.store_result("boom", ValueError("bad", 3), "FAILURE", traceback="Traceback ...")
    app.backend.store_result("fine", 1, "SUCCESS")
    meta = json.loads(client.get(f"{prefix}_celery-task-meta-boom"))
    assert meta["result"] == {
        "exc_type": "ValueError",
        "exc_message": ["bad", 3],
        "exc_module": "builtins",
    }
    assert 50 < client.ttl(f"{prefix}_celery-task-meta-boom") <= 60
    assert client.ttl(f"{prefix}_celery-task-meta-fine") == -1


@pytest.mark.parametrize(
    "conf",
    [
        {},
        {"result_serializer": "pickle", "result_accept_content": ["pickle"]},
        {"result_compression": "gzip"},
    ],
    ids=["json", "pickle", "compressed"],
)
def test_a_success_is_final_and_nothing_else_is(
    make_app: Callable[..., Celery], conf: dict[str, Any]
) -> None:
    backend = make_app(**conf).backend
    backend.mark_as_started("t", pid=1)
    assert backend.get_state("t") == "STARTED"
    backend.store_result("t", ValueError("x"), "FAILURE")
    assert isinstance(backend.get_task_meta("t", cache=False)["result"], ValueError)
    backend.store_result("t", {"a": [1]}, "SUCCESS")
    backend.store_result("t", ValueError("late"), "FAILURE")
    assert backend.get_task_meta("t", cache=False)["result"] == {"a": [1]}
    assert backend.task_result_exists("t")
    backend.forget("t")
    assert not backend.task_result_exists("t")
    assert backend.get_task_meta("t") == {"status": "PENDING", "result": None}


@pytest.mark.parametrize(
    ("given", "used"), [("a", "a_"), ("a_", "a_"), ("a:", "a:"), ("a-", "a-"), ("a.", "a.")]
)
def test_the_prefix_of_keys_is_separated(
    make_app: Callable[..., Celery], given: str, used: str
) -> None:
    backend = make_app(options={"global_keyprefix": given}).backend
    assert backend.get_key_for_task("1") == f"{used}celery-task-meta-1".encode()


def test_a_subclass_that_stores_in_its_own_way_is_asked(
    make_app: Callable[..., Celery], redis_server: str
) -> None:
    stored: dict[bytes, Any] = {}

    class Mine(RedisBackend):
        def set(self, key: Any, value: Any, **retry_policy: Any) -> None:
            stored[key] = value

        def get(self, key: Any) -> Any:
            return stored.get(key)

    backend = Mine(app=make_app(), url=f"{redis_server}/{DB}")
    backend.store_result("t", 1, "SUCCESS")
    assert backend.get_result("t") == 1
    assert len(stored) == 1


def test_an_unreachable_server_is_tried_as_often_as_asked(
    make_app: Callable[..., Celery], caplog: pytest.LogCaptureFixture
) -> None:
    policy = {"max_retries": 2, "interval_start": 0, "interval_step": 0.01, "interval_max": 0.01}
    app = make_app(options={"retry_policy": policy})
    backend = RedisBackend(app=app, url="redis://:secret@127.0.0.1:1/0")
    with pytest.raises(redis.exceptions.ConnectionError):
        backend.store_result("t", 1, "SUCCESS")
    assert caplog.text.count("Connection to Redis lost: Retry") == 2
    assert backend.as_uri() == "redis://:**@127.0.0.1:1/0"
    app.conf.result_backend_always_retry = True
    app.conf.result_backend_max_retries = 1
    backend = RedisBackend(app=app, url="redis://127.0.0.1:1/0")
    with pytest.raises(BackendStoreError):
        backend.store_result("t", 1, "SUCCESS")


def test_sentinels_need_the_name_of_their_master(make_app: Callable[..., Celery]) -> None:
    app = make_app()
    backend = RedisBackend(app=app, url="sentinel://:pw@a:1/3;sentinel://:pw@b:2")
    assert backend.as_uri() == "sentinel://:**@a:1/3;sentinel://:**@b:2/"
    with pytest.raises(ValueError, match="master_name"):
        backend.client.ping()
    with pytest.raises(ImproperlyConfigured, match="number"):
        RedisBackend(app=app, url="redis://h/notanumber")


# -- waiting


def test_get_waits_until_it_is_told(app: Celery, backend: RedisBackend) -> None:
    timer = later(backend.store_result, "t", [1], "SUCCESS")
    began = time.monotonic()
    assert app.AsyncResult("t").get(timeout=10) == [1]
    assert time.monotonic() - began < 1.0
    timer.join()
    assert backend.result_consumer._subscriber.channels == set()


def test_get_finds_what_was_stored_before(app: Celery, backend: RedisBackend) -> None:
    backend.store_result("t", ValueError("x"), "FAILURE")
    with pytest.raises(ValueError, match="x"):
        app.AsyncResult("t").get(timeout=5)
    with pytest.raises(TimeoutError):
        app.AsyncResult("never").get(timeout=0.2)


def test_many_results_are_waited_for_at_once(app: Celery, backend: RedisBackend) -> None:
    ids = [f"t{n}" for n in range(200)]
    for n in range(0, 200, 2):
        backend.store_result(ids[n], n, "SUCCESS")
    results = app.ResultSet([app.AsyncResult(i) for i in ids])
    timers = [later(backend.store_result, ids[n], n, "SUCCESS") for n in range(1, 200, 2)]
    assert results.join_native(timeout=20) == list(range(200))
    for timer in timers:
        timer.join()


def test_callbacks_and_progress_are_told(app: Celery, backend: RedisBackend) -> None:
    done: list[Any] = []
    seen: list[Any] = []
    result = app.AsyncResult("t")
    result.then(lambda r: done.append(r.result))
    backend.store_result("u", 1, "SUCCESS")

    def work() -> None:
        backend.store_result("t", {"done": 50}, "PROGRESS")
        backend.store_result("t", 7, "SUCCESS")

    timer = later(work)
    assert result.get(timeout=5, on_message=seen.append) == 7
    timer.join()
    assert done == [7]
    assert [json.loads(m["data"])["status"] for m in seen] == ["PROGRESS", "SUCCESS"]


def test_waiting_survives_a_lost_connection(
    make_app: Callable[..., Celery], client: redis.Redis
) -> None:
    name = f"waits-{uuid4().hex}"
    app = make_app(redis_client_name=name, options={"client_name": name})
    backend = app.backend

    def cut_and_store() -> None:
        for connection in client.client_list():
            if connection["name"] == name:
                client.client_kill_filter(_id=connection["id"])
        # Stored while nobody listens: found by the look after connecting anew.
        backend.store_result("t", 1, "SUCCESS")

    timer = later(cut_and_store, after=0.3)
    began = time.monotonic()
    assert app.AsyncResult("t").get(timeout=20) == 1
    assert time.monotonic() - began < 3.0
    timer.join()


def test_threads_share_one_connection(make_app: Callable[..., Celery]) -> None:
    app = make_app(result_backend_thread_safe=True)
    backend = app.backend
    got: list[int] = []

    def wait(n: int) -> None:
        got.append(app.AsyncResult(f"t{n}", backend=backend).get(timeout=20))

    threads = [threading.Thread(target=wait, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for n in range(8):
        backend.store_result(f"t{n}", n, "SUCCESS")
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(8))


def test_a_forked_child_has_connections_of_its_own(app: Celery, backend: RedisBackend) -> None:
    backend.store_result("before", 1, "SUCCESS")
    backend.result_consumer.consume_from("parent")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        try:
            assert app.AsyncResult("before").get(timeout=5) == 1
            backend.store_result("parent", 2, "SUCCESS")
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    assert app.AsyncResult("parent").get(timeout=5) == 2
    assert os.waitpid(pid, 0)[1] == 0


# -- chords


def part(app: Celery, body: Any, group: str, index: int | None, task_id: str = "") -> Context:
    task_id = task_id or f"{group}.{index}"
    return Context(id=task_id, group=group, group_index=index, chord=body)


@pytest.fixture
def bodies(redis_server: str, queue: str) -> Callable[[], list[Any]]:
    """The arguments of the tasks that were sent."""

    def sent() -> list[Any]:
        with redis.Redis.from_url(f"{redis_server}/{BROKER_DB}") as client:
            messages = [json.loads(m) for m in reversed(client.lrange(queue, 0, -1))]
        return [json.loads(base64.b64decode(m["body"]))[0] for m in messages]

    return sent


def body_of(app: Celery, **options: Any) -> Any:
    @app.task(name="body")
    def body(values: Any) -> Any:
        return values

    return body.s().set(task_id=f"body-{uuid4().hex}", **options)


@pytest.mark.parametrize("ordered", [True, False])
def test_the_last_part_sends_the_body_once(
    make_app: Callable[..., Celery],
    client: redis.Redis,
    prefix: str,
    bodies: Callable[[], list[Any]],
    ordered: bool,
) -> None:
    app = make_app(options={"result_chord_ordered": ordered}, result_chord_expires=500)
    backend, body = app.backend, body_of(app)
    key = f"{prefix}_celery-taskset-meta-g"
    backend.set_chord_size("g", 3)
    for index in (2, 0, 0, 0):  # the first one's worker was killed: it ran again
        backend.on_chord_part_return(part(app, body, "g", index), "SUCCESS", index * 10)
    assert bodies() == []
    assert client.smembers(f"{key}.d") == {b"g.0:0", b"g.2:2"}
    assert client.get(f"{key}.s") == b"3"
    assert 490 < client.ttl(f"{key}.j") <= 500
    if ordered:
        assert client.zrange(f"{key}.j", 0, -1, withscores=True) == [
            (b'[1, "g.0", "SUCCESS", 0]', 0.0),
            (b'[1, "g.2", "SUCCESS", 20]', 2.0),
        ]
    for _ in range(2):
        backend.on_chord_part_return(part(app, body, "g", 1), "SUCCESS", 10)
    assert bodies() == [[[0, 10, 20] if ordered else [20, 0, 10]]]
    assert client.keys(f"{key}*") == [f"{key}.c".encode()]
    assert client.get(f"{key}.c") == b"done"


def test_a_part_may_be_added(app: Celery, bodies: Callable[[], list[Any]]) -> None:
    backend, body = app.backend, body_of(app)
    backend.set_chord_size("g", 1)
    backend.add_to_chord("g", None)
    backend.on_chord_part_return(part(app, body, "g", 0), "SUCCESS", "a")
    assert bodies() == []
    backend.on_chord_part_return(part(app, body, "g", None, "added"), "SUCCESS", "b")
    assert bodies() == [[["a", "b"]]]


def test_a_failed_part_fails_the_body_when_all_are_there(
    app: Celery, client: redis.Redis, prefix: str, bodies: Callable[[], list[Any]]
) -> None:
    backend, body = app.backend, body_of(app)
    backend.set_chord_size("g", 2)
    backend.on_chord_part_return(part(app, body, "g", 0), "FAILURE", ValueError("x"))
    assert backend.get_state(body.id) == "PENDING"
    backend.on_chord_part_return(part(app, body, "g", 1), "SUCCESS", 1)
    meta = backend.get_task_meta(body.id)
    assert meta["status"] == "FAILURE"
    assert isinstance(meta["result"], ChordError)
    assert str(meta["result"]) == "Dependency g.0 raised ValueError('x')"
    assert bodies() == []
    key = f"{prefix}_celery-taskset-meta-g"
    assert client.exists(f"{key}.j") == 1
    assert client.exists(f"{key}.s") == 0


def test_groups_within_the_header_come_as_groups(
    app: Celery, bodies: Callable[[], list[Any]]
) -> None:
    backend, body = app.backend, body_of(app)
    inner = app.GroupResult("inner", [app.AsyncResult("a"), app.AsyncResult("b")])
    header = [inner, app.AsyncResult("c")]
    backend.apply_chord(("g", header), body)
    backend.set_chord_size("g", 3)
    for index, (task_id, value) in enumerate({"a": 1, "b": 2, "c": 3}.items()):
        backend.store_result(task_id, value, "SUCCESS")
        backend.on_chord_part_return(part(app, body, "g", index, task_id), "SUCCESS", value)
    assert bodies() == [[[[1, 2], 3]]]


def test_a_simple_header_is_not_saved(app: Celery, client: redis.Redis, prefix: str) -> None:
    app.backend.apply_chord(("g", [app.AsyncResult("a")]), body_of(app))
    assert client.keys(f"{prefix}*") == []


def test_a_group_is_saved_as_captured(
    app: Celery, backend: RedisBackend, client: redis.Redis, prefix: str
) -> None:
    app.GroupResult("grp1", [app.AsyncResult("a"), app.AsyncResult("b")]).save()
    assert json.loads(client.get(f"{prefix}_celery-taskset-meta-grp1")) == {
        "result": [["grp1", None], [[["a", None], None], [["b", None], None]]]
    }
    restored = backend.restore_group("grp1")
    assert [r.id for r in restored] == ["a", "b"]
    backend.delete_group("grp1")
    assert backend.restore_group("grp1") is None
