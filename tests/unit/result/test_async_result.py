"""The promise of one result."""

from __future__ import annotations

import copy
import pickle
import sys
from datetime import datetime
from typing import Any

import pytest
from tests.support.result_apps import DictBackend

from celery import _state
from celery._message.context import Context
from celery.app.base import Celery
from celery.exceptions import IncompleteStream, TaskRevokedError, TimeoutError
from celery.result import (
    AsyncResult,
    allow_join_result,
    assert_will_not_block,
    denied_join_result,
)
from celery.states import PENDING, RETRY, SUCCESS


@pytest.fixture
def backend(app: Celery) -> DictBackend:
    return DictBackend(app)


class TestIdentity:
    def test_is_its_id(self, app: Celery) -> None:
        result = app.AsyncResult("id")
        assert result == app.AsyncResult("id") == "id"
        assert result != app.AsyncResult("other")
        assert result != 5
        assert hash(result) == hash("id")
        assert (str(result), repr(result), result.task_id) == ("id", "<AsyncResult: id>", "id")

    def test_id_is_needed(self, app: Celery) -> None:
        with pytest.raises(ValueError, match="requires valid id"):
            app.AsyncResult(None)

    def test_parents_are_part_of_the_tuple(self, app: Celery) -> None:
        result = app.AsyncResult("c", parent=app.AsyncResult("b", parent=app.GroupResult("a", [])))
        assert result.as_tuple() == (("c", (("b", (("a", None), [])), None)), None)
        assert result.as_list() == ["c", "b", "a"]

    def test_pickle_and_copy(self, app: Celery) -> None:
        result = app.AsyncResult("id", parent=app.AsyncResult("before"))
        for twin in (pickle.loads(pickle.dumps(result)), copy.copy(result)):
            assert twin == result
            assert twin.parent == "before"
            assert twin.app is app

    def test_of_the_current_app(self, app: Celery) -> None:
        assert AsyncResult("id").app is app


class TestGet:
    def test_value(self, app: Celery, backend: DictBackend) -> None:
        backend.mark_as_done("id", 5)
        calls: list[Any] = []
        result = app.AsyncResult("id")
        for _ in range(2):
            assert result.get(callback=lambda *args: calls.append(args)) == 5
        assert calls == [("id", 5)] * 2
        assert result.wait() == result.maybe_throw() == 5

    def test_read_once(self, app: Celery, backend: DictBackend) -> None:
        backend.mark_as_done("id", 5)
        backend.reads = 0
        result = app.AsyncResult("id")
        result.get()
        assert (result.state, result.get(), result.children, result.ready()) == (
            SUCCESS,
            5,
            None,
            True,
        )
        assert backend.reads == 1

    def test_failure(self, app: Celery, backend: DictBackend) -> None:
        backend.mark_as_failure("id", KeyError("k"), traceback="text")
        result = app.AsyncResult("id")
        for get in (result.get, result.maybe_throw, result.maybe_reraise):
            with pytest.raises(KeyError, match="k"):
                get()
            assert isinstance(get(propagate=False), KeyError)
        assert (result.failed(), result.successful(), result.ready()) == (True, False, True)

    def test_revoked(self, app: Celery, backend: DictBackend) -> None:
        backend.mark_as_revoked("id", "expired")
        with pytest.raises(TaskRevokedError, match="expired"):
            app.AsyncResult("id").get()

    def test_retry_is_waited_for(self, app: Celery, backend: DictBackend) -> None:
        backend.mark_as_retry("id", KeyError("k"))
        result = app.AsyncResult("id")
        with pytest.raises(TimeoutError):
            result.get(timeout=0)
        assert (result.state, result.ready()) == (RETRY, False)
        assert isinstance(result.maybe_throw(), KeyError)

    def test_ignored(self, app: Celery, backend: DictBackend) -> None:
        result = app.AsyncResult("id")
        result.ignored = True
        assert result.get() is None
        assert backend.reads == 0

    def test_remote_traceback(self, app: Celery, backend: DictBackend) -> None:
        app.conf.task_remote_tracebacks = True
        text = 'Traceback (most recent call last):\n  File "far.py", line 7, in away\n    x()\n'
        backend.mark_as_failure("id", KeyError("k"), traceback=text + "KeyError: 'k'")
        with pytest.raises(KeyError) as raised:
            app.AsyncResult("id").get()
        assert "far.py" in [str(entry.path) for entry in raised.traceback][-1]


class TestParents:
    def test_error_of_a_parent_comes_first(self, app: Celery, backend: DictBackend) -> None:
        backend.mark_as_failure("first", KeyError("first"))
        second = app.AsyncResult("second", parent=app.AsyncResult("first"))
        third = app.AsyncResult("third", parent=second)
        with pytest.raises(KeyError, match="first"):
            third.get(timeout=0)
        for options in ({"propagate": False}, {"follow_parents": False}):
            with pytest.raises(TimeoutError):
                third.get(timeout=0, **options)

    def test_it_is_noticed_while_waiting(self, app: Celery, backend: DictBackend) -> None:
        result = app.AsyncResult("second", parent=app.AsyncResult("first"))
        with pytest.raises(KeyError):
            result.get(on_interval=lambda: backend.mark_as_failure("first", KeyError("k")))

    def test_forget(self, app: Celery, backend: DictBackend) -> None:
        for task_id in ("first", "second"):
            backend.mark_as_done(task_id, 1)
        result = app.AsyncResult("second", parent=app.AsyncResult("first"))
        assert result.get() == 1
        result.forget()
        assert (result.state, result.parent.state) == (PENDING, PENDING)


