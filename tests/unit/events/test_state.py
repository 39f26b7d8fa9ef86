"""State: events, in whatever order they come, folded into workers and tasks."""

from __future__ import annotations

import gc
import itertools
import logging
import pickle
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery import Celery, states
from celery.events.state import (
    TASK_EVENT_TO_STATE,
    State,
    Task,
    Worker,
    heartbeat_expires,
)

Make = Callable[..., dict[str, Any]]


def ids(pairs: Any) -> list[str]:
    return [uuid for uuid, _ in pairs]


# -- tasks


def test_one_tasks_life(make_event: Make) -> None:
    state = State()
    (task, created), subject = state.event(
        make_event(
            "task-sent",
            uuid="1",
            hostname="client",
            name="add",
            args="(1,)",
            kwargs="{}",
            queue="celery",
            exchange="",
            routing_key="celery",
            root_id="1",
            parent_id=None,
        )
    )
    assert (created, subject, task.uuid) == (True, "sent", "1")
    assert (task.client, task.worker, task.origin) == ("client", None, "client")
    assert list(state.workers) == []
    state.event(make_event("task-received", uuid="1", name="add", retries=0))
    state.event(make_event("task-started", uuid="1"))
    (task, created), subject = state.event(
        make_event("task-succeeded", uuid="1", result="3", runtime=0.5)
    )
    assert (created, subject) == (False, "succeeded")
    assert task.worker is state.workers["w1"]
    assert task.origin == task.worker.id
    assert task.ready
    assert task.as_dict() == {
        "uuid": "1",
        "name": "add",
        "state": "SUCCESS",
        "received": 1002.0,
        "sent": 1001.0,
        "started": 1003.0,
        "rejected": None,
        "succeeded": 1004.0,
        "failed": None,
        "retried": None,
        "revoked": None,
        "args": "(1,)",
        "kwargs": "{}",
        "eta": None,
        "expires": None,
        "retries": 0,
        "worker": task.worker,
        "result": "3",
        "exception": None,
        "timestamp": 1004.0,
        "runtime": 0.5,
        "traceback": None,
        "exchange": "",
        "routing_key": "celery",
        "clock": 4,
        "client": "client",
        "root": "1",
        "root_id": "1",
        "parent": None,
        "parent_id": None,
        "children": [],
    }
    assert task.queue == "celery"
    assert (state.event_count, state.task_count) == (4, 1)


#: State after two events, as Celery 5.7 has it: one row per first event.
SUBJECTS = [*TASK_EVENT_TO_STATE, "custom"]
AFTER = {
    "sent": "PENDING RECEIVED STARTED FAILURE RETRY SUCCESS REVOKED REJECTED CUSTOM",
    "received": "RECEIVED RECEIVED STARTED FAILURE RETRY SUCCESS REVOKED RECEIVED CUSTOM",
    "started": "STARTED STARTED STARTED FAILURE RETRY SUCCESS REVOKED STARTED CUSTOM",
    "failed": "FAILURE FAILURE FAILURE FAILURE RETRY SUCCESS FAILURE FAILURE FAILURE",
    "retried": "PENDING RECEIVED STARTED FAILURE RETRY SUCCESS REVOKED REJECTED CUSTOM",
    "succeeded": "SUCCESS SUCCESS SUCCESS SUCCESS RETRY SUCCESS SUCCESS SUCCESS SUCCESS",
    "revoked": "REVOKED REVOKED REVOKED FAILURE RETRY SUCCESS REVOKED REVOKED CUSTOM",
    "rejected": "REJECTED RECEIVED STARTED FAILURE RETRY SUCCESS REVOKED REJECTED CUSTOM",
    "custom": "CUSTOM CUSTOM CUSTOM FAILURE RETRY SUCCESS CUSTOM CUSTOM CUSTOM",
}


@pytest.mark.parametrize("first", SUBJECTS)
def test_the_state_after_two_events(make_event: Make, first: str) -> None:
    after = []
    for second in SUBJECTS:
        state = State()
        state.event(make_event(f"task-{first}", uuid="1"))
        state.event(make_event(f"task-{second}", uuid="1"))
        after.append(state.tasks["1"].state)
    assert after == AFTER[first].split()


