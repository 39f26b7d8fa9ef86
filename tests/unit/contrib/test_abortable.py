from typing import Any

import pytest

from celery import Celery, states
from celery.contrib.abortable import ABORTED, AbortableAsyncResult, AbortableTask


@pytest.fixture
def app() -> Celery:
    return Celery("abortable", broker="memory://", backend="cache+memory://", set_as_current=False)


def test_task_stops_when_asked(app: Celery) -> None:
    done: list[int] = []

    @app.task(bind=True, base=AbortableTask)
    def crunch(self: Any, numbers: list[int]) -> list[int]:
        for number in numbers:
            if self.is_aborted():
                break
            done.append(number)
            if number == 2:
                self.AsyncResult(self.request.id).abort()
        return done

    assert crunch.apply(args=([1, 2, 3, 4],)).get() == [1, 2]


def test_asked_from_outside(app: Celery) -> None:
    @app.task(base=AbortableTask)
    def crunch() -> None: ...

    result = crunch.delay()
    assert isinstance(result, AbortableAsyncResult)
    assert not result.is_aborted()
    result.abort()
    assert result.is_aborted()
    assert result.state == ABORTED == "ABORTED"
    assert not result.ready()
    assert AbortableAsyncResult(result.id, app=app).is_aborted()
    assert crunch.is_aborted(task_id=result.id)


def test_too_late(app: Celery) -> None:
    app.backend.store_result("done", 3, states.SUCCESS)
    result = AbortableAsyncResult("done", app=app)
    result.abort()
    assert not result.is_aborted()
    assert result.get(timeout=1) == 3


def test_outside_of_a_task(app: Celery) -> None:
    @app.task(base=AbortableTask)
    def crunch() -> None: ...

    with pytest.raises(ValueError, match="task_id"):
        crunch.is_aborted()
