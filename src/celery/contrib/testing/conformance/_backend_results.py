"""Suite for backends: what is stored about one task, and read again."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kombu.exceptions import EncodeError

from celery.contrib.testing.conformance._backend_kit import (
    PATIENCE,
    BackendKit,
    BackendOpener,
    eventually,
    new_id,
    request_of,
)
from celery.states import FAILURE, PENDING, RETRY, REVOKED, STARTED, SUCCESS

VALUES = [
    None,
    0,
    -1.5,
    True,
    "",
    "žluťoučký 🐎 \x00",
    [1, [2, {"a": None}]],
    {"k": {"nested": ["x"]}, "": 1},
    "x" * 1_000_000,
]


class ConformanceError(Exception):
    """Raised by tasks of the suite."""


class ResultTests(BackendKit):
    """One task: states, values, errors, metadata."""

    def test_unknown_task_is_pending(self, app: Any, backend: Any) -> None:
        result = app.AsyncResult(new_id())
        assert (result.state, result.result, result.traceback) == (PENDING, None, None)
        assert not result.ready()
        assert not result.exists()

    @pytest.mark.parametrize("value", VALUES, ids=[str(n) for n in range(len(VALUES))])
    def test_value_comes_back(self, app: Any, backend: Any, value: Any) -> None:
        task_id = new_id()
        backend.mark_as_done(task_id, value, request=request_of(task_id))
        result = app.AsyncResult(task_id)
        assert result.get(timeout=PATIENCE) == value
        assert result.state == SUCCESS
        assert result.successful()
        assert result.exists()

    def test_other_backends_over_the_store_see_it(
        self, backend: Any, open_backend: BackendOpener
    ) -> None:
        if not self.many_readers:
            pytest.skip("only who has sent the task can read its result")
        task_id = new_id()
        other = open_backend()
        assert other.get_state(task_id) == PENDING
        backend.store_result(task_id, {"a": 1}, SUCCESS)
        assert other.get_result(task_id) == {"a": 1}

    def test_states_follow_each_other(self, app: Any, backend: Any) -> None:
        task_id = new_id()
        request = request_of(task_id)
        backend.mark_as_started(task_id, pid=12, hostname="w@h")
        assert (backend.get_state(task_id), backend.get_result(task_id)) == (
            STARTED,
            {"pid": 12, "hostname": "w@h"},
        )
        backend.mark_as_retry(task_id, KeyError("k"), traceback="tb", request=request)
        assert backend.get_state(task_id) == RETRY
        assert isinstance(backend.get_result(task_id), KeyError)
        backend.store_result(task_id, {"done": 0.5}, "PROGRESS", request=request)
        assert app.AsyncResult(task_id).info == {"done": 0.5}
        backend.mark_as_done(task_id, 1, request=request)
        assert app.AsyncResult(task_id).get(timeout=PATIENCE) == 1

    def test_success_is_final(self, backend: Any) -> None:
        task_id = new_id()
        backend.store_result(task_id, "first", SUCCESS)
        backend.store_result(task_id, "second", SUCCESS)
        backend.store_result(task_id, ValueError("late"), FAILURE)
        backend.mark_as_started(task_id)
        meta = backend.get_task_meta(task_id, cache=False)
        assert (meta["status"], meta["result"]) == (SUCCESS, "first")

    def test_failure_may_still_become_success(self, backend: Any) -> None:
        task_id = new_id()
        backend.store_result(task_id, ValueError("first"), FAILURE, traceback="tb")
        backend.store_result(task_id, "second", SUCCESS)
        meta = backend.get_task_meta(task_id, cache=False)
        assert (meta["status"], meta["result"]) == (SUCCESS, "second")
        assert meta["traceback"] is None

    def test_failure_is_raised_with_its_class_and_arguments(self, app: Any, backend: Any) -> None:
        task_id = new_id()
        backend.mark_as_failure(
            task_id, ConformanceError("bad", 3), traceback="the text", request=request_of(task_id)
        )
        result = app.AsyncResult(task_id)
        with pytest.raises(ConformanceError) as raised:
            result.get(timeout=PATIENCE)
        assert raised.value.args == ("bad", 3)
        assert isinstance(result.get(propagate=False), ConformanceError)
        assert (result.state, result.traceback) == (FAILURE, "the text")
        assert result.failed()

    def test_class_that_is_not_loaded_here_is_made_up(
        self, app: Any, backend: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        task_id = new_id()
        backend.store_result(task_id, ConformanceError("x"), FAILURE)
        monkeypatch.delitem(sys.modules, __name__)
        with pytest.raises(Exception, match="x") as raised:
            app.AsyncResult(task_id).get(timeout=PATIENCE)
        assert type(raised.value).__name__ == "ConformanceError"

    def test_revoked(self, app: Any, backend: Any) -> None:
        task_id = new_id()
        backend.mark_as_revoked(task_id, "terminated", request=request_of(task_id))
        result = app.AsyncResult(task_id)
        assert result.state == REVOKED
        with pytest.raises(Exception, match="terminated"):
            result.get(timeout=PATIENCE)

    def test_children_are_promises(self, app: Any, backend: Any) -> None:
        task_id, child, group = new_id(), new_id(), new_id()
        request = request_of(task_id)
        request.children = [
            app.AsyncResult(child, parent=app.AsyncResult("before")),
            app.GroupResult(group, [app.AsyncResult("member")]),
        ]
        backend.mark_as_done(task_id, None, request=request)
        children = app.AsyncResult(task_id).children
        assert [c.id for c in children] == [child, group]
        assert children[0].parent.id == "before"
        assert [member.id for member in children[1]] == ["member"]

    def test_date_done_is_known_when_it_is_done(self, app: Any, backend: Any) -> None:
        task_id = new_id()
        backend.mark_as_started(task_id)
        assert app.AsyncResult(task_id).date_done is None
        backend.mark_as_done(task_id, 1)
        done = app.AsyncResult(task_id).date_done
        if done.tzinfo is None:
            done = done.replace(tzinfo=UTC)
        assert abs(datetime.now(UTC) - done) < timedelta(seconds=PATIENCE)

    def test_extended(self, app: Any, backend: Any) -> None:
        app.conf.result_extended = True
        task_id = new_id()
        request = request_of(
            task_id,
            args=[1, "two"],
            kwargs={"three": 3},
            hostname="w@h",
            retries=2,
            stamped_headers=["stamp"],
            stamps={"stamp": ["v"]},
        )
        request.delivery_info = {"exchange": "", "routing_key": "some queue"}
        extended = self.reopen(app, backend)
        extended.mark_as_done(task_id, 1, request=request)
        result = app.AsyncResult(task_id)
        assert (result.name, result.args, result.kwargs) == (
            "conformance",
            [1, "two"],
            {"three": 3},
        )
        assert (result.worker, result.retries, result.queue) == ("w@h", 2, "some queue")
        assert extended.get_task_meta(task_id)["stamp"] == ["v"]

    def reopen(self, app: Any, backend: Any) -> Any:
        """A backend like `backend` that has seen the settings as they are now."""
        _, (cls, args, kwargs) = backend.__reduce__()
        app.backend = cls(*args, app=app, **kwargs)
        return app.backend

    def test_what_cannot_be_encoded_is_not_stored(self, backend: Any) -> None:
        task_id = new_id()
        with pytest.raises(EncodeError):
            backend.mark_as_done(task_id, object())
        assert backend.get_state(task_id) == PENDING

    def test_forget(self, app: Any, backend: Any) -> None:
        task_id = new_id()
        backend.store_result(task_id, 1, SUCCESS)
        result = app.AsyncResult(task_id)
        assert result.get(timeout=PATIENCE) == 1
        result.forget()
        assert result.state == PENDING
        assert not result.exists()
        backend.forget(new_id())

    def test_what_has_expired_goes(self, app: Any, open_backend: BackendOpener) -> None:
        app.conf.result_expires = 1
        backend = open_backend()
        task_id = new_id()
        backend.store_result(task_id, 1, SUCCESS)
        assert backend.get_state(task_id) == SUCCESS

        def gone() -> bool:
            backend.cleanup()
            return bool(backend.get_task_meta(task_id, cache=False)["status"] == PENDING)

        eventually(gone)

    def test_what_has_not_expired_stays(self, backend: Any) -> None:
        task_id = new_id()
        backend.store_result(task_id, 1, SUCCESS)
        backend.cleanup()
        assert backend.get_result(task_id) == 1

    def test_without_expiry_it_stays(self, app: Any, open_backend: BackendOpener) -> None:
        app.conf.result_expires = None
        backend = open_backend()
        task_id = new_id()
        backend.store_result(task_id, 1, SUCCESS)
        backend.cleanup()
        assert backend.get_result(task_id) == 1
        backend.forget(task_id)

    def test_compressed(self, app: Any, open_backend: BackendOpener, backend: Any) -> None:
        if not backend.supports_result_compression:
            pytest.skip("the store takes text only")
        app.conf.result_compression = "gzip"
        compressed = open_backend()
        task_id = new_id()
        compressed.store_result(task_id, "x" * 10_000, SUCCESS)
        # Who reads needs no setting for it.
        assert backend.get_result(task_id) == "x" * 10_000

    def test_can_be_pickled(self, app: Any, backend: Any) -> None:
        task_id = new_id()
        backend.store_result(task_id, 1, SUCCESS)
        app.set_current()
        copy = pickle.loads(pickle.dumps(backend))
        assert copy.get_result(task_id) == 1

    def test_writers_do_not_disturb_each_other(
        self,
        backend: Any,
        open_backend: BackendOpener,
        in_threads: Callable[..., Future[Any]],
    ) -> None:
        task_ids = [new_id() for _ in range(10)]

        def write(number: int) -> None:
            own = open_backend()
            for task_id in task_ids:
                own.store_result(task_id, number, STARTED)
                own.store_result(task_id, number, SUCCESS)

        for future in [in_threads(write, number) for number in range(6)]:
            future.result(PATIENCE)
        metas = [backend.get_task_meta(task_id) for task_id in task_ids]
        assert {meta["status"] for meta in metas} == {SUCCESS}