@given(st.permutations(["sent", "received", "started", "succeeded"]))
def test_the_order_of_arrival_does_not_matter_to_the_end(order: list[str]) -> None:
    fields = {
        "sent": {"queue": "q", "hostname": "client"},
        "received": {"name": "add", "args": "()"},
        "started": {},
        "succeeded": {"result": "3"},
    }
    state = State()
    for subject in order:
        event = {"type": f"task-{subject}", "uuid": "1", "hostname": "w1", "clock": 1}
        event |= {"timestamp": len(subject), "local_received": 9.0, **fields[subject]}
        state.event(event)
    task = state.tasks["1"]
    assert task.state == states.SUCCESS
    assert task.info(["name", "args", "result", "queue"]) == {
        "name": "add",
        "args": "()",
        "result": "3",
        "queue": "q",
    }
    assert [task.sent, task.received, task.started, task.succeeded] == [4, 8, 7, 9]
    assert (task.client, task.worker.hostname) == ("client", "w1")


def test_a_late_received_tells_about_the_call_only(make_event: Make) -> None:
    state = State()
    state.event(make_event("task-succeeded", uuid="1", result="3"))
    late = make_event("task-received", uuid="1", name="add", retries=2, eta="x", odd=1)
    state.event(late)
    task = state.tasks["1"]
    assert (task.state, task.timestamp, task.clock) == ("SUCCESS", 1001.0, 1)
    assert (task.name, task.retries, task.eta, task.received) == ("add", 2, "x", 1002.0)
    assert not hasattr(task, "odd")
    state.event(make_event("task-started", uuid="1", odd=1, state="BOGUS"))
    assert (task.state, task.started, task.odd) == ("SUCCESS", 1003.0, 1)


def test_events_are_left_as_they_are(make_event: Make) -> None:
    state = State()
    for type in ("task-received", "worker-online"):
        event = make_event(type, uuid="1")
        copy = dict(event)
        state.event(event)
        assert event == copy


def test_custom_fields_are_kept_but_hide_nothing(make_event: Make) -> None:
    state = State()
    fields = {"percent": 40, "info": "text", "event": 1, "children": 2, "cluster_state": 3}
    state.event(make_event("task-progress", uuid="1", **fields))
    task = state.tasks["1"]
    assert (task.state, task.percent) == ("PROGRESS", 40)
    assert task.info(extra=["percent"]) == {"percent": 40}
    state.event(make_event("task-progress", uuid="1", percent=50))
    assert task.percent == 50
    assert task.cluster_state is state


def test_info_is_what_is_known(make_event: Make) -> None:
    task = Task("1", name="add", args="()", retries=0, worker=Worker("w1"))
    assert task.info() == {"args": "()", "retries": 0}
    assert task.info(["name", "result"], extra=["uuid", "no_such"]) == {"name": "add", "uuid": "1"}


def test_tasks_are_what_their_ids_are() -> None:
    assert Task("1", name="a") == Task("1", name="b")
    assert Task("1") != Task("2")
    assert len({Task("1"), Task("1")}) == 1
    assert Task("1", name="a").id == "1"
    assert repr(Task("1", name="a")) == "<Task: a(1) PENDING clock:0>"


@pytest.mark.parametrize("order", list(itertools.permutations(["root", "parent", "child"])))
def test_a_family_finds_each_other(make_event: Make, order: tuple[str, ...]) -> None:
    parents = {"root": None, "parent": "root", "child": "parent"}
    state = State()
    for uuid in order:
        state.event(make_event("task-received", uuid=uuid, root_id="root", parent_id=parents[uuid]))
    root, parent, child = (state.tasks[uuid] for uuid in parents)
    assert (child.parent, parent.parent, root.parent) == (parent, root, None)
    assert {task.root for task in (root, parent, child)} == {root}
    assert (list(root.children), list(parent.children)) == ([parent], [child])
    assert parent.as_dict()["children"] == ["child"]
    assert child.as_dict()["parent"] == "parent"


# -- looking at many


