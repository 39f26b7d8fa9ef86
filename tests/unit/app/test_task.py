"""What a task is and does apart from being sent: options, eager runs, handlers, request."""

from __future__ import annotations

import pickle
from datetime import datetime
from typing import Any

import pytest
from kombu.exceptions import EncodeError
from tests.support.flows import flow_app, only, run, sent

from celery import Celery, Task, shared_task
from celery.app.task import Context, get_actual_ignore_result
from celery.exceptions import CDeprecationWarning, Ignore, Reject


@pytest.fixture
def app() -> Celery:
    return flow_app()


def test_what_a_task_leaves_open_is_taken_from_the_settings() -> None:
    app = flow_app(
        task_serializer="yaml",
        task_default_rate_limit="10/m",
        task_default_priority=4,
        task_time_limit=10,
        task_soft_time_limit=5,
        task_acks_late=True,
        task_acks_on_failure_or_timeout=False,
        task_ignore_result=True,
    )

    @app.task(name="open", shared=False)
    def left_open() -> None: ...

    @app.task(name="set", serializer="json", acks_late=False, acks_on_failure=True, shared=False)
    def decided() -> None: ...

    assert (left_open.serializer, left_open.rate_limit, left_open.priority) == ("yaml", "10/m", 4)
    assert (left_open.time_limit, left_open.soft_time_limit) == (10, 5)
    assert (left_open.acks_late, left_open.ignore_result) == (True, True)
    assert (left_open.acks_on_failure, left_open.acks_on_timeout) == (False, False)
    assert (decided.serializer, decided.acks_late) == ("json", False)
    assert (decided.acks_on_failure, decided.acks_on_timeout) == (True, False)
    left_open.delay()
    assert only(app).headers["timelimit"] == [10, 5]


def test_a_base_class_may_take_more_from_the_settings() -> None:
    app = flow_app(tenant="blue")

    class Tenant(Task):
        tenant: Any = None
        from_config = (*Task.from_config, ("tenant", "tenant"))

    @app.task(name="tenant", base=Tenant, shared=False)
    def work() -> None: ...

    assert (work.tenant, work.serializer) == ("blue", "json")


@pytest.mark.parametrize(
    "attribute",
    ["queue", "exchange", "exchange_type", "routing_key", "priority", "delivery_mode"],
)
def test_routing_by_attributes_is_deprecated(app: Celery, attribute: str) -> None:
    with pytest.warns(CDeprecationWarning, match=attribute):
        app.task(name="routed", shared=False, **{attribute: 1})(lambda: None)


def test_a_queue_attribute_still_routes(app: Celery) -> None:
    with pytest.warns(CDeprecationWarning):
        work = app.task(name="routed", queue="special", shared=False)(lambda: None)
    work.bind(app)  # says nothing the second time
    work.delay()
    assert only(app, "special").task == "routed"


# -- running here


def test_eager_arguments_go_through_the_serialiser() -> None:
    app = flow_app(task_always_eager=True)
    value = app.tasks["echo"].delay((1, datetime(2026, 1, 1))).get()
    assert value == [1, datetime(2026, 1, 1)]
    with pytest.raises(EncodeError):
        app.tasks["echo"].delay(object())


def test_apply_gives_a_finished_result(app: Celery) -> None:
    result = app.tasks["add"].apply((1, 2), task_id="mine")
    assert (result.id, result.state, result.get()) == ("mine", "SUCCESS", 3)
    failed = app.tasks["fail"].apply()
    assert (failed.state, "ValueError" in failed.traceback) == ("FAILURE", True)
    with pytest.raises(ValueError, match="failed"):
        failed.get()


def test_exceptions_propagate_when_asked_to() -> None:
    app = flow_app(task_eager_propagates=True)
    with pytest.raises(ValueError, match="failed"):
        app.tasks["fail"].apply()
    assert app.tasks["fail"].apply(throw=False).failed()


def test_control_exceptions_end_an_eager_run(app: Celery) -> None:
    def outcome(exc: Exception) -> str:
        @app.task(name=f"out-{type(exc).__name__}", shared=False)
        def out() -> None:
            raise exc

        return str(out.apply().state)

    assert outcome(Ignore()) == "IGNORED"
    assert outcome(Reject()) == "REJECTED"