class TestWithinATask:
    @pytest.fixture(autouse=True)
    def task(self, backend: DictBackend) -> Any:
        backend.mark_as_done("id", 5)
        _state._set_task_join_will_block(True)
        yield
        _state._set_task_join_will_block(False)

    def test_not_allowed(self, app: Celery) -> None:
        for get in (app.AsyncResult("id").get, app.ResultSet([app.AsyncResult("id")]).get):
            with pytest.raises(RuntimeError, match=r"Never call result\.get\(\) within a task"):
                get()

    def test_unless_one_says_so(self, app: Celery) -> None:
        assert app.AsyncResult("id").get(disable_sync_subtasks=False) == 5
        results = app.ResultSet([app.AsyncResult("id")])
        assert results.get(disable_sync_subtasks=False) == [5]
        with allow_join_result():
            assert app.AsyncResult("id").get() == 5
            with denied_join_result(), pytest.raises(RuntimeError):
                assert_will_not_block()
            assert_will_not_block()


class TestStored:
    def test_extended(self, app: Celery, backend: DictBackend) -> None:
        app.conf.result_extended = True
        request = Context(
            task="proj.add",
            args=[1],
            kwargs={"a": 2},
            hostname="w@h",
            retries=3,
            delivery_info={"routing_key": "q"},
        )
        backend.mark_as_done("id", 5, request=request)
        result = app.AsyncResult("id")
        assert (result.name, result.args, result.kwargs) == ("proj.add", [1], {"a": 2})
        assert (result.worker, result.retries, result.queue) == ("w@h", 3, "q")
        assert isinstance(result.date_done, datetime)
        assert result.date_done.utcoffset() is not None

    def test_not_extended(self, app: Celery, backend: DictBackend) -> None:
        result = app.AsyncResult("id", task_name="known.here")
        assert (result.name, result.args, result.queue, result.date_done) == (
            "known.here",
            None,
            None,
            None,
        )

    def test_exists(self, app: Celery, backend: DictBackend) -> None:
        assert not app.AsyncResult("id").exists()
        backend.mark_as_started("id")
        assert app.AsyncResult("id").exists()


class TestTree:
    @pytest.fixture
    def root(self, app: Celery, backend: DictBackend) -> AsyncResult[Any]:
        request = Context(id="root")
        request.children = [
            app.AsyncResult("a"),
            app.GroupResult("g", [app.AsyncResult("b"), app.AsyncResult("c")]),
        ]
        backend.mark_as_done("root", "root", request=request)
        return app.AsyncResult("root")

    def test_collect(self, app: Celery, backend: DictBackend, root: AsyncResult[Any]) -> None:
        for task_id in "abc":
            backend.mark_as_done(task_id, task_id)
        found = [(result.id, value) for result, value in root.collect()]
        assert found == [
            ("root", "root"),
            ("a", "a"),
            ("g", ["b", "c"]),
            ("b", "b"),
            ("c", "c"),
        ]
        assert root.get_leaf() == "c"
        assert [(parent and parent.id, node.id) for parent, node in root.iterdeps()][1:3] == [
            ("root", "a"),
            ("root", "g"),
        ]

    def test_incomplete(self, root: AsyncResult[Any]) -> None:
        with pytest.raises(IncompleteStream):
            list(root.iterdeps())
        assert [node.id for _, node in root.iterdeps(intermediate=True)] == ["root", "a", "g"]

    def test_graph(self, backend: DictBackend, root: AsyncResult[Any]) -> None:
        for task_id in "abc":
            backend.mark_as_done(task_id, task_id)
        assert "root" in str(root.graph)
        assert root.graph is root.graph


class TestThen:
    def test_called_once_it_is_known_to_be_ready(self, app: Celery, backend: DictBackend) -> None:
        result = app.AsyncResult("id")
        ready: list[Any] = []
        result.then(ready.append)
        backend.mark_as_done("id", 5)
        assert ready == []
        result.get()
        assert ready == [result]


def test_revoke(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[Any] = []

    class Control:
        def revoke(self, ids: Any, **options: Any) -> None:
            orders.append((ids, options))

        revoke_by_stamped_headers = revoke

    monkeypatch.setattr(type(app), "control", Control())
    options = {
        "connection": None,
        "terminate": True,
        "signal": "KILL",
        "reply": True,
        "timeout": 3,
    }
    app.AsyncResult("id").revoke(terminate=True, signal="KILL", wait=True, timeout=3)
    app.ResultSet([app.AsyncResult("a"), app.AsyncResult("b")]).revoke(
        terminate=True, signal="KILL", wait=True, timeout=3
    )
    app.AsyncResult("id").revoke_by_stamped_headers(
        {"s": "v"}, terminate=True, signal="KILL", wait=True, timeout=3
    )
    assert orders == [("id", options), (["a", "b"], options), ({"s": "v"}, options)]


def test_importing_results_imports_no_canvas() -> None:
    assert "celery.canvas" not in vars(sys.modules["celery.result.async_result"])
