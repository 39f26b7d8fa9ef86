"""Exceptions as plain data and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from celery.backends._exceptions import exception_from_stored, exception_to_stored
from celery.exceptions import SecurityError


class TwoArguments(Exception):
    def __init__(self, a: Any, b: Any) -> None:
        super().__init__(a, b)


class Outer:
    class Nested(Exception):
        pass


def stored(exc: BaseException) -> Any:
    return exception_to_stored(exc, "json", json.dumps)


def test_fields_are_class_arguments_and_module() -> None:
    assert stored(ValueError("bad", 3)) == {
        "exc_type": "ValueError",
        "exc_message": ("bad", 3),
        "exc_module": "builtins",
    }


@pytest.mark.parametrize(
    "exc", [KeyError("a", {"x": 1}), Outer.Nested("n"), TwoArguments(1, 2), SystemExit(3)]
)
def test_round_trip(exc: BaseException) -> None:
    back = exception_from_stored(json.loads(json.dumps(stored(exc))))
    assert type(back) is type(exc)
    assert back is not None
    assert back.args == exc.args


def test_argument_the_serializer_refuses_is_shown() -> None:
    assert stored(ValueError(ValueError("inner"), 1))["exc_message"] == ("ValueError('inner')", 1)


def test_pickle_carries_the_object() -> None:
    exc = ValueError("x")
    assert exception_to_stored(exc, "pickle", json.dumps) is exc


@pytest.mark.parametrize(
    ("exc_type", "exc_module", "made_module"),
    [
        ("Foo", "not.loaded.here", "celery.exceptions"),
        ("NoSuchName", "os", "celery.exceptions"),
        ("function.<locals>.Local", __name__, "celery.exceptions"),
        ("Foo", None, "celery.backends.base"),
    ],
)
def test_unknown_class_is_made_up(exc_type: str, exc_module: str | None, made_module: str) -> None:
    back = exception_from_stored(
        {"exc_type": exc_type, "exc_message": ["m"], "exc_module": exc_module}
    )
    assert back is not None
    assert (type(back).__name__, type(back).__module__) == (exc_type, made_module)
    assert back.args == ("m",)


@pytest.mark.parametrize(
    ("exc_type", "exc_module"),
    [("system", "os"), ("int", "builtins"), ("path.join", "os"), ("Outer", __name__)],
)
def test_only_exceptions_are_called(exc_type: str, exc_module: str) -> None:
    with pytest.raises(SecurityError, match="Expected an exception class"):
        exception_from_stored(
            {"exc_type": exc_type, "exc_message": ["x"], "exc_module": exc_module}
        )


def test_arguments_the_constructor_refuses_are_shown() -> None:
    back = exception_from_stored(
        {"exc_type": "TwoArguments", "exc_message": ["x"], "exc_module": __name__}
    )
    assert type(back) is Exception
    assert "TwoArguments" in str(back)
    assert "['x']" in str(back)


@pytest.mark.parametrize("message", ["text", None, {"a": 1}])
def test_message_that_is_no_list_is_the_one_argument(message: Any) -> None:
    fields = {"exc_type": "ValueError", "exc_message": message, "exc_module": "builtins"}
    back = exception_from_stored(fields)
    assert back is not None
    assert back.args == (message,)


@pytest.mark.parametrize("nothing", [None, {}])
def test_nothing(nothing: Any) -> None:
    assert exception_from_stored(nothing) is None


@pytest.mark.parametrize("broken", ["text", {"exc_message": ["x"]}, {"exc_type": 7}, 5])
def test_what_describes_nothing_is_an_error(broken: Any) -> None:
    with pytest.raises(ValueError, match="xception"):
        exception_from_stored(broken)
