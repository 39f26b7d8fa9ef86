"""One run of one task, through the tracer that workers use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from celery import Celery, signals
from celery.app.task import Task
from celery.app.trace import build_tracer, trace_task, trace_task_ret
from celery.exceptions import Ignore, Reject


@pytest.fixture
def app() -> Iterator[Celery]:
    app = Celery("runs", broker="memory://", backend="cache+memory://")
    yield app
    app.broker_for_write().purge("celery")
    app.AsyncResult("the-id").forget()  # the store is one for the whole process


class Noting(Task):
    """Writes down which of its handlers were called, with what."""

    notes: list[Any]

    def before_start(self, *args: Any) -> None:
        self.notes.append(("before_start", args))

    def on_success(self, *args: Any) -> None:
        self.notes.append(("on_success", args))

    def on_failure(self, *args: Any) -> None:
        self.notes.append(("on_failure", args))

    def on_retry(self, *args: Any) -> None:
        self.notes.append(("on_retry", args))

    def after_return(self, *args: Any) -> None:
        self.notes.append(("after_return", args))


@contextmanager
def receiving(notes: list[Any], *names: str) -> Iterator[None]:
    receivers = []
    for name in names:

        def receive(name: str = name, **kwargs: Any) -> None:
            notes.append((name, kwargs))

        signal = getattr(signals, name)
        signal.connect(receive, weak=False)
        receivers.append((signal, receive))
    try:
        yield
    finally:
        for signal, receive in receivers:
            signal.disconnect(receive)


ALL = ("task_prerun", "task_postrun", "task_success", "task_failure", "task_retry")


def traced(
    app: Celery, body: Callable[..., Any], *args: Any, **request: Any
) -> tuple[Any, list[Any]]:
    """Run a body as a worker would; returns the tracer's answer and what was called, in order."""
    notes: list[Any] = []
    task = app.task(base=Noting, bind=True, name="noted", max_retries=1)(body)
    type(task._get_current_object()).notes = notes
    with receiving(notes, *ALL):
        answer = trace_task(task, "the-id", list(args), {}, {"id": "the-id", **request}, app=app)
    return answer, notes


def names(notes: list[Any]) -> list[str]:
    return [name for name, _ in notes]


def test_a_success_in_its_documented_order(app: Celery) -> None:
    answer, notes = traced(app, lambda self, x: x + 1, 41)
    assert (answer.retval, answer.info, answer.retstr) == (42, None, "42")
    assert answer.runtime > 0
    assert names(notes) == [
        "task_prerun",
        "before_start",
        "on_success",
        "task_success",
        "after_return",
        "task_postrun",
    ]
    said = dict(notes)
    assert said["before_start"] == ("the-id", [41], {})
    assert said["on_success"] == (42, "the-id", [41], {})
    assert said["after_return"] == ("SUCCESS", 42, "the-id", [41], {}, None)
    assert (said["task_postrun"]["retval"], said["task_postrun"]["state"]) == (42, "SUCCESS")
    assert app.AsyncResult("the-id").get(timeout=1) == 42


def test_a_failure_is_stored_then_told(app: Celery) -> None:
    def fail(self: Any) -> None:
        raise ValueError("x")

    answer, notes = traced(app, fail)
    assert answer.info.state == "FAILURE"
    assert names(notes) == [
        "task_prerun",
        "before_start",
        "on_failure",
        "task_failure",
        "after_return",
        "task_postrun",
    ]
    said = dict(notes)
    exc, task_id, args, kwargs, einfo = said["on_failure"]
    assert (repr(exc), task_id, args, kwargs) == ("ValueError('x')", "the-id", [], {})
    assert "raise ValueError" in einfo.traceback
    assert said["after_return"][0] == "FAILURE"
    assert said["task_failure"]["exception"] is exc
    result = app.AsyncResult("the-id")
    assert result.state == "FAILURE"
    with pytest.raises(ValueError, match="x"):
        result.get(timeout=1)


def test_a_retry_sends_the_same_id_again_and_after_return_is_not_called(app: Celery) -> None:
    def again(self: Any) -> None:
        raise self.retry(countdown=7, exc=KeyError("k"))

    answer, notes = traced(app, again)
    assert answer.info.state == "RETRY"
    assert names(notes) == ["task_prerun", "before_start", "on_retry", "task_retry", "task_postrun"]
    assert repr(dict(notes)["on_retry"][0]) == "KeyError('k')"
    assert app.AsyncResult("the-id").state == "RETRY"
    assert app.broker_for_write().length("celery") == 1


def test_retries_end_with_the_exception_given(app: Celery) -> None:
    def again(self: Any) -> None:
        raise self.retry(exc=KeyError("k"))

    answer, _ = traced(app, again, retries=1)
    assert answer.info.state == "FAILURE"
    assert isinstance(answer.retval.exception, KeyError)


