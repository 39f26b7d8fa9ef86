"""Stores of keys and values: keys, cache, groups; and what third parties override."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from tests.support.result_apps import DictBackend

from celery.app.base import Celery
from celery.backends.base import (
    BaseDictBackend,
    DisabledBackend,
    KeyValueStoreBackend,
    get_current_task,
)
from celery.states import PENDING, STARTED, SUCCESS


def test_keys(app: Celery) -> None:
    backend = DictBackend(app)
    assert backend.get_key_for_task("x") == b"celery-task-meta-x"
    assert backend.get_key_for_group("x", ".j") == b"celery-taskset-meta-x.j"
    assert backend.get_key_for_chord(b"x") == b"chord-unlock-x"
    assert backend._strip_prefix(b"celery-task-meta-x") == "x"
    for key_for in (backend.get_key_for_task, backend.get_key_for_group, backend.get_key_for_chord):
        with pytest.raises(ValueError, match="must not be empty"):
            key_for("")


@pytest.mark.parametrize(
    ("given", "used"), [("pre", b"pre_"), ("pre:", b"pre:"), ("pre-", b"pre-"), ("pre.", b"pre.")]
)
def test_global_keyprefix(app: Celery, given: str, used: bytes) -> None:
    app.conf.result_backend_transport_options = {"global_keyprefix": given}
    backend = DictBackend(app)
    assert backend.get_key_for_task("x") == used + b"celery-task-meta-x"
    assert backend._strip_prefix(used + b"celery-task-meta-x") == "x"


def test_text_keys(app: Celery) -> None:
    class TextKeys(DictBackend):
        key_t = str

    assert TextKeys(app).get_key_for_task("x") == "celery-task-meta-x"


def test_ended_tasks_are_read_once(app: Celery) -> None:
    app.conf.result_cache_max = 2
    backend = DictBackend(app)
    for task_id, state in [("a", SUCCESS), ("b", STARTED)]:
        backend.store_result(task_id, 1, state)
    backend.reads = 0
    for _ in range(3):
        backend.get_task_meta("a")
        backend.get_task_meta("b")
    assert backend.reads == 1 + 3
    assert backend.is_cached("a")
    assert not backend.is_cached("b")
    backend.forget("a")
    assert backend.get_state("a") == PENDING


def test_nothing_is_kept_by_default(app: Celery) -> None:
    backend = DictBackend(app)
    backend.store_result("a", 1, SUCCESS)
    backend.reload_task_result("a")
    assert not backend.is_cached("a")


def test_ignored_results_are_not_stored(app: Celery) -> None:
    class Request:
        ignore_result = True
        chord = None

    backend = DictBackend(app)
    backend.mark_as_done("a", 1, request=Request())
    backend.mark_as_done("b", 1, store_result=False)
    assert backend.writes == []


@pytest.mark.parametrize(("value", "expires"), [(None, 86400.0), (0, 0), (10, 10)])
def test_expires(app: Celery, value: Any, expires: float) -> None:
    assert DictBackend(app, expires=value).expires == expires


def test_chord_expires(app: Celery) -> None:
    app.conf.result_expires = 7
    assert DictBackend(app).chord_expires == 7
    app.conf.result_chord_expires = 3
    assert DictBackend(app).chord_expires == 3


def test_pickle_belongs_to_the_current_app(app: Celery) -> None:
    backend = pickle.loads(pickle.dumps(DisabledBackend(app)))
    assert isinstance(backend, DisabledBackend)
    assert backend.app is app


def test_password_is_hidden(app: Celery) -> None:
    backend = KeyValueStoreBackend(app, url="store://user:secret@host/0")
    assert backend.as_uri() == "store://user:**@host/0"
    assert backend.as_uri(include_password=True) == "store://user:secret@host/0"


class TestDisabled:
    def test_writing_is_nothing(self, app: Celery) -> None:
        backend = app.backend = DisabledBackend(app)
        backend.mark_as_done("id", 1)
        backend.mark_as_failure("id", ValueError("x"))
        assert backend.as_uri() == "disabled://"

    @pytest.mark.parametrize("read", ["state", "result", "traceback", "get", "ready"])
    def test_reading_says_why_there_is_nothing(self, app: Celery, read: str) -> None:
        app.backend = DisabledBackend(app)
        with pytest.raises(NotImplementedError, match="No result backend is configured"):
            value = getattr(app.AsyncResult("id"), read)
            value()

    def test_no_chords(self, app: Celery) -> None:
        with pytest.raises(NotImplementedError, match="chords"):
            DisabledBackend(app).apply_chord(("g", []), None)


class RowsBackend(BaseDictBackend):
    """As django-celery-results has it: overrides the steps, uses the coding."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows: dict[str, dict[str, Any]] = {}

    def _store_result(  # type: ignore[override]  # an argument of its own, as there
        self,
        task_id: str,
        result: Any,
        status: str,
        traceback: Any = None,
        request: Any = None,
        using: Any = None,
    ) -> Any:
        content_type, encoding, payload = self._encode(result)
        _, _, meta = self._encode({"children": self.current_task_children(request)})
        self.rows[task_id] = {
            "status": status,
            "result": (content_type, encoding, payload),
            "traceback": traceback,
            "meta": meta,
        }
        return result

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        row = self.rows.get(task_id)
        if row is None:
            return {"status": PENDING, "result": None}
        meta = {**row, "task_id": task_id, "result": self.decode(row["result"][2])}
        meta.update(self.decode(meta.pop("meta")))
        return self.meta_from_decoded(meta)

    def _forget(self, task_id: str) -> None:
        self.rows.pop(task_id, None)


def test_third_party_store(app: Celery) -> None:
    backend = app.backend = RowsBackend(app)
    backend.mark_as_failure("id", KeyError("k"), traceback="tb")
    result = app.AsyncResult("id")
    with pytest.raises(KeyError):
        result.get(timeout=1)
    assert result.traceback == "tb"
    result.forget()
    assert result.state == PENDING
    assert get_current_task() is None
