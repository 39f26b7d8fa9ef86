"""Remote-control commands: what they do and what they reply."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from celery import Celery
from celery._broker.base import Capabilities
from celery.utils.collections import AttributeDict
from celery.worker import state as worker_state
from celery.worker.control import Panel, control_command, inspect_command


@pytest.fixture
def command(app: Celery, consumer: Any) -> Callable[..., Any]:
    @app.task(name="add", rate_limit="5/s")
    def add() -> None: ...

    consumer.update_strategies()
    context = AttributeDict(app=app, hostname=consumer.hostname, consumer=consumer, tset=set)

    def call(name: str, **arguments: Any) -> Any:
        return Panel.data[name](context, **arguments)

    return call


@pytest.fixture
def running(deliver: Callable[..., Any], consumer: Any, command: Any) -> Any:
    """A task that has begun; returns its request."""
    deliver({"task": "add", "id": "id-1"}, [[1], {"b": 2}, {}])
    job = consumer.pool.jobs[0]
    job["accept_callback"](99, time.monotonic())
    return job["callback"].__self__


def test_every_documented_command_has_its_alias() -> None:
    aliases = {
        "dump_active": "active",
        "dump_reserved": "reserved",
        "dump_schedule": "scheduled",
        "dump_revoked": "revoked",
        "dump_tasks": "registered",
        "dump_conf": "conf",
    }
    for alias, name in aliases.items():
        assert Panel.data[alias] is Panel.data[name]
        assert Panel.meta[name].alias == alias
    assert Panel.meta["ping"].type == "inspect"
    assert Panel.meta["revoke"].type == "control"
    assert not Panel.meta["hello"].visible


def test_commands_of_ones_own() -> None:
    @control_command(name="say", args=[("n", int)], signature="[N=1]", default_timeout=3.0)
    def say_it(state: Any, n: int = 1, **kwargs: Any) -> int:
        """Say it n times.

        Not shown.
        """
        return n

    @inspect_command(alias="look_at_it")
    def look(state: Any, **kwargs: Any) -> None: ...

    try:
        meta = Panel.meta["say"]
        assert (meta.help, meta.type, meta.default_timeout) == ("Say it n times.", "control", 3.0)
        assert Panel.data["say"] is say_it
        assert Panel.data["look_at_it"] is look
    finally:
        for name in ("say", "look", "look_at_it"):
            Panel.data.pop(name)
            Panel.meta.pop(name, None)


def test_ping_clock_registered(command: Any, app: Celery) -> None:
    assert command("ping") == {"ok": "pong"}
    assert command("clock") == {"clock": app.clock.value}
    assert "add [rate_limit=5/s]" in command("registered")
    assert command("registered", taskinfoitems=["name"])[0] == "add [name=add]"
    assert "celery.chord_unlock" in " ".join(command("registered", builtins=True))


def test_active_reserved_query(command: Any, running: Any, deliver: Any) -> None:
    deliver({"task": "add", "id": "id-2"})
    assert [info["id"] for info in command("active")] == ["id-1"]
    assert command("active", safe=True)[0]["args"] == "[1]"
    assert [info["id"] for info in command("reserved")] == ["id-2"]
    found = command("query_task", ids=["id-1", "id-2", "id-3"])
    assert {id: what for id, (what, _) in found.items()} == {"id-1": "active", "id-2": "reserved"}


def test_scheduled(command: Any, consumer: Any, deliver: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(consumer.broker, "capabilities", Capabilities(parks=False))
    eta = datetime.now(UTC) + timedelta(seconds=60)
    deliver({"task": "add", "id": "id-1", "eta": eta.isoformat()})
    consumer.timer.call_after(60, print)
    [item] = command("scheduled")
    assert (item["eta"], item["priority"]) == (eta.isoformat(), 6)
    assert item["request"]["id"] == "id-1"


def test_hello_exchanges_revoked_ids(command: Any) -> None:
    worker_state.revoked.add("mine")
    assert command("hello", from_node="w1@example.com", revoked=["x"]) is None
    reply = command("hello", from_node="other@h", revoked={"theirs": 1.0})
    assert set(reply["revoked"]) == {"mine", "theirs"}
    assert "theirs" in command("revoked")


def test_stats_and_conf(command: Any) -> None:
    stats = command("stats")
    assert set(stats) >= {
        "total",
        "pid",
        "clock",
        "uptime",
        "pool",
        "broker",
        "prefetch_count",
        "rusage",
    }
    assert stats["prefetch_count"] == 8
    assert command("conf")["broker_url"] == "memory://unit"
    assert len(command("conf", with_defaults=True)) > 100


def test_revoke(command: Any, consumer: Any, app: Celery) -> None:
    assert command("revoke", task_id="a") == {"ok": "tasks {'a'} flagged as revoked"}
    assert "a" in worker_state.revoked
    command("revoke", task_id=["b", "c"])
    assert {"a", "b", "c"} <= set(worker_state.revoked)
    consumer.hub.run(_background(consumer.hub))
    assert app.AsyncResult("b").state == "REVOKED"


async def _background(hub: Any) -> None:
    """Wait for what runs beside the loop."""
    await asyncio.gather(*hub._tasks)


def test_terminate(command: Any, running: Any, consumer: Any) -> None:
    assert command("terminate", signal="KILL", task_id="nope") == {"ok": "terminate: tasks unknown"}
    reply = command("revoke", task_id=["id-1"], terminate=True, signal="SIGKILL")
    assert reply == {"ok": "terminate: id-1"}
    assert consumer.pool.terminated == [(99, 9)]


def test_revoke_by_stamped_headers(command: Any, deliver: Any, consumer: Any) -> None:
    stamped = {"stamped_headers": ["customer"], "stamps": {"customer": "acme"}}
    deliver({"task": "add", "id": "id-1", **stamped})
    consumer.pool.jobs[0]["accept_callback"](99, time.monotonic())
    reply = command("revoke_by_stamped_headers", headers=["customer=acme"])
    assert "flagged as revoked, but not terminated" in reply["ok"]
    assert worker_state.revoked_stamps == {"customer": ["acme"]}
    reply = command("revoke_by_stamped_headers", headers={"customer": "other"}, terminate=True)
    assert "were not terminated" in reply["ok"]
    reply = command("revoke_by_stamped_headers", headers={"customer": "acme"}, terminate=True)
    assert reply["ok"].endswith("revoked")
    assert consumer.pool.terminated == [(99, 15)]
    assert "error" in command("revoke_by_stamped_headers", headers=["no equals sign"])


def test_limits(command: Any, app: Celery, consumer: Any) -> None:
    assert command("rate_limit", task_name="add", rate_limit="10/m") == {
        "ok": "new rate limit set successfully"
    }
    assert consumer.task_buckets["add"].fill_rate == pytest.approx(10 / 60)
    assert command("rate_limit", task_name="add", rate_limit=0) == {
        "ok": "rate limit disabled successfully"
    }
    assert consumer.task_buckets["add"] is None
    assert command("rate_limit", task_name="no", rate_limit="1/s") == {"error": "unknown task"}
    assert "Invalid rate limit" in command("rate_limit", task_name="add", rate_limit="x")["error"]
    assert command("time_limit", task_name="add", hard=5, soft=3) == {
        "ok": "time limits set successfully"
    }
    assert (app.tasks["add"].time_limit, app.tasks["add"].soft_time_limit) == (5, 3)
    assert command("time_limit", task_name="no", hard=5) == {"error": "unknown task"}


def test_queues(command: Any, consumer: Any) -> None:
    consumer.hub.run(consumer.task_consumer.source.start())
    assert command("add_consumer", queue="foo") == {"ok": "add consumer foo"}
    [queue] = command("active_queues")
    assert (queue["name"], queue["exchange"]["type"]) == ("foo", "direct")
    assert command("cancel_consumer", queue="foo") == {"ok": "no longer consuming from foo"}
    assert command("active_queues") == []
    consumer.hub.run(consumer.task_consumer.source.stop())


def test_events(command: Any, events: Any) -> None:
    assert command("enable_events") == {"ok": "task events already enabled"}
    assert command("disable_events") == {"ok": "task events already disabled"}
    events.groups = {"worker"}
    assert command("enable_events") == {"ok": "task events enabled"}
    assert events.groups == {"worker", "task"}
    assert command("disable_events") == {"ok": "task events disabled"}
    command("heartbeat")
    type, fields = events.sent[-1]
    assert (type, fields["freq"], fields["sw_ident"]) == ("worker-heartbeat", 5, "py-celery")


def test_pool(command: Any, consumer: Any) -> None:
    assert command("pool_grow", n=2) == {"ok": "pool will grow"}
    assert (consumer.pool.limit, consumer.qos.value) == (4, 16)
    assert command("pool_shrink") == {"ok": "pool will shrink"}
    assert (consumer.pool.limit, consumer.qos.value) == (3, 12)
    with pytest.raises(ValueError, match="Autoscale not enabled"):
        command("autoscale", max=10, min=3)
    with pytest.raises(ValueError, match="worker_pool_restarts"):
        command("pool_restart")


def test_shutdown(command: Any, worker: Any) -> None:
    assert not worker.is_stopping
    assert command("shutdown") is None
    assert worker.is_stopping
    assert worker.shutdown.exitcode == 0


def test_under_autoscale(app: Celery, make_worker: Any) -> None:
    worker = make_worker(autoscale=(10, 3))
    context = AttributeDict(app=app, hostname=worker.hostname, consumer=worker.consumer)
    assert "error" in Panel.data["pool_grow"](context, n=1)
    assert Panel.data["autoscale"](context, max=5, min=2) == {"ok": "autoscale now max=5 min=2"}
    assert worker.stats()["autoscaler"] == {"max": 5, "min": 2, "current": 3, "qty": 0}
