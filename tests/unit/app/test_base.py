"""The application as a whole: names, parts, connections, copies."""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from kombu import Connection, Consumer, Producer, Queue
from tests.support.flows import flow_app

from celery import Celery, current_app
from celery.app.base import App, app_has_custom
from celery.result import AsyncResult
from celery.signals import import_modules


@pytest.fixture
def app() -> Iterator[Celery]:
    app = flow_app(broker_pool_limit=2)
    yield app
    app.close()


def test_arguments_are_settings() -> None:
    app = Celery("x", broker="memory://b", backend="cache+memory://", include="a", timezone="UTC")
    assert (app.main, app.conf.broker_url, app.conf.include) == ("x", "memory://b", ["a"])
    assert (app.conf.result_backend, app.conf.timezone) == ("cache+memory://", "UTC")
    assert App is Celery


def test_the_last_app_made_is_the_current_one() -> None:
    first, second = Celery("first"), Celery("second")
    assert current_app == second
    Celery("aside", set_as_current=False)
    assert current_app == second
    first.set_current()
    assert current_app.main == "first"


def test_on_init() -> None:
    class Special(Celery):
        ready = False

        def on_init(self) -> None:
            self.ready = True

    assert Special("x", set_as_current=False).ready
    assert app_has_custom(Special("y", set_as_current=False), "on_init")
    assert not app_has_custom(Celery("z", set_as_current=False), "on_init")


def test_a_pickled_app_keeps_its_changes() -> None:
    app = Celery("p", broker="memory://x", changes={"task_default_queue": "q"})
    app.conf.timezone = "Europe/Berlin"
    copy = pickle.loads(pickle.dumps(app))
    assert (copy.main, copy.conf.task_default_queue, copy.conf.timezone) == (
        "p",
        "q",
        "Europe/Berlin",
    )
    result = pickle.loads(pickle.dumps(app.AsyncResult("the-id")))
    assert (result.id, result.app.main) == ("the-id", "p")


class Part:
    app: Any = None
    other: Any = None


def test_classes_bound_to_the_app(app: Celery) -> None:
    bound = app.subclass_with_self(Part)
    assert (bound.__name__, bound.app, issubclass(bound, Part)) == ("Part", app, True)
    named = app.subclass_with_self(Part, name="Named", attribute="other", extra=1)
    assert (named.__name__, named.other, named.extra) == ("Named", app, 1)
    assert issubclass(app.AsyncResult, AsyncResult)
    assert app.AsyncResult is app.AsyncResult
    assert app.AsyncResult("x").app is app


def test_addresses(app: Celery) -> None:
    elsewhere = []
    thread = threading.Thread(target=lambda: elsewhere.append((app.oid, app.thread_oid)))
    thread.start()
    thread.join()
    ((oid, thread_oid),) = elsewhere
    assert oid == app.oid
    assert thread_oid != app.thread_oid == app.thread_oid


def test_either_takes_the_first_value(app: Celery) -> None:
    assert app.either("task_default_queue") == "celery"
    assert app.either("task_default_queue", None, "given") == "given"


def test_time_is_in_the_zone_of_the_settings() -> None:
    assert str(flow_app().now().tzinfo) == "UTC"
    berlin = flow_app(timezone="Europe/Berlin")
    assert str(berlin.now().tzinfo) == str(berlin.timezone) == "Europe/Berlin"
    assert not berlin.uses_utc_timezone()


# -- periodic tasks


def test_periodic_tasks_wait_for_the_configuration() -> None:
    app = Celery("periodic", broker="memory://")
    add = app.signature("add", (1,))
    keys = []

    @app.on_after_configure.connect(weak=False)
    def setup(sender: Any, **_: Any) -> None:
        keys.append(sender.add_periodic_task(10, add, name="named"))

    keys.append(app.add_periodic_task(5, add.clone(kwargs={"y": 2}), expires=3))
    keys.append(app.add_periodic_task(5, "by.name", (1,), {"k": 1}))
    schedule = app.conf.beat_schedule
    assert set(keys) == set(schedule) == {"named", "add(1, y=2)", "by.name(1, k=1)"}
    entry = schedule["add(1, y=2)"]
    assert (entry["task"], entry["args"], entry["kwargs"]) == ("add", (1,), {"y": 2})
    assert (entry["schedule"], entry["options"]) == (5, {"expires": 3})


def test_an_unnamed_periodic_task_replaces_its_twin(caplog: pytest.LogCaptureFixture) -> None:
    app = flow_app()
    sig = app.tasks["add"].s(1)
    _ = app.conf.timezone
    assert app.add_periodic_task(1, sig) == app.add_periodic_task(2, sig)
    assert [e["schedule"] for e in app.conf.beat_schedule.values()] == [2]
    assert "in the schedule already" in caplog.text


# -- task modules


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> str:
    root, tasks = ModuleType("shop"), ModuleType("shop.tasks")
    root.__path__ = []
    monkeypatch.setitem(sys.modules, "shop", root)
    monkeypatch.setitem(sys.modules, "shop.tasks", tasks)
    return "shop"


def test_task_modules_are_found_when_the_worker_imports(app: Celery, package: str) -> None:
    app.autodiscover_tasks([package])
    assert "shop.tasks" not in app.loader.task_modules
    import_modules.send(sender=app)
    assert "shop.tasks" in app.loader.task_modules


def test_task_modules_can_be_found_now(app: Celery, package: str) -> None:
    app.autodiscover_tasks(lambda: [package], force=True)
    assert "shop.tasks" in app.loader.task_modules
    app.autodiscover_tasks(["json"], related_name="decoder", force=True)
    assert "json.decoder" in app.loader.task_modules
    app.autodiscover_tasks(force=True)
    with pytest.raises(ModuleNotFoundError):
        app.autodiscover_tasks(["no_such_package"], force=True)


# -- kombu


def test_connections_and_pools(app: Celery) -> None:
    with app.connection_for_write() as connection:
        assert isinstance(connection, Connection)
    with app.producer_or_acquire() as producer:
        assert isinstance(producer, Producer)
        with app.producer_or_acquire(producer) as same:
            assert same is producer
    with app.connection_or_acquire() as pooled, app.connection_or_acquire(pooled) as same:
        assert same is pooled
    assert app.pool is app.pool


def test_a_kombu_producer_can_publish_the_message(app: Celery) -> None:
    received: list[Any] = []
    with app.connection_for_write() as connection:
        app.tasks["add"].apply_async((1, 2), producer=app.amqp.Producer(connection), queue="kombu")
        queue = Queue("kombu", app.amqp.queues["kombu"].exchange, "kombu")
        with Consumer(connection, queue, callbacks=[lambda body, m: received.append((body, m))]):
            connection.drain_events(timeout=5)
        ((body, message),) = received
        message.ack()
    assert (body[0], message.headers["task"]) == ([1, 2], "add")


def test_worker_main_wants_the_worker_command(app: Celery) -> None:
    with pytest.raises(ValueError, match="worker"):
        app.worker_main(["beat"])
