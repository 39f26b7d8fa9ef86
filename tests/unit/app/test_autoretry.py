"""`autoretry_for` and what goes with it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.flows import flow_app, only, run, sent

from celery import Celery, Task
from celery.exceptions import Ignore, Reject


@pytest.fixture
def app() -> Celery:
    return flow_app()


def waits(app: Celery, task: Any, times: int) -> list[float]:
    """Seconds that each retry waits."""
    task.delay()
    seconds = []
    for _ in range(times):
        run(app, only(app))
        (again,) = messages = sent(app)
        eta = datetime.fromisoformat(again.headers["eta"])
        seconds.append(round((eta - datetime.now(UTC)).total_seconds()))
        task.apply_async(retries=again.headers["retries"])
        assert len(messages) == 1
    sent(app)
    return seconds


def test_backoff_grows_to_its_maximum(app: Celery) -> None:
    @app.task(
        name="backing_off",
        autoretry_for=(ZeroDivisionError,),
        retry_backoff=2,
        retry_backoff_max=10,
        retry_jitter=False,
        max_retries=9,
        shared=False,
    )
    def backing_off() -> None:
        _ = 1 / 0

    assert waits(app, backing_off, 4) == [2, 4, 8, 10]


def test_jitter_never_waits_longer(app: Celery) -> None:
    @app.task(
        name="jittering", autoretry_for=(KeyError,), retry_backoff=True, max_retries=9, shared=False
    )
    def jittering() -> None:
        raise KeyError

    jittering.delay()
    run(app, only(app))
    eta = only(app).headers["eta"]
    assert eta is None or (datetime.fromisoformat(eta) - datetime.now(UTC)).total_seconds() <= 1


def test_the_exception_comes_out_in_the_end(app: Celery) -> None:
    @app.task(name="limited", autoretry_for=(KeyError,), retry_kwargs={"max_retries": 1})
    def limited() -> None:
        raise KeyError("why")

    result = limited.apply()
    with pytest.raises(KeyError):
        result.get()


@pytest.mark.parametrize("exc", [LookupError, Ignore, Reject])
def test_what_is_not_retried(app: Celery, exc: type[Exception]) -> None:
    @app.task(
        name="spared",
        autoretry_for=(Exception,),
        dont_autoretry_for=(LookupError, Reject),
        shared=False,
    )
    def spared() -> None:
        raise exc

    spared.delay()
    run(app, only(app))
    assert sent(app) == []


def test_attributes_of_a_class_count_too(app: Celery) -> None:
    class Careful(Task):
        autoretry_for = (KeyError,)
        max_retries = 1
        default_retry_delay = 0

    @app.task(name="careful", base=Careful, bind=True, shared=False)
    def careful(self: Any) -> str:
        if not self.request.retries:
            raise KeyError
        return "second"

    class Other(Careful):
        name = "other"

        def run(self) -> str:
            if not self.request.retries:
                raise KeyError
            return "second"

    assert careful.apply().get() == "second"
    assert app.register_task(Other()).apply().get() == "second"
