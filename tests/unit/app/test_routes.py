"""`task_routes` in all its forms."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
from kombu import Exchange, Queue
from tests.support.flows import flow_app, only

from celery import Celery
from celery.app.routes import MapRoute, expand_router_string, prepare
from celery.exceptions import QueueNotFound


def queue_of(routes: Any, name: str, **options: Any) -> str | None:
    """The queue that a call goes to."""
    app = flow_app(task_routes=routes)
    routed = app.amqp.router.route(options, name)
    return routed["queue"].name if "queue" in routed else None


def by_name(name: str, args: Any, kwargs: Any, options: Any, task: Any = None, **_: Any) -> Any:
    return {"queue": "by-name"} if name == "mine" else None


class ByClass:
    def route_for_task(self, task: str, args: Any = None, kwargs: Any = None) -> Any:
        return {"queue": "by-class"} if task == "mine" else None


@pytest.mark.parametrize(
    ("routes", "queue"),
    [
        ({"mine": "table"}, "table"),
        ({"mine": {"queue": "table"}}, "table"),
        ({"mine": Queue("object")}, "object"),
        ({"mi*": "glob"}, "glob"),
        ({re.compile("m.n."): "pattern"}, "pattern"),
        ([[("mi*", "first"), (re.compile("m"), "second")]], "first"),
        ({"mi*": "glob", "mine": "exact"}, "exact"),
        (({"other": "a"}, {"mine": "b"}, {"mine": "c"}), "b"),
        (by_name, "by-name"),
        ((by_name,), "by-name"),
        (ByClass(), "by-class"),
        (ByClass, "by-class"),
        ((lambda *_, **__: "text",), "text"),
        ((lambda *_, **__: {},), "celery"),
        ({"other": "q"}, "celery"),
        ({"mi?e": "only * makes a glob"}, "celery"),
        (None, "celery"),
    ],
)
def test_forms_of_the_setting(routes: Any, queue: str) -> None:
    assert queue_of(routes, "mine") == queue


def test_routers_by_dotted_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "my_routers", sys.modules[__name__])
    assert queue_of("my_routers.ByClass", "mine") == "by-class"
    assert queue_of(("my_routers:by_name",), "mine") == "by-name"
    assert isinstance(expand_router_string("my_routers.ByClass"), ByClass)


def test_the_caller_has_the_last_word() -> None:
    routes = {"mine": {"queue": "route", "priority": 7, "serializer": "yaml"}}
    app = flow_app(task_routes=routes)
    app.send_task("mine", queue="caller", priority=1)
    message = only(app, "caller")
    assert message.properties["priority"] == 1
    assert message.delivery.content_type == "application/x-yaml"


def test_a_route_to_an_exchange_needs_no_queue() -> None:
    app = flow_app(task_routes={"mine": {"exchange": "animals", "routing_key": "owl"}})
    owls = Queue("owls", Exchange("animals", "direct"), "owl")
    app.broker_for_write().declare([owls])
    app.send_task("mine")
    assert only(app, owls).task == "mine"


def test_a_route_with_a_key_alone_leads_to_the_default_queue() -> None:
    app = flow_app(task_routes={"mine": {"routing_key": "owl"}})
    app.send_task("mine")
    assert only(app).task == "mine"


def test_the_router_sees_the_call_but_nothing_internal() -> None:
    seen: list[Any] = []

    def router(name: str, args: Any, kwargs: Any, options: Any, task: Any = None, **_: Any) -> None:
        seen.append((name, args, kwargs, task, sorted(options)))

    app = flow_app(task_routes=router)
    app.tasks["add"].apply_async((1,), priority=3)
    app.send_task("unknown")
    ((_, args, kwargs, task, options), (name, *_)) = seen
    assert (args, kwargs, task) == ((1,), {}, app.tasks["add"])
    assert "priority" in options
    assert "task_type" not in options
    assert name == "unknown"


def test_route_name_stands_in_for_the_task_name() -> None:
    app = flow_app(task_routes={"alias": "special"})
    app.tasks["add"].apply_async(route_name="alias")
    assert only(app, "special").task == "add"


def test_a_queue_that_may_not_be_made() -> None:
    app = flow_app(
        task_create_missing_queues=False, task_queues=[Queue("celery")], task_routes={"m": "no"}
    )
    with pytest.raises(QueueNotFound):
        app.send_task("m")


def test_a_new_setting_is_seen() -> None:
    app: Celery = flow_app()
    assert app.amqp.router.route({}, "mine")["queue"].name == "celery"
    app.conf.task_routes = {"mine": "later"}
    assert app.amqp.router.route({}, "mine")["queue"].name == "later"


def test_map_route_answers_with_options() -> None:
    route = MapRoute({"a": "q", "b.*": {"queue": "r", "priority": 1}})
    assert route("a") == {"queue": "q"}
    assert route("b.c") == {"queue": "r", "priority": 1}
    assert route("c") is None
    assert [type(item).__name__ for item in prepare([{"a": "b"}, "x.y", by_name])] == [
        "MapRoute",
        "mlazy",
        "function",
    ]