def test_tasks_by_time_follow_the_logical_clock(make_event: Make) -> None:
    state = State()
    for uuid, clock in (("a", 1), ("b", 5), ("c", 3), ("a", 4)):
        state.event(make_event("task-x", uuid=uuid, clock=clock))
    assert ids(state.tasks_by_time()) == ["b", "a", "c"]
    assert ids(state.tasks_by_timestamp(limit=1)) == ["b"]
    assert ids(state.tasks_by_time(reverse=False)) == ["a", "c", "b"]
    assert ids(state.itertasks(2)) == ["b", "c"]


def test_without_clocks_the_time_decides(make_event: Make) -> None:
    state = State()
    for uuid, timestamp in (("a", 1.0), ("b", 3.0), ("c", 2.0)):
        state.event(make_event("task-x", uuid=uuid, clock=None, timestamp=timestamp))
    assert ids(state.tasks_by_time()) == ["b", "c", "a"]


def test_tasks_by_type_and_worker(make_event: Make) -> None:
    state = State()
    for number, (name, hostname) in enumerate(
        [("add", "w1"), ("mul", "w2"), ("add", "w2"), ("add", "w1")]
    ):
        event = make_event("task-received", uuid=str(number), name=name, hostname=hostname)
        state.event(event)
    assert state.task_types() == ["add", "mul"]
    assert {task.uuid for task in state.tasks_by_type["add"]} == {"0", "2", "3"}
    assert ids(state.tasks_by_type("add")) == ["3", "2", "0"]
    assert ids(state.tasks_by_type("add", limit=2, reverse=False)) == ["0", "2"]
    assert ids(state.tasks_by_worker("w2")) == ["2", "1"]
    assert ids(state.tasks_by_worker("nobody")) == []
    state.event(make_event("task-received", uuid="0", name="add", hostname="w2"))
    assert {task.uuid for task in state.tasks_by_worker["w2"]} == {"0", "1", "2"}
    assert {task.uuid for task in state.tasks_by_worker["w1"]} == {"3"}


def test_memory_is_bounded(make_event: Make) -> None:
    state = State(max_tasks_in_memory=3, max_workers_in_memory=2)
    for number in range(30):
        fields = {"uuid": str(number), "hostname": f"w{number}", "name": "add"}
        state.event(make_event("task-received", **fields, parent_id=f"gone{number}"))
    gc.collect()
    assert list(state.tasks) == ["27", "28", "29"]
    assert list(state.workers) == ["w28", "w29"]
    assert ids(state.tasks_by_time()) == ["29", "28", "27"]
    assert len(state.tasks_by_type["add"]) == 3
    assert len(state._taskheap) == 3 * State.heap_multiplier
    assert len(state._orphans) == 3


def test_clear_keeps_what_has_not_ended(make_event: Make) -> None:
    state = State()
    for uuid, subject in (("a", "started"), ("b", "succeeded"), ("c", "rejected")):
        state.event(make_event(f"task-{subject}", uuid=uuid, name="add"))
    state.clear_tasks()
    assert ids(state.tasks_by_time()) == ["c", "a"]
    assert list(state.workers) == ["w1"]
    assert state.event_count == 3
    state.clear()
    assert (len(state.tasks), len(state.workers), state.event_count) == (2, 0, 0)
    state.clear(ready=False)
    assert (len(state.tasks), ids(state.tasks_by_time())) == (0, [])
    assert dict(state.tasks_by_type) == {}


def test_freeze_while_returns_and_may_clear(make_event: Make) -> None:
    state = State()
    state.event(make_event("task-succeeded", uuid="a"))
    assert state.freeze_while(lambda *a, **k: (a, k), 1, x=2) == ((1,), {"x": 2})
    assert len(state.tasks) == 1
    assert state.freeze_while(lambda: ids(state.tasks_by_time()), clear_after=True) == ["a"]
    assert len(state.tasks) == 0


def test_callback_and_handlers(make_event: Make) -> None:
    seen: list[Any] = []
    state = State(callback=lambda state, event: seen.append((event["type"], len(state.tasks))))
    state.handlers["mine"] = lambda subject, event: (subject, event["x"])
    assert state.event(make_event("mine-a-b", x=1)) == (("a-b", 1), "a-b")
    assert state.event(make_event("other-x")) is None
    state.event(make_event("task-x", uuid="1"))
    assert seen == [("mine-a-b", 0), ("other-x", 0), ("task-x", 0)]
    assert repr(state) == "<State: events=3 tasks=0>"


