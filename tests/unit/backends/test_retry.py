"""Errors of the store that pass, and those that do not."""

from __future__ import annotations

import logging

import pytest
from tests.support.result_apps import DictBackend

from celery.app.base import Celery
from celery.backends._retry import RetryPolicy
from celery.exceptions import BackendGetMetaError, BackendStoreError

DOWN = OSError("down")


def test_not_repeated_unless_asked(app: Celery) -> None:
    backend = DictBackend(app, failures=[DOWN])
    with pytest.raises(OSError, match="down"):
        backend.mark_as_done("id", 1)
    assert backend.pauses == []


def test_repeated_until_it_works(app: Celery, caplog: pytest.LogCaptureFixture) -> None:
    app.conf.result_backend_always_retry = True
    backend = DictBackend(app, failures=[DOWN] * 5)
    with caplog.at_level(logging.WARNING, "celery.backends.base"):
        backend.mark_as_done("id", 1)
    assert backend.get_result("id") == 1
    assert len(backend.pauses) == 5
    assert "Failed operation _store_result. Retrying inf more times." in caplog.messages


def test_errors_that_do_not_pass_are_not_repeated(app: Celery) -> None:
    app.conf.result_backend_always_retry = True
    backend = DictBackend(app, failures=[ValueError("broken")])
    with pytest.raises(ValueError, match="broken"):
        backend.get_task_meta("id")


def test_giving_up(app: Celery) -> None:
    app.conf.update(result_backend_always_retry=True, result_backend_max_retries=2)
    backend = DictBackend(app, failures=[DOWN] * 3)
    with pytest.raises(BackendStoreError) as stored:
        backend.mark_as_done("id", 1)
    assert (stored.value.task_id, stored.value.state) == ("id", "SUCCESS")
    assert stored.value.__cause__ is DOWN
    backend.failures = [DOWN] * 3
    with pytest.raises(BackendGetMetaError) as read:
        backend.get_task_meta("id")
    assert read.value.task_id == "id"
    assert len(backend.pauses) == 4


def test_store_is_told_before_each_repetition(app: Celery) -> None:
    class Reconnecting(DictBackend):
        def on_backend_retryable_error(self, exc: Exception) -> None:
            told.append(exc)

    told: list[Exception] = []
    app.conf.result_backend_always_retry = True
    Reconnecting(app, failures=[DOWN, DOWN]).get_task_meta("id")
    assert told == [DOWN, DOWN]


def test_pauses_grow_up_to_a_bound() -> None:
    policy = RetryPolicy(always_retry=True, max_retries=9, base_sleep_ms=10, max_sleep_ms=100)
    for retries, longest in enumerate([0.010, 0.020, 0.040, 0.080, 0.100, 0.100]):
        assert all(0 <= policy.pause_s(retries) <= longest for _ in range(50))
