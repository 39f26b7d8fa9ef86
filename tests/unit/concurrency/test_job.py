"""A job ends once, and its handle tells how."""

from __future__ import annotations

from typing import Any

import pytest
from billiard.exceptions import TimeLimitExceeded

from celery.concurrency._job import Job, exception_info


class Log(list[Any]):
    def options(self) -> dict[str, Any]:
        return {
            "accept_callback": lambda *args: self.append(("accept", *args)),
            "callback": lambda value: self.append(("value", value)),
            "error_callback": lambda info: self.append(("error", info.exception)),
            "timeout_callback": lambda soft, timeout: self.append(("timeout", soft, timeout)),
        }


def test_first_outcome_counts() -> None:
    log = Log()
    job = Job(0, timeout=9, **log.options())
    assert not job.accepted()
    job.on_accepted(17, 1.5)
    job.on_success("value")
    job.on_success("again")
    job.on_error(exception_info(ValueError()))
    job.on_hard_timeout()
    job.on_soft_timeout()
    job.on_accepted(18, 2.5)
    assert log == [("accept", 17, 1.5), ("value", "value")]
    assert job.worker_pids() == [17]
    assert (job.ready(), job.successful(), job.get()) == (True, True, "value")


def test_hard_timeout_ends_it() -> None:
    log = Log()
    job = Job(0, soft_timeout=1, timeout=2, **log.options())
    job.on_soft_timeout()
    job.on_hard_timeout()
    job.on_success("late")
    assert log == [("timeout", True, 1), ("timeout", False, 2)]
    with pytest.raises(TimeLimitExceeded):
        job.get()


def test_discarded_job_calls_nobody() -> None:
    log = Log()
    job = Job(0, **log.options())
    job.discard()
    job.on_accepted(1, 1.0)
    job.on_success(1)
    assert log == []


def test_error_is_raised_by_get() -> None:
    job = Job(0)
    with pytest.raises(TimeoutError, match="has not ended"):
        job.get(timeout=0)
    with pytest.raises(ValueError, match="has not ended"):
        job.successful()
    job.on_error(exception_info(KeyError("k")))
    assert not job.successful()
    with pytest.raises(KeyError, match="k"):
        job.get()


def test_failing_callback_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def bad(value: object) -> None:
        raise RuntimeError("bad callback")

    Job(0, callback=bad).on_success(1)
    assert "Pool callback raised exception" in caplog.text
    with pytest.raises(RuntimeError, match="bad callback"):
        Job(0, callback=bad, propagate=(RuntimeError,)).on_success(1)


def test_exception_info_has_the_exception_and_a_traceback() -> None:
    error = ValueError("never raised")
    info = exception_info(error)
    assert info.exception is error
    assert "ValueError: never raised" in info.traceback
