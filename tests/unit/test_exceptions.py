"""Exceptions say what they are, survive pickling, and cost nothing to import."""

import pickle
import subprocess
import sys
from datetime import datetime

import billiard.exceptions
import kombu.exceptions
import pytest

from celery import exceptions
from celery.exceptions import (
    BackendGetMetaError,
    BackendStoreError,
    CeleryCommandException,
    MaxRetriesExceededError,
    NotRegistered,
    OperationalError,
    Reject,
    Retry,
    SoftTimeLimitExceeded,
    reraise,
)


def test_import_is_light() -> None:
    code = (
        "import celery.exceptions, sys; "
        "print([m for m in ('kombu', 'billiard', 'click') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_all_names_resolve() -> None:
    for name in exceptions.__all__:
        assert getattr(exceptions, name) is not None
        assert name in dir(exceptions)
    with pytest.raises(AttributeError, match="NoSuchError"):
        _ = exceptions.NoSuchError


def test_classes_from_elsewhere_are_the_original_ones() -> None:
    assert OperationalError is kombu.exceptions.OperationalError
    assert SoftTimeLimitExceeded is billiard.exceptions.SoftTimeLimitExceeded


@pytest.mark.parametrize(
    ("name", "bases"),
    [
        ("Retry", ("TaskPredicate", "CeleryError")),
        ("NotRegistered", ("KeyError", "TaskError", "CeleryError")),
        ("QueueNotFound", ("KeyError", "TaskError")),
        ("TimeoutError", ("TaskError",)),
        ("BackendStoreError", ("BackendError",)),
        ("WorkerShutdown", ("SystemExit",)),
        ("SecurityWarning", ("CeleryWarning", "UserWarning")),
        ("CDeprecationWarning", ("DeprecationWarning",)),
        ("CeleryCommandException", ("ClickException",)),
    ],
)
def test_hierarchy(name: str, bases: tuple[str, ...]) -> None:
    mro = [cls.__name__ for cls in getattr(exceptions, name).__mro__]
    assert [base for base in mro if base in bases] == list(bases)


@pytest.mark.parametrize(
    ("retry", "text"),
    [
        (Retry("because"), "because"),
        (Retry(when=3), "Retry in 3s"),
        (Retry(when=datetime(2030, 1, 1)), "Retry at 2030-01-01 00:00:00"),
        (Retry(exc=ValueError("x"), when=3.5), "Retry in 3.5s: ValueError('x')"),
        (Retry(exc="as text", when=1), "Retry in 1s: as text"),
    ],
)
def test_retry_says_when_and_why(retry: Retry, text: str) -> None:
    assert str(retry) == text
    assert str(pickle.loads(pickle.dumps(retry))) == text


def test_retry_survives_an_exception_that_cannot_be_pickled() -> None:
    class Stubborn(Exception):
        def __init__(self, what: object) -> None:
            super().__init__(what, lambda: None)

    again = pickle.loads(pickle.dumps(Retry("m", Stubborn(1), 5)))
    assert (again.message, again.when) == ("m", 5)
    assert "Stubborn" in again.excs


def test_retry_survives_a_broken_repr() -> None:
    class Rude(Exception):
        def __repr__(self) -> str:
            raise ValueError

    assert "Rude" in str(Retry(exc=Rude(), when=1))


def test_reject() -> None:
    reject = pickle.loads(pickle.dumps(Reject("busy", requeue=True)))
    assert (reject.reason, reject.requeue) == ("busy", True)
    assert repr(reject) == "reject requeue=True: busy"
    assert Reject().requeue is False


def test_not_registered() -> None:
    assert repr(NotRegistered("a.b")) == (
        "Task of kind 'a.b' never registered, please make sure it's imported."
    )


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (BackendGetMetaError("m", task_id="t"), "BackendGetMetaError('m') task_id:t"),
        (
            BackendStoreError("m", task_id="t", state="S"),
            "BackendStoreError('m') state:S task_id:t",
        ),
        (MaxRetriesExceededError("m", task_args=(1,)), "MaxRetriesExceededError('m')"),
    ],
)
def test_context_survives_pickling(error: Exception, shown: str) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert repr(again) == repr(error) == shown
    assert vars(again) == vars(error)


def test_command_exception() -> None:
    error = CeleryCommandException("no", exit_code=69)
    assert (error.message, error.exit_code) == ("no", 69)
    assert CeleryCommandException.__module__ == "celery.exceptions"


def test_reraise_sets_the_traceback() -> None:
    try:
        raise KeyError("a")
    except KeyError as exc:
        error, tb = exc, exc.__traceback__
    assert tb is not None
    with pytest.raises(ValueError, match="b") as caught:
        reraise(ValueError, ValueError("b"), tb)
    assert caught.traceback[-1].lineno + 1 == tb.tb_lineno
    with pytest.raises(KeyError) as again:
        reraise(KeyError, error)
    assert again.value is error
