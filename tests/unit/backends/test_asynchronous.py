"""Being told of results, by a store that announces them."""

from __future__ import annotations

import builtins
import os
import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from celery.app.base import Celery
from celery.backends._drainers import drainers, greenletDrainer
from celery.backends._kv import BaseKeyValueStoreBackend
from celery.backends.asynchronous import (
    AsyncBackendMixin,
    BaseResultConsumer,
    Drainer,
    register_drainer,
)
from celery.exceptions import TimeoutError
from celery.states import FAILURE, STARTED, SUCCESS

PATIENCE = 20.0


class Consumer(BaseResultConsumer):
    """Hears what is put into a queue."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.announced: queue.Queue[dict[str, Any]] = queue.Queue()
        self.listening: set[str] = set()
        self.forked = 0

    def drain_events(self, timeout: float | None = None) -> None:
        try:
            meta = self.announced.get(timeout=timeout)
        except queue.Empty:
            raise builtins.TimeoutError from None
        self.on_state_change(meta, meta)

    def consume_from(self, task_id: str) -> None:
        self.listening.add(task_id)

    def cancel_for(self, task_id: str) -> None:
        self.listening.discard(task_id)

    def on_after_fork(self) -> None:
        self.forked += 1


class TellingBackend(AsyncBackendMixin, BaseKeyValueStoreBackend):
    """A store that announces what it stores."""

    supports_native_join = True

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self.values: dict[Any, Any] = {}
        self.result_consumer: Consumer = Consumer(
            self, app, self.accept, self._pending_results, self._pending_messages
        )
        app.backend = self

    def get(self, key: Any) -> Any:
        return self.values.get(key)

    def set(self, key: Any, value: Any) -> None:
        self.values[key] = value
        self.result_consumer.announced.put(self.decode_result(value))

    def delete(self, key: Any) -> None:
        self.values.pop(key, None)


@pytest.fixture
def backend(app: Celery) -> TellingBackend:
    return TellingBackend(app)


def in_thread(target: Any) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


def test_told_while_waiting(app: Celery, backend: TellingBackend) -> None:
    result = app.AsyncResult("id")
    intervals: list[int] = []
    messages: list[Any] = []

    def work() -> None:
        backend.store_result("id", None, STARTED)
        backend.store_result("id", 5, SUCCESS)

    worker = in_thread(work)
    value = result.get(
        timeout=PATIENCE, on_interval=lambda: intervals.append(1), on_message=messages.append
    )
    worker.join(PATIENCE)
    assert value == 5
    assert [message["status"] for message in messages] == [STARTED, SUCCESS]
    assert len(intervals) == 2
    assert backend.result_consumer.listening == set()
    assert backend._pending_results == ({}, {})


def test_told_before_anybody_asked(app: Celery, backend: TellingBackend) -> None:
    backend.store_result("id", 5, SUCCESS)
    backend.result_consumer.drain_events(timeout=PATIENCE)
    assert app.AsyncResult("id").get(timeout=PATIENCE) == 5


def test_failure_is_raised(app: Celery, backend: TellingBackend) -> None:
    backend.store_result("id", KeyError("k"), FAILURE)
    with pytest.raises(KeyError):
        app.AsyncResult("id").get(timeout=PATIENCE)


def test_in_vain(app: Celery, backend: TellingBackend) -> None:
    result = app.AsyncResult("id")
    for timeout in (0, 0.01):
        with pytest.raises(TimeoutError, match="timed out"):
            result.get(timeout=timeout)
    backend.store_result("id", 5, SUCCESS)
    assert result.get(timeout=PATIENCE) == 5


def test_two_promises_of_one_task(app: Celery, backend: TellingBackend) -> None:
    first, second = app.AsyncResult("id"), app.AsyncResult("id")
    first.then(lambda result: None)
    backend.store_result("id", 5, SUCCESS)
    assert second.get(timeout=PATIENCE) == 5
    assert first._cache is not None


def test_join_in_any_order(app: Celery, backend: TellingBackend) -> None:
    results = app.ResultSet([app.AsyncResult(n) for n in "abc"])
    for number, task_id in enumerate("cab"):
        backend.store_result(task_id, number, SUCCESS)
    seen = [task_id for task_id, _ in results.iter_native(timeout=PATIENCE)]
    assert seen == ["c", "a", "b"]
    assert results.get(timeout=PATIENCE) == [1, 2, 0]


def test_join_with_a_group_inside(app: Celery, backend: TellingBackend) -> None:
    inner = app.GroupResult("g", [app.AsyncResult("b"), app.AsyncResult("c")])
    results = app.ResultSet([app.AsyncResult("a"), inner])
    for task_id in "abc":
        backend.store_result(task_id, task_id, SUCCESS)
    assert results.get(timeout=PATIENCE) == ["a", ["b", "c"]]


def test_then_of_a_set(app: Celery, backend: TellingBackend) -> None:
    results = app.ResultSet([app.AsyncResult("a"), app.AsyncResult("b")])
    done: list[Any] = []
    results.then(done.append)
    for task_id in "ab":
        assert done == []
        backend.store_result(task_id, 1, SUCCESS)
        results.results["ab".index(task_id)].get(timeout=PATIENCE)
    assert done == [results]


def test_making_a_set_listens_to_nothing(app: Celery, backend: TellingBackend) -> None:
    app.GroupResult("g", [app.AsyncResult("a")])
    assert backend.result_consumer.listening == set()


def test_weakly_held_promises_go(app: Celery, backend: TellingBackend) -> None:
    app.AsyncResult("id").then(lambda result: None, weak=True)
    assert backend._pending_results == ({}, {})


def test_threads_drain_for_each_other(app: Celery, backend: TellingBackend) -> None:
    values: dict[str, Any] = {}

    def wait(task_id: str) -> None:
        values[task_id] = app.AsyncResult(task_id, backend=backend).get(timeout=PATIENCE)

    waiters = [in_thread(lambda task_id=task_id: wait(task_id)) for task_id in "abcde"]
    for task_id in "edcba":
        backend.store_result(task_id, task_id, SUCCESS)
    for waiter in waiters:
        waiter.join(PATIENCE)
    assert values == {task_id: task_id for task_id in "abcde"}


def test_child_process_begins_anew(app: Celery, backend: TellingBackend) -> None:
    drainer = backend.result_consumer.drainer
    pid = os.fork()
    if pid == 0:
        consumer = backend.result_consumer
        os._exit(0 if consumer.forked == 1 and consumer.drainer is not drainer else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert backend.result_consumer.forked == 0


def test_drainer_of_ones_own() -> None:
    @register_drainer("test")
    class Own(Drainer):
        pass

    assert drainers.pop("test") is Own


class ThreadsAsGreenlets(greenletDrainer):
    """Threads and their events have what greenlets and theirs have."""

    spawned = 0

    def spawn(self, func: Any) -> Any:
        self.spawned += 1
        return in_thread(func)

    def _event(self) -> Any:
        return threading.Event()


class TestOneDrainsForAll:
    @pytest.fixture
    def drainer(self, backend: TellingBackend) -> Iterator[ThreadsAsGreenlets]:
        drainer = ThreadsAsGreenlets(backend.result_consumer)
        backend.result_consumer.drainer = drainer
        yield drainer
        drainer.stop()
        backend.result_consumer.announced.put({"status": STARTED})

    def test_one_is_enough(
        self, app: Celery, backend: TellingBackend, drainer: ThreadsAsGreenlets
    ) -> None:
        for task_id in "abc":
            result = app.AsyncResult(task_id)
            result.then(lambda result: None)
            backend.store_result(task_id, task_id, SUCCESS)
            assert result.get(timeout=PATIENCE) == task_id
        assert drainer.spawned == 1

    def test_those_who_wait_are_told_of_its_error(
        self, app: Celery, backend: TellingBackend, drainer: ThreadsAsGreenlets
    ) -> None:
        backend.result_consumer.announced.put({"status": SUCCESS})
        with pytest.raises(KeyError, match="task_id"):
            app.AsyncResult("id").get(timeout=PATIENCE)
        backend.store_result("other", 5, SUCCESS)
        assert app.AsyncResult("other").get(timeout=PATIENCE) == 5
        assert drainer.spawned == 2
