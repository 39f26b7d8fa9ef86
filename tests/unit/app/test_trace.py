"""The names that APM tools reach for in `celery.app.trace`."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from tests.support.flows import flow_app, only, run

import celery.app.trace as trace
from celery import Celery, Task
from celery.exceptions import Retry


@pytest.fixture
def app() -> Celery:
    return flow_app()


def test_a_tracer_returns_value_info_runtime_and_text(app: Celery) -> None:
    tracer = trace.build_tracer("add", app.tasks["add"], app=app)
    value, info, runtime, text = tracer("id", (1, 2), {}, {})
    assert (value, info, text) == (3, None, "3")
    assert runtime >= 0
    failed = trace.build_tracer("fail", app.tasks["fail"], app=app)("id", (), {}, {})
    assert failed.info is not None
    assert failed.info.state == "FAILURE"
    assert isinstance(failed.retval.exception, ValueError)


def test_a_replaced_build_tracer_is_used(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    traced = []
    original = trace.build_tracer

    def build_tracer(name: str, task: Any, *args: Any, **kwargs: Any) -> Any:
        tracer = original(name, task, *args, **kwargs)

        def wrapped(*call: Any) -> Any:
            traced.append(name)
            return tracer(*call)

        return wrapped

    monkeypatch.setattr(trace, "build_tracer", build_tracer)
    app.tasks["add"].apply((1, 2))
    app.tasks["echo"].delay(1)
    run(app, only(app))
    assert traced == ["add", "echo"]


def test_task_has_custom(app: Celery) -> None:
    class Mine(Task):
        def on_failure(self, *args: Any) -> None: ...

    assert trace.task_has_custom(Mine(), "on_failure")
    assert not trace.task_has_custom(Mine(), "on_success")


def test_trace_task_ret(app: Celery) -> None:
    add = app.tasks["add"]
    body = b'[[1, 2], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
    failed, text, _ = trace.trace_task_ret(
        add.name, "id", {"id": "id"}, body, "application/json", "utf-8", app=app
    )
    assert (failed, text) == (0, "3")
    failed, einfo, _ = trace.trace_task_ret(
        add.name, "bad", {"id": "bad"}, b"not json", "application/json", "utf-8", app=app
    )
    assert (failed, type(einfo.exception).__name__) == (1, "DecodeError")
    assert app.AsyncResult("bad").state == "FAILURE"


def test_the_worker_app_is_the_default(app: Celery) -> None:
    trace.setup_worker_optimizations(app, "worker@host")
    try:
        body = ((1, 2), {}, {})
        assert trace.fast_trace_task("add", "id", {}, body, None, None)[:2] == (0, "3")
    finally:
        trace.reset_worker_optimizations(app)


def test_log_policies(app: Celery) -> None:
    @app.task(name="throwing", throws=(KeyError,), shared=False)
    def throwing() -> None: ...

    def policy(exc: Exception, einfo: Any = None) -> tuple[str, int]:
        found = trace.get_log_policy(throwing, einfo, exc)
        return found.description, found.severity

    assert policy(KeyError()) == ("raised expected", logging.INFO)
    assert policy(ValueError()) == ("raised unexpected", logging.ERROR)
    try:
        raise OSError
    except OSError as exc:
        einfo = trace.report_internal_error(throwing, exc)
        assert policy(exc, einfo) == ("INTERNAL ERROR", logging.CRITICAL)


def test_log_lines_of_a_run(app: Celery, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "celery.app.trace")

    @app.task(name="again", bind=True, shared=False)
    def again(self: Any) -> None:
        raise Retry("later", when=3)

    for name in ("add", "fail", "again"):
        app.tasks[name].apply_async(task_id=f"{name}-id")
        run(app, only(app))
    success, failure, retry = caplog.messages
    assert success.startswith("Task add[add-id] succeeded in ")
    assert success.endswith("s: 0")
    assert failure == "Task fail[fail-id] raised unexpected: ValueError('failed')"
    assert retry == "Task again[again-id] retry: later"