def test_deprecated_methods_take_events_of_one_group(make_event: Make) -> None:
    state = State()
    task, created = state.task_event("received", make_event("task-received", uuid="1"))
    assert (task.state, created) == ("RECEIVED", True)
    worker, created = state.worker_event("online", make_event("worker-online", freq=3))
    assert (worker.freq, created) == (3, False)


def test_a_subclass_may_take_part(make_event: Make) -> None:
    class Monitor(State):
        def event(self, event: Any) -> Any:
            self.last = event["type"]
            return super().event(event)

    monitor = Monitor()
    monitor.event(make_event("task-received", uuid="1"))
    assert (monitor.last, ids(monitor.itertasks())) == ("task-received", ["1"])


# -- workers


def test_workers_join_and_leave(make_event: Make) -> None:
    calls: list[tuple[str, str | None]] = []
    state = State(
        on_node_join=lambda worker: calls.append(("join", worker.hostname)),
        on_node_leave=lambda worker: calls.append(("leave", worker.hostname)),
    )
    fields = {"freq": 2.0, "active": 1, "processed": 3, "loadavg": [1, 2, 3]}
    software = {"sw_ident": "py-celery", "sw_ver": "5.8", "sw_sys": "Linux"}
    (worker, created), subject = state.event(make_event("worker-heartbeat", **fields, **software))
    assert (created, subject) == (True, "heartbeat")
    assert {name: getattr(worker, name) for name in worker._fields} == {
        "hostname": "w1",
        "pid": 7,
        "heartbeats": [1001.5],
        "clock": 1,
        **fields,
        **software,
    }
    assert worker.id == "w1.7"
    state.event(make_event("worker-heartbeat"))
    state.event(make_event("worker-online"))
    (left, created), _ = state.event(make_event("worker-offline"))
    assert (left, created, left.heartbeats) == (worker, False, [])
    assert list(state.workers) == []
    state.event(make_event("worker-offline", hostname="stranger"))
    assert calls == [("join", "w1"), ("join", "w1"), ("leave", "w1"), ("leave", "stranger")]


def test_any_event_is_a_sign_of_life(make_event: Make) -> None:
    state = State()
    now = time.time()
    state.event(make_event("task-started", uuid="1", timestamp=now, local_received=now))
    state.event(make_event("worker-online", hostname="old"))
    assert [worker.hostname for worker in state.alive_workers()] == ["w1"]
    assert state.workers["w1"].status_string == "ONLINE"
    assert state.workers["old"].status_string == "OFFLINE"


def test_the_latest_heartbeats_are_kept_in_order() -> None:
    worker = Worker("w1")
    for received in (5, 3, 9, 1, 7, 2):
        worker.event("heartbeat", received, received, {})
    assert worker.heartbeats == [3, 5, 7, 9]


@pytest.mark.parametrize(("age", "alive"), [(0, True), (19, True), (20.5, False)])
def test_alive_for_two_intervals(age: float, alive: bool) -> None:
    assert Worker("w1", freq=10, heartbeats=[time.time() - age]).alive is alive
    assert not Worker("w1").alive


def test_heartbeat_expires() -> None:
    assert heartbeat_expires(100) == 220.0
    assert heartbeat_expires(Decimal(100), Decimal(10)) == 120.0
    assert heartbeat_expires(100, 10, 150) == 115.0
    assert Worker("w1", freq=10, heartbeats=[100]).heartbeat_expires == 120.0


def test_an_event_with_fields_named_like_members_is_taken_in(make_event: Make) -> None:
    state = State()
    state.event(make_event("worker-elect", id="x", topic="task", action=None, update=1, alive=2))
    worker = state.workers["w1"]
    assert (worker.id, worker.topic) == ("w1.7", "task")
    worker.update({"freq": 3}, active=4)
    assert (worker.freq, worker.active, worker.alive) == (3, 4, False)


