"""A request on its way: what it does at each transition to message, store, events, signals."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from billiard.exceptions import Terminated, TimeLimitExceeded, WorkerLostError

from celery import Celery, signals
from celery._broker.base import Action
from celery._execution.failure import capture
from celery.exceptions import Ignore, Reject, Retry, TaskRevokedError
from celery.worker import state
from celery.worker.request import Request, create_request_cls

PID = 4321


def raised(exc: BaseException) -> Any:
    try:
        raise exc
    except BaseException as caught:
        return capture(caught)


class Play:
    """Sends one task to the pool, and plays what the pool says about it."""

    def __init__(self, deliver: Callable[..., Any], consumer: Any, app: Celery) -> None:
        self.deliver = deliver
        self.consumer = consumer
        self.app = app

    def task(self, headers: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        @self.app.task(name="task", **options)
        def task(*args: Any) -> None: ...

        self.consumer.update_strategies()
        self.deliver({"task": "task", "id": "id-1", **(headers or {})}, [[1], {}, {}])
        return self.job

    @property
    def job(self) -> dict[str, Any]:
        job: dict[str, Any] = self.consumer.pool.jobs[-1]
        return job

    @property
    def request(self) -> Request:
        request: Request = self.job["callback"].__self__
        return request

    def accepted(self) -> None:
        self.job["accept_callback"](PID, time.monotonic())

    @property
    def result(self) -> Any:
        return self.app.AsyncResult("id-1")


@pytest.fixture
def play(deliver: Callable[..., Any], consumer: Any, app: Celery, events: Any) -> Play:
    return Play(deliver, consumer, app)


def actions(settled: list[Any]) -> list[Action]:
    return [action for _, action, _ in settled]


# -- the ordinary way


def test_early_acknowledgement_comes_with_the_start(play: Play, settled: Any, events: Any) -> None:
    job = play.task()
    assert settled == []
    assert play.request in state.reserved_requests
    play.accepted()
    assert actions(settled) == [Action.ACK]
    assert play.request in state.active_requests
    assert play.request.time_start == pytest.approx(time.time(), abs=1)
    assert state.total_count["task"] == 1
    job["callback"]((0, "'ok'", 0.5))
    assert actions(settled) == [Action.ACK]
    assert [type for type, _ in events.sent] == ["task-received", "task-started", "task-succeeded"]
    assert events.sent[-1][1] == {"uuid": "id-1", "result": "'ok'", "runtime": 0.5}
    assert not state.requests
    assert not state.active_requests
    assert not state.reserved_requests
    assert not play.consumer.in_pool


def test_late_acknowledgement_comes_with_the_end(play: Play, settled: Any) -> None:
    job = play.task(acks_late=True)
    play.accepted()
    assert settled == []
    job["callback"]((0, "None", 0.1))
    assert actions(settled) == [Action.ACK]


@pytest.mark.parametrize(
    ("exc", "options", "expected", "sent"),
    [
        (ValueError("bad"), {}, Action.ACK, ["task-failed"]),
        (
            ValueError("bad"),
            {"acks_on_failure": False},
            Action.REJECT,
            ["task-rejected", "task-failed"],
        ),
        (Retry("again", ValueError("bad")), {}, Action.ACK, ["task-retried"]),
        (Ignore(), {}, Action.ACK, []),
        (Reject("no"), {}, Action.REJECT, ["task-rejected"]),
        (Reject("no", requeue=True), {}, Action.REQUEUE, ["task-rejected"]),
    ],
)
def test_what_the_task_raised_decides_about_its_message(
    play: Play, settled: Any, events: Any, exc: Any, options: Any, expected: Any, sent: Any
) -> None:
    job = play.task(acks_late=True, **options)
    play.accepted()
    job["callback"]((1, raised(exc), 0.1))
    assert actions(settled) == [expected]
    after_start = [type for type, _ in events.sent[2:]]
    assert after_start == sent
    assert play.result.state == "PENDING"  # the process that ran it records that, not this one
    assert not play.consumer.in_pool


def test_limits_come_from_the_message_else_from_the_task(play: Play) -> None:
    job = play.task(time_limit=30, soft_time_limit=20)
    assert (job["timeout"], job["soft_timeout"]) == (30, 20)
    play.deliver({"task": "task", "id": "id-2", "timelimit": [3, None]})
    assert (play.job["timeout"], play.job["soft_timeout"]) == (3, 20)


# -- what the pool could not run to its end


def test_lost(play: Play, settled: Any, events: Any, caplog: Any) -> None:
    failures = []

    def on_failure(**values: Any) -> None:
        failures.append(values)

    signals.task_failure.connect(on_failure)
    job = play.task(acks_late=True)
    play.accepted()
    job["error_callback"](raised(WorkerLostError("gone")))
    signals.task_failure.disconnect(on_failure)
    assert actions(settled) == [Action.ACK]
    assert play.result.state == "FAILURE"
    assert isinstance(play.result.result, WorkerLostError)
    assert events.sent[-1][0] == "task-failed"
    assert failures[0]["task_id"] == "id-1"
    assert failures[0]["args"] == [1]
    assert "Task handler raised error: WorkerLostError('gone')" in caplog.text


def test_lost_and_put_back(play: Play, settled: Any) -> None:
    job = play.task(acks_late=True, reject_on_worker_lost=True)
    play.accepted()
    job["error_callback"](raised(WorkerLostError("gone")))
    assert actions(settled) == [Action.REQUEUE]
    assert play.result.state == "PENDING"


def test_lost_and_early_acknowledged_is_a_failure_whatever_the_option(
    play: Play, settled: Any
) -> None:
    job = play.task(reject_on_worker_lost=True)
    play.accepted()
    job["error_callback"](raised(WorkerLostError("gone")))
    assert actions(settled) == [Action.ACK]
    assert play.result.state == "FAILURE"


@pytest.mark.parametrize("late", [True, False])
def test_lost_and_sent_again(play: Play, settled: Any, late: bool, caplog: Any) -> None:
    caplog.set_level("INFO")
    job = play.task(acks_late=late, retry_on_worker_lost=True, max_retries=1, default_retry_delay=0)
    play.accepted()
    job["error_callback"](raised(WorkerLostError("gone")))
    assert actions(settled) == [Action.ACK]
    broker = play.app.broker_for_write()
    assert broker.length("celery") == 1
    broker.purge("celery")
    assert play.result.state == "RETRY"
    assert "Task task[id-1] retry: Retry in 0" in caplog.text


def test_lost_once_too_often(play: Play, settled: Any) -> None:
    job = play.task({"retries": 1}, acks_late=True, retry_on_worker_lost=True, max_retries=1)
    play.accepted()
    job["error_callback"](raised(WorkerLostError("gone")))
    assert actions(settled) == [Action.ACK]
    assert play.result.state == "FAILURE"


def test_the_soft_limit_is_only_logged(play: Play, settled: Any, caplog: Any) -> None:
    job = play.task(acks_late=True)
    play.accepted()
    job["timeout_callback"](True, 2)
    assert "Soft time limit (2s) exceeded for task[id-1]" in caplog.text
    assert settled == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, Action.ACK), ({"acks_on_timeout": False}, Action.REQUEUE)],
)
def test_the_hard_limit_fails_the_task(
    play: Play, settled: Any, caplog: Any, options: Any, expected: Any
) -> None:
    told = []

    class Base(play.app.Task):  # type: ignore[name-defined, misc]  # a class made at run time
        def on_failure(self, exc: Any, task_id: str, *args: Any) -> None:
            told.append((type(exc), task_id))

    job = play.task(acks_late=True, base=Base, **options)
    play.accepted()
    job["timeout_callback"](False, 5)
    assert actions(settled) == [expected]
    assert isinstance(play.result.result, TimeLimitExceeded)
    assert told == [(TimeLimitExceeded, "id-1")]
    assert "Hard time limit (5s) exceeded for task[id-1]" in caplog.text


def test_a_store_that_is_away_does_not_keep_the_message(
    play: Play, settled: Any, monkeypatch: Any, caplog: Any
) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("store is away")

    job = play.task(acks_late=True)
    monkeypatch.setattr(play.app.backend, "store_result", away)
    play.accepted()
    job["error_callback"](raised(WorkerLostError("gone")))
    assert actions(settled) == [Action.ACK]
    assert "store is away" in caplog.text


# -- ending it from outside


def test_terminate(play: Play, settled: Any, events: Any) -> None:
    seen = []

    def on_revoked(**values: Any) -> None:
        seen.append((values["terminated"], values["signum"], values["expired"]))

    signals.task_revoked.connect(on_revoked)
    job = play.task(acks_late=True)
    play.accepted()
    play.request.terminate(play.consumer.pool, signal="KILL")
    signals.task_revoked.disconnect(on_revoked)
    assert play.consumer.pool.terminated == [(PID, 9)]
    assert job["handle"].signal == 9
    assert seen == [(True, 9, False)]
    assert play.result.state == "REVOKED"
    assert isinstance(play.result.result, TaskRevokedError)
    assert actions(settled) == [Action.ACK]
    job["error_callback"](raised(Terminated(9)))
    assert play.result.state == "REVOKED"
    assert events.sent[-1] == (
        "task-revoked",
        {"uuid": "id-1", "terminated": True, "signum": 9, "expired": False},
    )


def test_terminate_before_it_has_begun(play: Play) -> None:
    play.task()
    play.request.terminate(play.consumer.pool)
    assert play.consumer.pool.terminated == []
    play.accepted()
    assert play.consumer.pool.terminated == [(PID, 15)]


@pytest.mark.parametrize(("late", "state_after"), [(True, "PENDING"), (False, "RETRY")])
def test_cancel_leaves_a_late_message_leased(
    play: Play, settled: Any, events: Any, late: bool, state_after: str
) -> None:
    job = play.task(acks_late=late)
    play.accepted()
    before = list(settled)
    play.request.cancel(play.consumer.pool)
    job["error_callback"](raised(Terminated(15)))
    assert settled == before
    assert play.result.state == state_after
    assert events.sent[-1] == ("task-cancelled", {"uuid": "id-1"})
    assert not play.consumer.in_pool


# -- is it still wanted?


def test_revoked_ids_do_not_begin(play: Play, settled: Any, caplog: Any) -> None:
    caplog.set_level("INFO")
    state.revoked.add("id-1")
    with pytest.raises(IndexError):
        play.task()
    assert actions(settled) == [Action.ACK]
    assert play.result.state == "REVOKED"
    assert "Discarding revoked task: task[id-1]" in caplog.text


def test_revoked_stamps_do_not_begin(play: Play, settled: Any) -> None:
    state.revoked_stamps["customer"] = ["acme"]
    with pytest.raises(IndexError):
        play.task({"stamped_headers": ["customer"], "stamps": {"customer": "acme"}})
    assert play.result.state == "REVOKED"


def test_expired(play: Play, settled: Any, events: Any) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    with pytest.raises(IndexError):
        play.task({"expires": past})
    assert actions(settled) == [Action.ACK]
    assert play.result.state == "REVOKED"
    assert str(play.result.result) == "expired"
    assert events.sent[-1][1]["expired"] is True


def test_naive_times_are_utc(play: Play) -> None:
    future = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=100)
    play.task({"expires": future.isoformat()})
    assert play.request.expires is not None
    assert play.request.expires.tzinfo is not None


# -- the rest


def test_info(play: Play) -> None:
    play.task()
    assert play.request.info() == {
        "id": "id-1",
        "name": "task",
        "args": [1],
        "kwargs": {},
        "type": "task",
        "hostname": "w1@example.com",
        "time_start": None,
        "acknowledged": False,
        "delivery_info": {
            "exchange": "",
            "routing_key": "celery",
            "priority": None,
            "redelivered": False,
        },
        "worker_pid": None,
    }
    assert play.request.info(safe=True)["args"] == "[1]"
    assert str(play.request) == "task[id-1]"


def test_shadow_is_the_name_people_see(play: Play) -> None:
    job = play.task({"shadow": "pretty"})
    assert play.request.name == "pretty"
    assert job["args"][0] == "task"


def test_request_classes_of_others_keep_their_methods(app: Celery) -> None:
    class Mine(Request):
        def mine(self) -> str:
            return self.name

    @app.task(name="task")
    def task() -> None: ...

    ready: list[Any] = []
    made = create_request_cls(
        Mine, task, None, "w1@h", None, task_ready=lambda *args, **kw: ready.append(args), app=app
    )
    assert issubclass(made, Mine)
    assert made.__name__ == "Mine"
