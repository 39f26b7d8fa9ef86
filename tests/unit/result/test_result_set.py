"""Many promises: sets, groups, results of eager tasks, and their tuples."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.result_apps import DictBackend, make_app

from celery.app.base import Celery
from celery.exceptions import ImproperlyConfigured, TaskRevokedError, TimeoutError
from celery.result import EagerResult, GroupResult, ResultSet, denied_join_result, result_from_tuple


@pytest.fixture
def backend(app: Celery) -> DictBackend:
    backend = DictBackend(app)
    for number, task_id in enumerate("abc"):
        backend.mark_as_done(task_id, number)
    backend.mark_as_failure("bad", KeyError("bad"))
    return backend


def set_of(app: Celery, ids: str) -> ResultSet:
    made: ResultSet = app.ResultSet([app.AsyncResult(task_id) for task_id in ids.split()])
    return made


class TestCollection:
    def test_adding_and_removing(self, app: Celery, backend: DictBackend) -> None:
        results = set_of(app, "a b")
        results.add(app.AsyncResult("b"))
        results.update([app.AsyncResult("b"), app.AsyncResult("c")])
        assert [result.id for result in results] == ["a", "b", "c"]
        assert (len(results), results[1]) == (3, "b")
        results.remove("a")
        results.discard("a")
        with pytest.raises(KeyError):
            results.remove(app.AsyncResult("a"))
        assert repr(results) == "<ResultSet: [b, c]>"
        assert results == set_of(app, "b c") == pickle.loads(pickle.dumps(results))
        results.clear()
        assert not results

    def test_of_the_current_app(self, app: Celery, backend: DictBackend) -> None:
        assert ResultSet([]).app is app
        assert ResultSet([]).get() == []
        assert ResultSet([]).ready()


class TestState:
    def test_all_returned(self, app: Celery, backend: DictBackend) -> None:
        results = set_of(app, "a b c")
        assert (results.ready(), results.successful()) == (True, True)
        assert (results.failed(), results.waiting(), results.completed_count()) == (False, False, 3)

    def test_one_failed(self, app: Celery, backend: DictBackend) -> None:
        results = set_of(app, "a bad")
        assert (results.ready(), results.successful(), results.failed()) == (True, False, True)
        assert results.completed_count() == 1
        assert list(results._failed_join_report()) == ["bad"]
        with pytest.raises(KeyError):
            results.maybe_throw()

    def test_one_pending(self, app: Celery, backend: DictBackend) -> None:
        results = set_of(app, "a pending")
        assert (results.ready(), results.waiting(), results.successful()) == (False, True, False)

    def test_forget(self, app: Celery, backend: DictBackend) -> None:
        results = set_of(app, "a b")
        results.forget()
        assert not backend.task_result_exists("a")
        assert backend.task_result_exists("c")


@pytest.mark.parametrize("join", ["get", "join", "join_native"])
class TestJoin:
    def test_order(self, app: Celery, backend: DictBackend, join: str) -> None:
        assert getattr(set_of(app, "c a b"), join)() == [2, 0, 1]

    def test_same_twice(self, app: Celery, backend: DictBackend, join: str) -> None:
        assert getattr(set_of(app, "a b a"), join)() == [0, 1, 0]

    def test_callback(self, app: Celery, backend: DictBackend, join: str) -> None:
        calls: dict[str, Any] = {}
        assert not getattr(set_of(app, "c a"), join)(callback=calls.__setitem__)
        assert calls == {"c": 2, "a": 0}

    def test_failure(self, app: Celery, backend: DictBackend, join: str) -> None:
        with pytest.raises(KeyError, match="bad"):
            getattr(set_of(app, "a bad"), join)()
        value, error = getattr(set_of(app, "a bad"), join)(propagate=False)
        assert (value, type(error)) == (0, KeyError)

    def test_in_vain(self, app: Celery, backend: DictBackend, join: str) -> None:
        with pytest.raises(TimeoutError):
            getattr(set_of(app, "a pending"), join)(timeout=0)

    def test_groups_inside(self, app: Celery, backend: DictBackend, join: str) -> None:
        inner = app.GroupResult("g", [app.AsyncResult("b"), app.AsyncResult("c")])
        results = app.ResultSet([app.AsyncResult("a"), inner])
        assert getattr(results, join)() == [0, [1, 2]]

    def test_failure_in_a_group_inside(self, app: Celery, backend: DictBackend, join: str) -> None:
        inner = app.GroupResult("g", [app.AsyncResult("bad")])
        with pytest.raises(KeyError):
            getattr(app.ResultSet([inner]), join)()
        [[error]] = getattr(app.ResultSet([inner]), join)(propagate=False)
        assert isinstance(error, KeyError)


def test_join_one_by_one_has_no_messages(app: Celery, backend: DictBackend) -> None:
    with pytest.raises(ImproperlyConfigured, match="on_message"):
        set_of(app, "a").join(on_message=print)


def test_joined_results_are_known(app: Celery, backend: DictBackend) -> None:
    results = set_of(app, "a b")
    done: list[Any] = []
    results.then(done.append)
    results.join_native()
    backend.reads = 0
    assert [result.result for result in results] == [0, 1]
    assert backend.reads == 0
    assert done == [results]


class TestGroup:
    def test_identity(self, app: Celery, backend: DictBackend) -> None:
        members = [app.AsyncResult("a")]
        group = app.GroupResult("g", members, parent=app.AsyncResult("before"))
        assert (str(group), repr(group), group.children) == ("g", "<GroupResult: g [a]>", members)
        assert group == "g"
        assert group == app.GroupResult("g", members, parent=app.AsyncResult("before"))
        assert group != app.GroupResult("g", members)
        assert group != app.GroupResult("g", [], parent=app.AsyncResult("before"))
        assert hash(group) == hash("g")
        assert group.as_tuple() == (("g", (("before", None), None)), [(("a", None), None)])
        assert pickle.loads(pickle.dumps(group)) == group

    def test_truth(self, app: Celery) -> None:
        assert not app.GroupResult()
        assert app.GroupResult("g", [])
        assert app.GroupResult(None, [app.AsyncResult("a")])

    def test_save_and_restore(self, app: Celery, backend: DictBackend) -> None:
        group = app.GroupResult("g", [app.AsyncResult("a")]).save()
        assert app.GroupResult.restore("g") == group
        assert GroupResult.restore("g", app=app).get() == [0]  # type: ignore[union-attr]
        other = DictBackend(make_app())
        assert GroupResult.restore("g", backend=other, app=app) is None
        group.delete()
        assert app.GroupResult.restore("g") is None


class TestEager:
    def test_returned(self) -> None:
        result: EagerResult[int] = EagerResult("id", 5, "SUCCESS", name="proj.add")
        assert (result.get(timeout=1), result.wait(), result.result, result.info) == (5, 5, 5, 5)
        assert (result.ready(), result.successful(), result.state) == (True, True, "SUCCESS")
        assert (result.name, result.children, result.traceback) == ("proj.add", None, None)
        assert list(result.collect()) == [(result, 5)]
        assert result.exists()
        result.forget()
        done: list[Any] = []
        result.then(done.append)
        assert done == [result]
        assert pickle.loads(pickle.dumps(result)).get() == 5

    @pytest.mark.parametrize("state", ["FAILURE", "REVOKED"])
    def test_failed(self, state: str) -> None:
        result: EagerResult[Any] = EagerResult("id", KeyError("k"), state, traceback="text")
        for get in (result.get, result.maybe_throw):
            with pytest.raises(KeyError):
                get()
            assert isinstance(get(propagate=False), KeyError)
        assert result.traceback == "text"

    def test_retried(self) -> None:
        result: EagerResult[Any] = EagerResult("id", KeyError("k"), "RETRY")
        assert (result.get(), result.ready()) == (None, True)

    def test_error_that_is_no_exception(self) -> None:
        with pytest.raises(Exception, match="text"):
            EagerResult("id", "text", "FAILURE").get()

    def test_revoke(self) -> None:
        result: EagerResult[int] = EagerResult("id", 5, "SUCCESS")
        result.revoke()
        assert result.state == "REVOKED"
        with pytest.raises(TaskRevokedError):
            result.get()

    def test_waiting_may_be_denied(self) -> None:
        with denied_join_result():
            result: EagerResult[int] = EagerResult("id", 5, "SUCCESS")
            with pytest.raises(RuntimeError):
                result.get()
            assert result.get(disable_sync_subtasks=False) == 5

    def test_in_a_set(self, app: Celery, backend: DictBackend) -> None:
        results = app.ResultSet([EagerResult("x", 1, "SUCCESS"), EagerResult("y", 2, "SUCCESS")])
        assert not results.supports_native_join
        assert results.get() == [1, 2]


class TestTuples:
    def test_forms(self, app: Celery) -> None:
        assert result_from_tuple(["a", None], app) == "a"
        assert result_from_tuple([["a", None], None]) == "a"
        assert result_from_tuple([["a", [["b", None], None]], None], app).parent == "b"
        group = result_from_tuple([["g", None], [[["a", None], None], ["b", None]]], app)
        assert [member.id for member in group] == ["a", "b"]
        assert result_from_tuple([["g", None], []], app).as_tuple() == (("g", None), [])
        promise = app.AsyncResult("a")
        assert result_from_tuple(promise) is promise

    @pytest.mark.parametrize("broken", ["abc", ("a",), None, 5])
    def test_broken(self, app: Celery, broken: Any) -> None:
        with pytest.raises((ValueError, TypeError)):
            result_from_tuple(broken, app)


APP = make_app()
IDS = st.text(min_size=1, max_size=4)
TREES = st.recursive(
    st.builds(lambda task_id: ((task_id, None), None), IDS),
    lambda trees: st.one_of(
        st.builds(lambda task_id, parent: ((task_id, parent), None), IDS, trees),
        st.builds(
            lambda group_id, parent, members: ((group_id, parent), members),
            IDS,
            st.none() | trees,
            st.lists(trees, max_size=3),
        ),
    ),
    max_leaves=8,
)


@given(TREES)
def test_trees_come_back(tree: Any) -> None:
    assert result_from_tuple(tree, APP).as_tuple() == tree