def test_clocks_out_of_sync_are_warned_of_once(
    make_event: Make, caplog: pytest.LogCaptureFixture
) -> None:
    state = State()
    for received in (116.0, 117.0, 118.0):
        state.event(make_event("worker-heartbeat", timestamp=100.0, local_received=received))
    [record] = caplog.records
    assert (record.levelno, record.name) == (logging.WARNING, "celery.events.state")
    assert record.getMessage() == (
        "Substantial drift from w1 may mean clocks are out of sync.  Current drift is 17 seconds.  "
        "[orig: 1970-01-01 00:01:40 recv: 1970-01-01 00:01:57]"
    )


def test_get_or_create(make_event: Make) -> None:
    state = State()
    worker, created = state.get_or_create_worker("w1", freq=3)
    assert (worker.freq, created) == (3, True)
    assert state.get_or_create_worker("w1", freq=5) == (worker, False)
    assert worker.freq == 5
    task, created = state.get_or_create_task("1")
    assert (task.uuid, created) == ("1", True)
    assert state.get_or_create_task("1") == (task, False)
    assert Worker("w1") == worker
    assert Worker("w1", heartbeats=[time.time()]).__repr__() == "<Worker: w1 (ONLINE clock:0)>"


# -- pickles


def _busy_state(make_event: Make, state: State) -> State:
    for uuid, parent in (("c", "p"), ("p", "r"), ("r", None)):
        fields = {"name": f"task.{uuid}", "parent_id": parent, "root_id": "r"}
        state.event(make_event("task-received", uuid=uuid, **fields))
    state.event(make_event("task-succeeded", uuid="c", result="3"))
    state.event(make_event("worker-heartbeat", hostname="w2", freq=2))
    return state


def test_a_pickled_state_goes_on_where_it_was(make_event: Make) -> None:
    before = _busy_state(make_event, State(max_tasks_in_memory=3))
    after = pickle.loads(pickle.dumps(before))
    assert {u: t.as_dict() for u, t in after.itertasks()} == {
        u: t.as_dict() for u, t in before.itertasks()
    }
    assert ids(after.tasks_by_time()) == ids(before.tasks_by_time()) == ["c", "r", "p"]
    assert after.tasks["c"].parent is after.tasks["p"]
    assert list(after.tasks["p"].children) == [after.tasks["c"]]
    assert after.tasks["c"].worker is after.workers["w1"]
    assert after.task_types() == before.task_types()
    assert ids(after.tasks_by_worker("w1")) == ["c", "r", "p"]
    assert after.workers["w2"].freq == 2
    after.event(make_event("task-received", uuid="new"))
    assert (len(after.tasks), after.tasks.limit) == (3, 3)


def test_the_pickle_is_the_one_other_versions_write(make_event: Make) -> None:
    cls, args = _busy_state(make_event, State()).__reduce__()
    assert cls.__module__ == "celery.events.state"
    callback, workers, tasks, heap, *limits, join, leave, by_type, by_worker = args
    assert (callback, heap, join, leave, limits) == (None, None, None, None, [5000, 10000])
    assert (workers.limit, tasks.limit) == (5000, 10000)
    assert by_type == {"task.c": ["c"], "task.p": ["p"], "task.r": ["r"]}
    assert sorted(by_worker["w1"]) == ["c", "p", "r"]
    make, (kind, fields) = tasks["c"].__reduce__()
    assert (make.__module__, make.__name__) == ("celery.events.state", "_depickle_task")
    assert (kind, fields) == (Task, tasks["c"].as_dict())
    kind, values = workers["w2"].__reduce__()
    assert (kind, values) == (Worker, ("w2", 7, 2, [1005.5], 5, *[None] * 6))


class Monitor(State):
    """A subclass, as monitors have them."""


def test_subclasses_are_pickled_too(make_event: Make) -> None:
    monitor = Monitor()
    monitor.event(make_event("task-received", uuid="1"))
    restored = pickle.loads(pickle.dumps(monitor))
    assert type(restored) is Monitor
    assert ids(restored.itertasks()) == ["1"]


def test_the_state_class_of_an_app(app: Celery, make_event: Make) -> None:
    state = app.events.State()
    assert isinstance(state, State)
    state.event(make_event("task-received", uuid="1"))
    restored = pickle.loads(pickle.dumps(state))
    assert isinstance(restored, State)
    assert ids(restored.itertasks()) == ["1"]
