"""`Task.retry`: limits, delays, arguments and the message that goes out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from kombu.utils.uuid import uuid
from tests.support.flows import Sent, flow_app, only, run

from celery import Celery
from celery._message.context import Context
from celery.app._retry import merge_arguments
from celery.exceptions import MaxRetriesExceededError, Reject, Retry
from celery.signals import before_task_publish


@pytest.fixture
def app() -> Celery:
    return flow_app()


def retrying(app: Celery, *, max_retries: Any = 3, exc: Any = None, **options: Any) -> Any:
    @app.task(name="again", bind=True, max_retries=max_retries, shared=False)
    def again(self: Any, a: int, b: int = 2) -> Any:
        if self.request.retries == 0:
            if exc is not None:
                try:
                    raise exc
                except Exception as raised:
                    raise self.retry(exc=raised, **options) from raised
            raise self.retry(**options)
        return a, b

    return again


def second(app: Celery, queue: str = "celery", **call: Any) -> tuple[Sent, Sent]:
    """Run the task once: its message, and that of the retry."""
    call.setdefault("args", (1,))
    app.tasks["again"].apply_async(**call)
    first = only(app)
    run(app, first)
    return first, only(app, queue)


def test_the_retry_is_the_same_task_once_more(app: Celery) -> None:
    retrying(app)
    first, again = second(
        app,
        priority=5,
        time_limit=9,
        soft_time_limit=8,
        headers={"mine": 1},
        link=app.tasks["echo"].s(1),
        link_error=app.tasks["echo"].s(2),
        shadow="s",
        group_id="g",
        chain=[app.tasks["echo"].s(3)],
    )
    same = ("id", "root_id", "group", "timelimit", "shadow", "ignore_result", "mine")
    assert {k: again.headers[k] for k in same} == {k: first.headers[k] for k in same}
    assert again.headers["retries"] == 1
    assert again.properties["priority"] == 5
    assert again.embed == first.embed
    assert app.AsyncResult(first.id).state == "RETRY"


def test_the_delay_is_the_tasks_unless_the_call_says(app: Celery) -> None:
    def wait(**options: Any) -> float | None:
        retrying(app, **options)
        eta = second(app)[1].headers["eta"]
        del app._tasks["again"]
        if eta is None:
            return None
        return (datetime.fromisoformat(eta) - datetime.now(UTC)).total_seconds()

    assert wait() == pytest.approx(180, abs=5)
    assert wait(countdown=30) == pytest.approx(30, abs=5)
    assert wait(countdown=0) is None


def test_options_of_the_retry(app: Celery) -> None:
    retrying(app, queue="slow", priority=8, headers={"x": 1}, time_limit=77)
    _, again = second(app, "slow", priority=5)
    assert (again.properties["priority"], again.headers["x"]) == (8, 1)
    assert again.headers["timelimit"] == [77, None]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ([1], {"b": 5})),
        ({"args": (7, 8)}, ([7, 8], {})),
        ({"args": (7,)}, ([7], {"b": 5})),
        ({"kwargs": {"b": 9}}, ([1], {"b": 9})),
        ({"kwargs": {"a": 9}}, ([9], {})),
        ({"args": (7,), "kwargs": {"b": 8}}, ([7], {"b": 8})),
    ],
)
def test_arguments(app: Celery, given: Any, expected: Any) -> None:
    retrying(app, **given)
    _, again = second(app, args=(1,), kwargs={"b": 5})
    assert (again.args, again.kwargs) == expected


def test_no_parameter_is_given_twice() -> None:
    def work(a: int, b: int, *rest: int, c: int = 0) -> None: ...

    request = Context(args=[1, 2, 3], kwargs={"c": 4})
    assert merge_arguments(work, None, {"b": 9}, request) == ((1, 9, 3), {})
    assert merge_arguments(work, (5,), None, request) == ((5,), {"c": 4})


def test_when_no_retry_is_left(app: Celery) -> None:
    again = retrying(app, max_retries=0)
    result = again.delay(1)
    run(app, only(app))
    with pytest.raises(MaxRetriesExceededError):
        result.get(timeout=1)
    del app._tasks["again"]
    again = retrying(app, max_retries=0, exc=KeyError("why"))
    result = again.delay(1)
    run(app, only(app))
    with pytest.raises(KeyError):
        result.get(timeout=1)


def test_the_limit_of_one_call_and_no_limit(app: Celery) -> None:
    retrying(app, max_retries=None)
    assert second(app)[1].headers["retries"] == 1
    task = app.tasks["again"]
    task.push_request(id="x", retries=500, called_directly=False, args=(1,), delivery_info={})
    try:
        with pytest.raises(Retry):
            task.retry()
        with pytest.raises(MaxRetriesExceededError) as exceeded:
            task.retry(max_retries=500)
        assert exceeded.value.task_args == (1,)
    finally:
        task.pop_request()


def test_called_directly_the_exception_comes_out(app: Celery) -> None:
    with pytest.raises(Retry):
        retrying(app)(1)
    del app._tasks["again"]
    with pytest.raises(KeyError):
        retrying(app, exc=KeyError())(1)


def test_the_task_may_go_on(app: Celery) -> None:
    reasons = []

    @app.task(name="again", bind=True, shared=False)
    def again(self: Any) -> None:
        reasons.append(self.retry(throw=False, countdown=3))

    again.delay()
    run(app, only(app))
    assert (reasons[0].when, only(app).headers["retries"]) == (3, 1)


def test_a_retry_that_cannot_be_sent_refuses_the_message(app: Celery) -> None:
    retrying(app, args=(1, 2, 3, 4))
    app.tasks["again"].delay(1)
    failed, einfo, _ = run(app, only(app))
    assert failed
    assert isinstance(einfo.exception, Reject)
    assert einfo.exception.requeue is False


def test_the_state_is_stored_before_the_next_run_can_end(app: Celery) -> None:
    """Stored after it, RETRY would replace the outcome of a next run that is quick."""
    task = retrying(app, exc=ValueError("not yet"))
    states, task_id = [], uuid()

    def on_publish(headers: Any = None, **kwargs: Any) -> None:
        states.append((headers["retries"], task.AsyncResult(task_id).state))

    before_task_publish.connect(on_publish)
    try:
        second(app, task_id=task_id)
    finally:
        before_task_publish.disconnect(on_publish)

    assert states == [(0, "PENDING"), (1, "RETRY")]
    assert "ValueError: not yet" in task.AsyncResult(task_id).traceback
