"""Suite for backends: waiting for results, of one task and of many."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from celery.contrib.testing.conformance._backend_kit import (
    PATIENCE,
    BackendKit,
    BackendOpener,
    eventually,
    new_id,
)
from celery.exceptions import TimeoutError
from celery.states import FAILURE, SUCCESS

#: Seconds a wait may take that is over at once.
SOON = 5.0


class WaitingTests(BackendKit):
    """Waiting in one thread for what another one stores."""

    def test_get_waits_for_the_end(
        self, app: Any, backend: Any, open_backend: BackendOpener, in_threads: Any
    ) -> None:
        result = app.AsyncResult(new_id())
        backend.on_task_call(None, result.id)
        looks: list[int] = []
        waiting = in_threads(result.get, timeout=PATIENCE, on_interval=lambda: looks.append(1))
        writer = open_backend()
        writer.mark_as_started(result.id)
        assert not waiting.done()
        stored = time.monotonic()
        writer.mark_as_done(result.id, "value")
        assert waiting.result(PATIENCE) == "value"
        assert time.monotonic() - stored < SOON

    def test_get_gives_up_in_time(self, app: Any, backend: Any) -> None:
        result = app.AsyncResult(new_id())
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            result.get(timeout=0.2)
        assert 0.15 < time.monotonic() - started < SOON
        with pytest.raises(TimeoutError):
            result.get(timeout=0)
        # It is not lost for having been waited for in vain.
        backend.mark_as_done(result.id, 1)
        assert result.get(timeout=PATIENCE) == 1

    def test_get_of_what_is_there_needs_no_time(self, app: Any, backend: Any) -> None:
        task_id = new_id()
        backend.store_result(task_id, 1, SUCCESS)
        assert app.AsyncResult(task_id).get(timeout=SOON) == 1

    def test_two_promises_of_one_task(self, app: Any, backend: Any) -> None:
        first = app.AsyncResult(new_id())
        second = app.AsyncResult(first.id)
        for result in (first, second):
            with pytest.raises(TimeoutError):
                result.get(timeout=0.01)
        backend.store_result(first.id, 1, SUCCESS)
        assert second.get(timeout=PATIENCE) == 1
        assert first.get(timeout=PATIENCE) == 1

    def test_join_keeps_the_order(self, app: Any, backend: Any) -> None:
        ids = [new_id() for _ in range(20)]
        results = app.ResultSet([app.AsyncResult(task_id) for task_id in ids])
        for number, task_id in reversed(list(enumerate(ids))):
            backend.store_result(task_id, number, SUCCESS)
        assert results.get(timeout=PATIENCE) == list(range(20))
        assert results.join(timeout=PATIENCE) == list(range(20))
        assert results.join_native(timeout=PATIENCE) == list(range(20))
        assert results.ready()
        assert results.completed_count() == 20

    def test_join_waits_for_the_last(
        self, app: Any, backend: Any, open_backend: BackendOpener, in_threads: Any
    ) -> None:
        results = app.ResultSet([app.AsyncResult(new_id()) for _ in range(3)])
        backend.store_result(results[0].id, 0, SUCCESS)
        waiting: Future[Any] = in_threads(results.get, timeout=PATIENCE)
        writer = open_backend()
        for number in (2, 1):
            assert not waiting.done()
            writer.store_result(results[number].id, number, SUCCESS)
        assert waiting.result(PATIENCE) == [0, 1, 2]

    def test_iter_native_yields_what_comes(self, app: Any, backend: Any) -> None:
        results = app.ResultSet([app.AsyncResult(new_id()) for _ in range(3)])
        for result in results:
            backend.store_result(result.id, result.id, SUCCESS)
        metas = dict(results.iter_native(timeout=PATIENCE))
        assert {key: meta["result"] for key, meta in metas.items()} == {
            result.id: result.id for result in results
        }

    def test_join_raises_the_error_of_a_part(self, app: Any, backend: Any) -> None:
        results = app.ResultSet([app.AsyncResult(new_id()) for _ in range(2)])
        backend.store_result(results[0].id, 0, SUCCESS)
        backend.store_result(results[1].id, KeyError("k"), FAILURE)
        for join in (results.get, results.join, results.join_native):
            with pytest.raises(KeyError):
                join(timeout=PATIENCE)
        values = results.get(timeout=PATIENCE, propagate=False)
        assert values[0] == 0
        assert isinstance(values[1], KeyError)

    def test_join_gives_up_in_time(self, app: Any, backend: Any) -> None:
        results = app.ResultSet([app.AsyncResult(new_id()) for _ in range(2)])
        backend.store_result(results[0].id, 0, SUCCESS)
        for join in (results.get, results.join, results.join_native):
            with pytest.raises(TimeoutError):
                join(timeout=0.1)

    def test_then_is_called_when_somebody_waits(
        self, app: Any, backend: Any, in_threads: Callable[..., Future[Any]]
    ) -> None:
        result = app.AsyncResult(new_id())
        ready: list[Any] = []
        result.then(ready.append)
        assert ready == []
        backend.store_result(result.id, 1, SUCCESS)
        assert result.get(timeout=PATIENCE) == 1
        eventually(lambda: ready == [result])
