"""Exceptions that pickle, data fit for JSON, base64."""

import json
import pickle
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from celery.utils.serialization import (
    UnpickleableExceptionWrapper,
    b64decode,
    b64encode,
    create_exception_cls,
    ensure_serializable,
    find_pickleable_exception,
    get_pickleable_etype,
    get_pickleable_exception,
    get_pickled_exception,
    itermro,
    jsonify,
    raise_with_context,
    strtobool,
    subclass_exception,
    unwanted_base_classes,
)


class Good(Exception): ...


class Fussy(Exception):
    """Cannot be made from its own arguments."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__("only one")


class HoldsFunction(KeyError):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.function = lambda: None


class Holds(Exception):
    def __init__(self, value: Any) -> None:
        super().__init__(value, lambda: None)


class TestExceptions:
    def test_one_that_pickles_is_itself(self) -> None:
        error = Good("x")
        assert get_pickleable_exception(error) is error
        assert get_pickled_exception(error) is error

    def test_the_nearest_base_that_pickles(self) -> None:
        found = get_pickleable_exception(HoldsFunction(1))
        assert (type(found), found.args) == (KeyError, (1,))
        assert type(find_pickleable_exception(Good("x"))) is Good
        assert find_pickleable_exception(Fussy(1, 2)) is None

    @pytest.mark.parametrize("error", [Fussy(1, 2), Holds(1)])
    def test_others_are_wrapped(self, error: Exception) -> None:
        wrapped = pickle.loads(pickle.dumps(get_pickleable_exception(error)))
        assert isinstance(wrapped, UnpickleableExceptionWrapper)
        assert str(wrapped).startswith(type(error).__name__)
        restored = get_pickled_exception(wrapped)
        assert (type(restored).__name__, type(restored).__module__) == (
            type(error).__name__,
            __name__,
        )
        assert restored.args[0] == error.args[0]
        assert UnpickleableExceptionWrapper.from_exception(wrapped) is wrapped

    def test_wrapper_without_text(self) -> None:
        assert str(UnpickleableExceptionWrapper("mod", "Cls", (1,))) == "Cls(1,)"

    def test_types(self) -> None:
        class Local(KeyError): ...

        assert get_pickleable_etype(Good) is Good
        assert get_pickleable_etype(Local) is KeyError
        assert get_pickleable_etype(type("Other", (Exception,), {})) is Exception
        assert list(itermro(KeyError, unwanted_base_classes)) == [KeyError, LookupError]

    def test_classes_made_up(self) -> None:
        made = create_exception_cls("Lost", "some.module")
        assert (made.__name__, made.__module__, made.__base__) == (
            *("Lost", "some.module", Exception),
        )
        assert subclass_exception("Lost", KeyError, "m").__base__ is KeyError

    def test_raise_with_context(self) -> None:
        with pytest.raises(ValueError) as alone:
            raise_with_context(ValueError("v"))
        assert alone.value.__cause__ is None
        cause = KeyError("k")
        with pytest.raises(ValueError) as handled:
            try:
                raise cause
            except KeyError:
                raise_with_context(ValueError("v"))
        assert handled.value.__cause__ is cause
        with pytest.raises(KeyError) as again:
            try:
                raise cause
            except KeyError as exc:
                raise_with_context(exc)
        assert again.value.__cause__ is None


class TestJsonify:
    def test_types(self) -> None:
        value = {
            "a": datetime(2020, 1, 1, 1, 2, 3, 456789),
            "b": datetime(2020, 1, 1, tzinfo=UTC),
            "c": datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=2))),
            "d": date(2020, 1, 1),
            "e": time(1, 2, 3, 4567),
            "f": timedelta(days=1, seconds=2),
            "g": (1, None, True, 1.5, "x", [{}]),
        }
        assert jsonify(value) == {
            "a": "2020-01-01T01:02:03.456",
            "b": "2020-01-01T00:00:00Z",
            "c": "2020-01-01T00:00:00+02:00",
            "d": "2020-01-01",
            "e": "01:02:03.004",
            "f": "1 day, 0:00:02",
            "g": [1, None, True, 1.5, "x", [{}]],
        }

    def test_others(self) -> None:
        with pytest.raises(ValueError, match=r"Decimal\('1'\) \(parent: b\)"):
            jsonify([{"a": {"b": Decimal(1)}}])
        assert jsonify({"a": {1}}, unknown_type_filter=repr) == {"a": "{1}"}
        assert jsonify(b"x", builtin_types=(bytes,)) == b"x"

    def test_keys_can_be_left_out(self) -> None:
        value = {"x": {"secret": 1, "b": [{"secret": 3, "c": 4}]}}
        assert jsonify(value, keyfilter=lambda key: key != "secret") == {"x": {"b": [{"c": 4}]}}


def test_ensure_serializable() -> None:
    assert ensure_serializable((1, "a", {1}), json.dumps) == (1, "a", "{1}")


def test_base64() -> None:
    assert b64encode("abc") == b64encode(b"abc") == "YWJj"
    assert b64decode("YWJj") == b64decode(b"YWJj") == b"abc"


def test_strtobool() -> None:
    words = ("true", "Yes", "1", "ON", "false", "no", "0", "off")
    assert [strtobool(word) for word in words] == [True] * 4 + [False] * 4
    assert strtobool(None) is None
    assert strtobool("yep", {"yep": True})
    with pytest.raises(TypeError, match="Cannot coerce 'maybe'"):
        strtobool("maybe")