def test_the_eager_request(app: Celery) -> None:
    seen: dict[str, Any] = {}

    @app.task(name="look", bind=True, shared=False)
    def look(self: Any) -> None:
        seen.update(vars(self.request), ignore=self.request.ignore_result)

    look.apply(
        headers={"h": 1}, priority=3, time_limit=9, retries=2, group_id="g", logfile="l", loglevel=1
    )
    assert (seen["is_eager"], seen["called_directly"], seen["retries"]) == (True, False, 2)
    assert (seen["headers"], seen["group"], seen["ignore"]) == ({"h": 1}, "g", False)
    assert seen["delivery_info"]["priority"] == 3
    assert (seen["time_limit"], seen["task"]) == (9, "look")


def test_eager_retries_run_at_once(app: Celery) -> None:
    tries: list[int] = []

    @app.task(name="again", bind=True, max_retries=5, shared=False)
    def again(self: Any, n: int) -> str:
        tries.append(self.request.retries)
        if n:
            raise self.retry((n - 1,))
        return "done"

    result = again.apply((2,), task_id="same")
    assert (result.get(), result.id, tries) == ("done", "same", [0, 1, 2])


def test_a_result_can_be_stored_in_eager_mode(app: Celery) -> None:
    @app.task(name="kept", store_eager_result=True, shared=False)
    def kept() -> int:
        return 5

    assert app.AsyncResult(kept.apply().id).get(timeout=1) == 5


# -- handlers


class Handlers(Task):
    notes: list[Any]

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        self.notes.append(("before_start", args, kwargs))

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        self.notes.append(("on_success", retval))

    def on_failure(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        self.notes.append(("on_failure", repr(exc), type(einfo.exception).__name__))

    def after_return(self, status: str, retval: Any, *args: Any) -> None:
        self.notes.append(("after_return", status, args[-1]))


def test_handlers(app: Celery) -> None:
    @app.task(name="handled", base=Handlers, notes=[], shared=False)
    def handled(x: int) -> float:
        return 1 / x

    handled.apply((1,))
    handled.apply((0,))
    assert handled.notes == [
        ("before_start", (1,), {}),
        ("on_success", 1.0),
        ("after_return", "SUCCESS", None),
        ("before_start", (0,), {}),
        ("on_failure", "ZeroDivisionError('division by zero')", "ZeroDivisionError"),
        ("after_return", "FAILURE", None),
    ]


# -- the rest


def test_called_as_a_function_there_is_a_request_of_that_call(app: Celery) -> None:
    @app.task(name="direct", bind=True, shared=False)
    def direct(self: Any, x: int) -> Any:
        return self.request.called_directly, self.request.args, self.request.id

    assert direct(1) == (True, (1,), None)


def test_push_request_for_tests(app: Celery) -> None:
    add = app.tasks["add"]
    add.push_request(id="pushed", retries=3)
    assert (add.request.id, add.request.retries) == ("pushed", 3)
    add.pop_request()
    assert (add.request.id, add.request.called_directly) == (None, True)


def test_update_state(app: Celery) -> None:
    @app.task(name="progress", bind=True, shared=False)
    def progress(self: Any) -> Any:
        self.update_state(state="PROGRESS", meta={"done": 1})
        result = app.AsyncResult(self.request.id)
        return result.state, result.info

    result = progress.delay()
    run(app, only(app))
    assert result.get(timeout=1) == ["PROGRESS", {"done": 1}]


def test_shadow_name(app: Celery) -> None:
    class Shadowed(Task):
        def shadow_name(self, args: Any, kwargs: Any, options: Any) -> str:
            return f"{self.name}-{args[0]}"

    work = app.task(name="work", base=Shadowed, shared=False)(lambda x: None)
    work.delay(7)
    work.apply_async((7,), shadow="given")
    assert [m.headers["shadow"] for m in sent(app)] == ["work-7", "given"]


def test_a_task_pickles_as_its_name(app: Celery) -> None:
    name = shared_task(name="by-name")(only)
    assert pickle.loads(pickle.dumps(name._get_current_object())) is app.tasks["by-name"]


def test_explicit_ignore_result_wins(app: Celery) -> None:
    add = app.tasks["add"]
    assert get_actual_ignore_result(add, Context()) is False
    assert get_actual_ignore_result(add, Context(ignore_result=True)) is True
    assert get_actual_ignore_result(add, Context(ignore_result=None)) is False


def test_signature_from_request_goes_back_where_it_came_from(app: Celery) -> None:
    @app.task(name="again", bind=True, shared=False)
    def again(self: Any, x: int) -> None:
        self.signature_from_request().apply_async()

    again.apply_async((1,), queue="odd", priority=3, headers={"h": 1, "x-death": []})
    first = only(app, "odd")
    run(app, first)
    second = only(app, "odd")
    assert (second.id, second.args, second.properties["priority"]) == (first.id, [1], 3)
    assert second.headers["h"] == 1
    assert "x-death" not in second.headers
