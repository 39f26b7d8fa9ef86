"""A worker seen and steered from outside: commands, replies, events, on every kind of broker."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from tests.support.clusters import BROKERS, Watcher, app_on, broker_url
from tests.support.waiting import wait_until

from celery import Celery, states
from celery.contrib.testing.worker import TestWorkController, start_worker
from celery.events.state import State
from celery.exceptions import TaskRevokedError

REDIS_DB = 13
NODE = "w1@here"
COMMON = ["hostname", "utcoffset", "pid", "clock"]
STAMPS = ["timestamp", "type"]


@dataclass
class Gate:
    """Holds a running task until the test opens it."""

    entered: threading.Event
    opened: threading.Event


@dataclass
class Cluster:
    app: Celery
    worker: TestWorkController
    gate: Gate

    def ask(self, **options: Any) -> Any:
        """Questions to the one worker, answered as soon as it has replied."""
        return self.app.control.inspect(timeout=10, limit=1, **options)

    def task(self, name: str) -> Any:
        return self.app.tasks[f"tasks.{name}"]


def add_tasks(app: Celery) -> Gate:
    gate = Gate(threading.Event(), threading.Event())

    @app.task(name="tasks.add")
    def add(x: int, y: int) -> int:
        return x + y

    @app.task(name="tasks.fail")
    def fail() -> None:
        raise ValueError("bad")

    @app.task(name="tasks.retry", bind=True, max_retries=1)
    def retry(self: Any) -> str:
        if self.request.retries:
            return "done"
        raise self.retry(exc=KeyError("once"), countdown=0.2)

    @app.task(name="tasks.progress", bind=True)
    def progress(self: Any) -> None:
        self.send_event("task-progress", percent=40)

    @app.task(name="tasks.hold")
    def hold() -> None:
        gate.entered.set()
        assert gate.opened.wait(30)

    return gate


@contextmanager
def cluster_on(kind: str, request: Any, **options: Any) -> Iterator[Cluster]:
    url = broker_url(kind, request, REDIS_DB)
    settings = {"result_backend": "cache+memory://", "worker_prefetch_multiplier": 1}
    with app_on(url, **settings) as app:
        gate = add_tasks(app)
        options = {"pool": "threads", "task_events": True, "without_heartbeat": False, **options}
        with start_worker(app, perform_ping_check=False, hostname=NODE, **options) as worker:
            yield Cluster(app, worker, gate)
            gate.opened.set()


@pytest.fixture(scope="module", params=BROKERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def cluster(kind: str, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    with cluster_on(kind, request) as cluster:
        yield cluster


# -- questions


def test_ping(cluster: Cluster) -> None:
    assert cluster.app.control.ping(timeout=10, limit=1) == [{NODE: {"ok": "pong"}}]
    assert cluster.ask().ping() == {NODE: {"ok": "pong"}}
    assert cluster.ask(destination=NODE).ping() == {"ok": "pong"}
    assert cluster.ask(pattern="w?@*", matcher="glob").ping() == {NODE: {"ok": "pong"}}


def test_questions_to_others_are_not_answered(cluster: Cluster) -> None:
    ask = cluster.app.control.inspect
    assert ask(destination=["nobody@here"], timeout=0.3).ping() is None
    assert ask(pattern="x*", matcher="glob", timeout=0.3).ping() is None


def test_stats_and_registered(cluster: Cluster) -> None:
    cluster.task("add").delay(1, 2).get(timeout=20)
    stats = cluster.ask().stats()[NODE]
    assert stats["total"]["tasks.add"] >= 1
    assert stats["pid"] == os.getpid()
    assert stats["pool"]["implementation"] == "celery.concurrency.thread:TaskPool"
    assert {"broker", "clock", "prefetch_count", "rusage", "uptime"} <= set(stats)
    names = {"tasks.add", "tasks.fail", "tasks.retry", "tasks.progress", "tasks.hold"}
    assert set(cluster.ask().registered()[NODE]) == names
    infos = cluster.ask().registered("max_retries")[NODE]
    assert "tasks.retry [max_retries=1]" in infos


def test_queues_are_added_and_cancelled(cluster: Cluster) -> None:
    name = f"more-{cluster.app.conf.task_default_queue}"
    control = cluster.app.control

    def consumed() -> set[str]:
        return {queue["name"] for queue in cluster.ask().active_queues()[NODE]}

    default = cluster.app.conf.task_default_queue
    assert consumed() == {default}
    [reply] = control.add_consumer(name, reply=True, timeout=10, limit=1)
    assert reply == {NODE: {"ok": f"add consumer {name}"}}
    assert consumed() == {default, name}
    assert cluster.task("add").apply_async((3, 4), queue=name).get(timeout=20) == 7
    [reply] = control.cancel_consumer(name, reply=True, timeout=10, limit=1)
    assert reply == {NODE: {"ok": f"no longer consuming from {name}"}}
    assert consumed() == {default}


def test_what_a_worker_has(cluster: Cluster) -> None:
    cluster.gate.entered.clear()
    cluster.gate.opened.clear()
    running = cluster.task("hold").delay()
    assert cluster.gate.entered.wait(20)
    later = cluster.task("add").apply_async((1, 2), countdown=600)
    try:
        [active] = cluster.ask().active()[NODE]
        assert (active["id"], active["name"]) == (running.id, "tasks.hold")
        assert active["hostname"] == NODE
        found = cluster.ask().query_task(running.id)[NODE]
        assert found[running.id][0] == "active"
        assert cluster.ask().query_task("unknown")[NODE] == {}
    finally:
        cluster.app.control.revoke(later.id)
        cluster.gate.opened.set()
    running.get(timeout=20)
    wait_until(lambda: cluster.ask().active()[NODE] == [])


def test_settings_are_told_without_secrets(cluster: Cluster) -> None:
    conf = cluster.ask().conf()[NODE]
    assert conf["task_default_queue"] == cluster.app.conf.task_default_queue
    assert "guest:guest" not in str(conf)


# -- commands


def test_a_revoked_task_never_runs(cluster: Cluster) -> None:
    id = str(uuid4())
    [reply] = cluster.app.control.revoke(id, reply=True, timeout=10, limit=1)
    assert reply == {NODE: {"ok": f"tasks {{{id!r}}} flagged as revoked"}}
    assert id in cluster.ask().revoked()[NODE]
    with Watcher(cluster.app) as watcher:
        result = cluster.task("add").apply_async((1, 2), task_id=id)
        with pytest.raises(TaskRevokedError):
            result.get(timeout=20)
        event = watcher.wait_for("task-revoked", uuid=id)
        assert list(event) == [
            *COMMON, "uuid", "terminated", "signum", "expired", *STAMPS, "local_received",
        ]  # fmt: skip
        assert (event["terminated"], event["signum"], event["expired"]) == (False, None, False)
        assert "task-started" not in watcher.types(uuid=id)
    assert result.state == states.REVOKED


def test_rate_and_time_limits_change(cluster: Cluster) -> None:
    control = cluster.app.control
    [reply] = control.rate_limit("tasks.add", "100/s", reply=True, timeout=10, limit=1)
    assert reply == {NODE: {"ok": "new rate limit set successfully"}}
    assert "tasks.add [rate_limit=100/s]" in cluster.ask().registered("rate_limit")[NODE]
    assert cluster.task("add").delay(1, 2).get(timeout=20) == 3
    [reply] = control.rate_limit("tasks.nonesuch", "1/s", reply=True, timeout=10, limit=1)
    assert reply == {NODE: {"error": "unknown task"}}
    [reply] = control.rate_limit("tasks.add", "much", reply=True, timeout=10, limit=1)
    assert "error" in reply[NODE]
    [reply] = control.rate_limit("tasks.add", 0, reply=True, timeout=10, limit=1)
    [reply] = control.time_limit("tasks.add", soft=50, hard=60, reply=True, timeout=10, limit=1)
    assert reply == {NODE: {"ok": "time limits set successfully"}}


def test_what_is_wrong_with_a_command_is_told_to_who_asked(cluster: Cluster) -> None:
    broadcast = cluster.app.control.broadcast
    [reply] = broadcast("nonesuch", reply=True, timeout=10, limit=1)
    assert reply == {NODE: {"error": "KeyError('nonesuch')"}}
    [reply] = broadcast("rate_limit", {"odd": 1}, reply=True, timeout=10, limit=1)
    assert "TypeError" in reply[NODE]["error"]
    broadcast("nonesuch")
    assert cluster.ask().ping() == {NODE: {"ok": "pong"}}


# -- events


def test_the_events_of_one_tasks_life(cluster: Cluster) -> None:
    with Watcher(cluster.app, wakeup=True) as watcher:
        result = cluster.task("add").apply_async((1,), {"y": 2})
        assert result.get(timeout=20) == 3
        watcher.wait_for("task-succeeded", uuid=result.id)
        received, started, succeeded = watcher.matching(uuid=result.id)
        own = ["local_received"]
        call = ["name", "args", "kwargs", "root_id", "parent_id", "retries", "eta", "expires"]
        assert list(received) == [*COMMON, "uuid", *call, *STAMPS, *own]
        assert {name: received[name] for name in call} == {
            "name": "tasks.add",
            "args": "(1,)",
            "kwargs": "{'y': 2}",
            "root_id": result.id,
            "parent_id": None,
            "retries": 0,
            "eta": None,
            "expires": None,
        }
        assert list(started) == [*COMMON, "uuid", *STAMPS, *own]
        assert list(succeeded) == [*COMMON, "uuid", "result", "runtime", *STAMPS, *own]
        assert succeeded["result"] == "3"
        assert 0 <= succeeded["runtime"] < 20
        events = (received, started, succeeded)
        assert [event["type"] for event in events] == [
            "task-received", "task-started", "task-succeeded",
        ]  # fmt: skip
        for event in events:
            assert (event["hostname"], event["pid"]) == (NODE, os.getpid())
        for earlier, later in ((received, started), (started, succeeded)):
            assert earlier["clock"] < later["clock"]
            assert earlier["timestamp"] <= later["timestamp"]

        # The worker was woken up, and beats by itself.
        beat = watcher.wait_for("worker-heartbeat", freq=2.0)
        assert list(beat) == [
            *COMMON, "freq", "active", "processed", "loadavg", "sw_ident", "sw_ver", "sw_sys",
            *STAMPS, *own,
        ]  # fmt: skip
        assert (beat["sw_ident"], len(beat["loadavg"])) == ("py-celery", 3)

        state = State()
        for event in watcher.events:
            state.event(event)
    task = state.tasks[result.id]
    assert (task.state, task.name, task.result) == (states.SUCCESS, "tasks.add", "3")
    assert task.sent is None
    assert task.received <= task.started <= task.succeeded
    assert task.worker is state.workers[NODE]
    assert task.worker.alive
    assert task.worker.freq == 2.0
    assert next(uuid for uuid, _ in state.tasks_by_worker(NODE)) == result.id


def test_events_of_failure_retry_and_a_kind_of_ones_own(cluster: Cluster) -> None:
    with Watcher(cluster.app) as watcher:
        failed = cluster.task("fail").delay()
        event = watcher.wait_for("task-failed", uuid=failed.id)
        assert event["exception"] == "ValueError('bad')"
        assert event["traceback"].endswith("ValueError: bad\n")

        retried = cluster.task("retry").delay()
        event = watcher.wait_for("task-retried", uuid=retried.id)
        assert event["exception"] == "KeyError('once')"
        assert "Traceback" in event["traceback"]
        watcher.wait_for("task-succeeded", uuid=retried.id)
        # The new attempt may be received before the old one has ended: it is sent by that.
        assert sorted(watcher.types(uuid=retried.id)) == [
            "task-received", "task-received", "task-retried",
            "task-started", "task-started", "task-succeeded",
        ]  # fmt: skip

        progress = cluster.task("progress").delay()
        event = watcher.wait_for("task-progress")
        assert list(event)[4:6] == ["uuid", "percent"]
        assert (event["uuid"], event["percent"]) == (progress.id, 40)
        assert event["hostname"] == NODE


def test_events_are_switched_on_and_off(kind: str, request: pytest.FixtureRequest) -> None:
    with cluster_on(kind, request, task_events=False) as cluster, Watcher(cluster.app) as watcher:
        control, add = cluster.app.control, cluster.task("add")
        add.delay(1, 1).get(timeout=20)
        [reply] = control.enable_events(reply=True, timeout=10, limit=1)
        assert reply == {NODE: {"ok": "task events enabled"}}
        seen = add.delay(1, 1)
        watcher.wait_for("task-succeeded", uuid=seen.id)
        [reply] = control.disable_events(reply=True, timeout=10, limit=1)
        assert reply == {NODE: {"ok": "task events disabled"}}
        add.delay(1, 1).get(timeout=20)
        control.heartbeat()
        watcher.wait_for("worker-heartbeat", freq=5)
        ids = {event["uuid"] for event in watcher.events if event["type"].startswith("task-")}
        assert ids == {seen.id}


# -- neighbours


def test_workers_know_each_other_and_elect_one(kind: str, request: pytest.FixtureRequest) -> None:
    with cluster_on(kind, request, without_gossip=False) as cluster:
        app = cluster.app
        options = {
            "pool": "threads",
            "task_events": True,
            "without_gossip": False,
            "without_heartbeat": False,
        }
        with (
            start_worker(app, perform_ping_check=False, hostname="w2@here", **options) as neighbour,
            Watcher(app) as watcher,
        ):
            gossips = [worker.consumer.gossip for worker in (cluster.worker, neighbour)]
            wait_until(
                lambda: all(
                    [worker.hostname for worker in gossip.state.alive_workers()] == [other]
                    for gossip, other in zip(gossips, ("w2@here", NODE), strict=True)
                )
            )
            app.control.election("once", "task", cluster.task("add").s(1, 2))
            watcher.wait_for("task-received", name="tasks.add")
            wait_until(lambda: len(watcher.matching(type="worker-elect-ack")) == 4)
            assert len(watcher.matching(type="worker-elect")) == 2
            for gossip in gossips:
                wait_until(lambda gossip=gossip: not gossip._acks)
        assert len(watcher.matching(type="task-received")) == 1


# -- the end


def test_shutdown_from_outside(kind: str, request: pytest.FixtureRequest) -> None:
    with cluster_on(kind, request) as cluster, Watcher(cluster.app) as watcher:
        cluster.app.control.shutdown()
        last = watcher.wait_for("worker-offline")
        assert last["hostname"] == NODE
        wait_until(lambda: cluster.worker.exitcode is not None)
        assert cluster.worker.exitcode == 0
        assert cluster.app.control.ping(timeout=0.3) == []
