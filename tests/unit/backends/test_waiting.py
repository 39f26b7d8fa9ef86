"""Looking for results again and again."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.result_apps import DictBackend

from celery.app.base import Celery
from celery.backends._waiting import poll_pauses
from celery.exceptions import ImproperlyConfigured, TimeoutError
from celery.states import SUCCESS


class LateBackend(DictBackend):
    """The result of each task comes after the third pause."""

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) == 3:
            for task_id in ("a", "b"):
                self.store_result(task_id, task_id.upper(), SUCCESS)


def test_pauses_double_up_to_the_interval() -> None:
    pauses = poll_pauses(0.05, None)
    assert [next(pauses) for _ in range(6)] == [0.005, 0.01, 0.02, 0.04, 0.05, 0.05]


def test_no_time_no_pause() -> None:
    assert list(poll_pauses(0.5, 0)) == []


def test_even_an_interval_of_nothing_is_a_pause() -> None:
    pauses = poll_pauses(0, None)
    assert all(next(pauses) > 0 for _ in range(10))


def test_get_looks_until_it_is_there(app: Celery) -> None:
    backend = LateBackend(app)
    looks: list[int] = []
    value = app.AsyncResult("a").get(interval=0.01, on_interval=lambda: looks.append(backend.reads))
    assert value == "A"
    assert backend.pauses == [0.005, 0.01, 0.01]
    assert len(looks) == 3


def test_store_may_look_more_often_than_the_caller_wants(app: Celery) -> None:
    backend = LateBackend(app)
    backend.subpolling_interval = 0.006
    app.AsyncResult("a").get(interval=5)
    assert backend.pauses == [0.005, 0.006, 0.006]


def test_many_are_looked_for_together(app: Celery) -> None:
    class OneTrip(LateBackend):
        trips: list[int] = []

        def mget(self, keys: list[Any]) -> Any:
            self.trips.append(len(keys))
            return {key: self.values[key] for key in keys if key in self.values}

    backend = OneTrip(app)
    results = app.ResultSet([app.AsyncResult("a"), app.AsyncResult("b")])
    assert results.join_native() == ["A", "B"]
    assert backend.trips == [2, 2, 2, 2]


def test_max_iterations(app: Celery) -> None:
    backend = DictBackend(app)
    backend.store_result("a", 1, SUCCESS)
    found = dict(backend.get_many(["a", "pending"], max_iterations=1))
    assert list(found) == ["a"]
    assert backend.pauses == []


def test_in_vain(app: Celery) -> None:
    backend = DictBackend(app)
    with pytest.raises(TimeoutError, match="timed out"):
        backend.wait_for("id", timeout=0)
    with pytest.raises(TimeoutError, match="timed out"):
        list(backend.get_many(["id"], timeout=0))


def test_no_messages(app: Celery) -> None:
    DictBackend(app)
    with pytest.raises(ImproperlyConfigured, match="on_message"):
        app.AsyncResult("id").get(on_message=print)


def test_eager_results_are_nowhere(app: Celery) -> None:
    app.conf.task_always_eager = True
    backend = DictBackend(app)
    with pytest.warns(RuntimeWarning, match="task_store_eager_result"):
        backend.get_task_meta("id")
    app.conf.task_store_eager_result = True
    assert backend.get_state("id") == "PENDING"