@pytest.mark.parametrize(
    ("exc", "state"), [(Ignore(), "IGNORED"), (Reject("later", requeue=True), "REJECTED")]
)
def test_ignore_and_a_requeued_message_store_nothing(
    app: Celery, exc: Exception, state: str
) -> None:
    def body(self: Any) -> None:
        raise exc

    answer, notes = traced(app, body)
    assert names(notes) == ["task_prerun", "before_start", "task_postrun"]
    assert dict(notes)["task_postrun"]["state"] == state
    assert app.AsyncResult("the-id").state == "PENDING"
    assert answer.info.state == state


def test_a_message_refused_for_good_is_a_failure(app: Celery) -> None:
    def body(self: Any) -> None:
        raise Reject("no")

    answer, notes = traced(app, body)
    assert names(notes) == ["task_prerun", "before_start", "task_failure", "task_postrun"]
    assert (answer.info.state, app.AsyncResult("the-id").state) == ("REJECTED", "FAILURE")


def test_a_result_that_cannot_be_stored_is_a_failure(app: Celery) -> None:
    answer, notes = traced(app, lambda self: {1, 2})
    assert answer.info.state == "FAILURE"
    assert "on_success" not in names(notes)
    assert app.AsyncResult("the-id").state == "FAILURE"


def test_an_exception_in_before_start_fails_the_task(app: Celery) -> None:
    class Refusing(Task):
        def before_start(self, *args: Any) -> None:
            raise RuntimeError("not today")

    task = app.task(base=Refusing, name="refusing")(lambda: 1)
    answer = trace_task(task, "r", [], {}, {}, app=app)
    assert answer.info is not None
    assert app.AsyncResult("r").state == "FAILURE"


def test_an_exception_in_on_success_changes_nothing(app: Celery, caplog: Any) -> None:
    class Clumsy(Task):
        def on_success(self, *args: Any) -> None:
            raise RuntimeError("oops")

    task = app.task(base=Clumsy, name="clumsy")(lambda: 1)
    assert trace_task(task, "c", [], {}, {}, app=app).info is None
    assert app.AsyncResult("c").get(timeout=1) == 1
    assert "oops" in caplog.text


def test_an_exception_whose_repr_raises_is_reported_all_the_same(app: Celery) -> None:
    class Nasty(Exception):
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    def body() -> None:
        raise Nasty

    task = app.task(name="nasty")(body)
    assert trace_task(task, "n", [], {}, {}, app=app).info is not None
    assert app.AsyncResult("n").state == "FAILURE"


def test_the_ignored_result_of_a_message_wins_over_the_task(app: Celery) -> None:
    task = app.task(name="quiet", ignore_result=True)(lambda: 1)
    trace_task(task, "q1", [], {}, {}, app=app)
    assert app.AsyncResult("q1").state == "PENDING"
    trace_task(task, "q2", [], {}, {"ignore_result": False}, app=app)
    assert app.AsyncResult("q2").state == "SUCCESS"


def test_started_is_stored_when_asked_for(app: Celery) -> None:
    seen = []
    task = app.task(name="tracked", track_started=True, bind=True)(
        lambda self: seen.append(app.AsyncResult(self.request.id).state)
    )
    trace_task(task, "s", [], {}, {}, app=app)
    assert seen == ["STARTED"]


def test_callbacks_and_the_next_step_are_sent_with_the_value(app: Celery) -> None:
    task = app.task(name="linked")(lambda: 5)
    step = app.signature("step", (1,), options={"task_id": "next"})
    request = {"callbacks": [app.signature("after")], "chain": [step]}
    trace_task(task, "l", [], {}, request, app=app)
    assert app.broker_for_write().length("celery") == 2
    children = app.AsyncResult("l").children
    assert [child.id for child in children][1:] == ["next"]


def test_the_body_of_a_message_that_cannot_be_read_fails_the_task(app: Celery) -> None:
    app.task(name="unread")(lambda: 1)
    failed, einfo, _ = trace_task_ret(
        "unread", "u", {"id": "u"}, b"{not json", "application/json", "utf-8", app=app
    )
    assert failed == 1
    assert app.AsyncResult("u").state == "FAILURE"
    failed, einfo, _ = trace_task_ret(
        "unread", "p", {"id": "p"}, b"x", "application/x-python-serialize", "binary", app=app
    )
    assert failed == 1
    assert type(einfo.exception).__name__ == "ContentDisallowed"


def test_the_tracer_is_looked_up_on_its_module(app: Celery, monkeypatch: Any) -> None:
    built = []

    def wrapped(name: str, *args: Any, **kwargs: Any) -> Any:
        built.append(name)
        return build_tracer(name, *args, **kwargs)

    monkeypatch.setattr("celery.app.trace.build_tracer", wrapped)
    task = app.task(name="patched")(lambda: 1)
    trace_task(task, "1", [], {}, {}, app=app)
    task.apply()
    assert built == ["patched", "patched"]
