"""What a call puts on the wire: headers, properties and destination."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kombu import Exchange, Queue
from tests.support.flows import drain, flow_app, only, run, sent

from celery import Celery, signals
from celery.exceptions import AlwaysEagerIgnored


@pytest.fixture
def app() -> Celery:
    return flow_app()


def test_a_plain_call(app: Celery) -> None:
    result = app.tasks["add"].delay(1, y=2)
    message = only(app)
    assert message.call == ("add", [1], {"y": 2})
    assert message.embed == {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    headers = message.headers
    assert (headers["id"], headers["root_id"], headers["parent_id"]) == (result.id, result.id, None)
    assert headers["ignore_result"] is False
    assert headers["argsrepr"] == "(1,)"
    assert message.properties["correlation_id"] == result.id
    assert message.properties["reply_to"] == app.thread_oid
    assert (message.properties["delivery_mode"], message.properties["priority"]) == (2, 0)


def test_options_reach_headers_and_properties(app: Celery) -> None:
    app.tasks["add"].apply_async(
        (1,),
        countdown=60,
        expires=120,
        priority=5,
        time_limit=30,
        soft_time_limit=20,
        shadow="other",
        headers={"tenant": "blue"},
        reply_to="there",
        delivery_mode="transient",
        user_id="me",
        queue="slow",
    )
    message = only(app, "slow")
    headers, properties = message.headers, message.properties
    wait = datetime.fromisoformat(headers["eta"]) - datetime.now(UTC)
    assert timedelta(seconds=50) < wait <= timedelta(seconds=60)
    assert headers["timelimit"] == [30, 20]
    assert (headers["shadow"], headers["tenant"]) == ("other", "blue")
    assert properties["expiration"] == "120000"
    assert (properties["priority"], properties["delivery_mode"]) == (5, 1)
    assert (properties["reply_to"], properties["user_id"]) == ("there", "me")


def test_a_call_by_name_leaves_ignoring_to_the_task(app: Celery) -> None:
    @app.task(name="quiet", ignore_result=True, shared=False)
    def quiet() -> None: ...

    app.send_task("quiet")
    assert only(app).headers["ignore_result"] is None
    assert quiet.delay().ignored
    assert only(app).headers["ignore_result"] is True


def test_a_call_by_name_has_the_options_of_a_task_known_here(app: Celery) -> None:
    @app.task(name="bounded", time_limit=20, expires=60, serializer="yaml", shared=False)
    def bounded() -> None: ...

    app.send_task("bounded", expires=None)
    message = only(app)
    assert message.headers["timelimit"] == [20, None]
    assert message.properties["expiration"] == "60000"
    assert message.delivery.content_type == "application/x-yaml"
    app.send_task("bounded", time_limit=5, serializer="json")
    message = only(app)
    assert message.headers["timelimit"] == [5, None]
    assert message.delivery.content_type == "application/json"


@pytest.mark.parametrize(
    "options", [{}, {"routing_key": "elsewhere"}, {"exchange": "elsewhere"}, {"queue": "celery"}]
)
def test_a_direct_queue_is_reached_by_its_name(app: Celery, options: dict[str, Any]) -> None:
    app.tasks["add"].apply_async(**options)
    assert only(app).delivery.delivery_info["exchange"] == ""


def test_a_topic_queue_is_reached_through_its_exchange(app: Celery) -> None:
    queue = Queue("birds", Exchange("animals", "topic"), "bird.#")
    app.tasks["add"].apply_async(queue=queue, routing_key="bird.owl")
    info = only(app, queue).delivery.delivery_info
    assert (info["exchange"], info["routing_key"]) == ("animals", "bird.owl")


def test_arguments_are_checked_against_the_signature(app: Celery) -> None:
    with pytest.raises(TypeError):
        app.tasks["add"].delay(1, 2, 3)

    @app.task(name="unchecked", typing=False, shared=False)
    def unchecked(x: int) -> None: ...

    unchecked.delay(1, 2, 3)
    assert only(app).args == [1, 2, 3]


@pytest.mark.parametrize(("args", "kwargs"), [("abc", {}), (3, {}), ((), "abc")])
def test_arguments_of_the_wrong_kind(app: Celery, args: Any, kwargs: Any) -> None:
    with pytest.raises(TypeError):
        app.send_task("x", args, kwargs)


def test_only_the_limits_of_the_task_itself_are_compared(app: Celery) -> None:
    @app.task(name="odd", time_limit=5, soft_time_limit=10, shared=False)
    def odd() -> None: ...

    with pytest.raises(ValueError, match="soft_time_limit"):
        odd.delay()
    app.tasks["add"].apply_async(time_limit=2, soft_time_limit=5)
    assert only(app).headers["timelimit"] == [2, 5]


def test_receivers_may_change_the_message(app: Celery) -> None:
    seen = []

    def before(sender: str, body: Any, headers: Any, properties: Any, **kwargs: Any) -> None:
        headers["trace"] = "t-1"
        properties["priority"] = 7
        seen.append((sender, body[0], kwargs["exchange"], kwargs["routing_key"]))

    def after(sender: str, headers: Any, **_: Any) -> None:
        seen.append((sender, headers["trace"]))

    signals.before_task_publish.connect(before)
    signals.after_task_publish.connect(after)
    try:
        app.tasks["add"].delay(1)
    finally:
        signals.before_task_publish.disconnect(before)
        signals.after_task_publish.disconnect(after)
    message = only(app)
    assert (message.headers["trace"], message.properties["priority"]) == ("t-1", 7)
    assert seen == [("add", (1,), "", "celery"), ("add", "t-1")]


def test_links_travel_in_the_body(app: Celery) -> None:
    add, echo = app.tasks["add"], app.tasks["echo"]
    add.apply_async((1, 2), link=add.s(3), link_error=[echo.s()])
    embed = only(app).embed
    assert [callback["args"] for callback in embed["callbacks"]] == [[3]]
    assert [errback["task"] for errback in embed["errbacks"]] == ["echo"]


def test_what_a_running_task_sends_is_of_its_family(app: Celery) -> None:
    results = []

    @app.task(name="parent", bind=True, shared=False)
    def parent(self: Any) -> None:
        app.tasks["add"].delay()
        app.tasks["add"].apply_async(add_to_parent=False)
        results.extend(self.request.children)

    parent.apply_async(task_id="root")
    run(app, only(app))
    first, second = sent(app)
    for child in (first, second):
        assert (child.headers["parent_id"], child.headers["root_id"]) == ("root", "root")
    assert [result.id for result in results] == [first.id]


def test_priority_is_inherited_when_the_settings_say_so() -> None:
    app = flow_app(task_inherit_parent_priority=True)
    app.tasks["add"].apply_async((1, 2), link=app.tasks["add"].s(3), priority=6)
    run(app, only(app))
    assert only(app).properties["priority"] == 6


def test_protocol_1_nests_a_chain_in_callbacks() -> None:
    app = flow_app(task_protocol=1)
    add = app.tasks["add"]
    (add.s(1, 1) | add.s(2) | add.s(3)).apply_async()
    message = only(app)
    assert set(message.headers) == set()
    body = message.delivery.payload
    (second,) = body["callbacks"]
    (third,) = second["options"]["link"]
    assert (body["args"], second["args"], third["args"]) == ([1, 1], [2], [3])


def test_send_task_does_not_run_eagerly() -> None:
    app = flow_app(task_always_eager=True)
    with pytest.warns(AlwaysEagerIgnored):
        app.send_task("add", (1, 2))
    assert only(app).call == ("add", [1, 2], {})


@pytest.fixture
def event_app() -> Iterator[Celery]:
    app = flow_app(task_send_sent_event=True)
    yield app
    app.close()


def test_sent_event_says_where_the_message_went(event_app: Celery) -> None:
    events = Queue("events", Exchange("celeryev", "topic"), "#")
    event_app.broker_for_write().declare([events])
    event_app.tasks["add"].apply_async((1, 2), queue="work")
    event = only(event_app, events).delivery.payload
    assert (event["type"], event["queue"], event["name"]) == ("task-sent", "work", "add")
    assert drain(event_app) == []
