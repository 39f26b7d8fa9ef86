"""Objects, abstract classes, type hints, deprecation."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Optional, Union

import pytest

from celery.exceptions import CDeprecationWarning, CPendingDeprecationWarning
from celery.utils import deprecated
from celery.utils.abstract import CallableSignature, CallableTask
from celery.utils.annotations import (
    annotation_is_class,
    annotation_issubclass,
    get_optional_arg,
    is_none_type,
)
from celery.utils.objects import Bunch, FallbackContext, getitem_property, mro_lookup


class TestObjects:
    def test_bunch(self) -> None:
        assert Bunch(a=1).a == 1

    def test_mro_lookup(self) -> None:
        class Base:
            x = 1

            def method(self) -> None: ...

        class Child(Base):
            y = 2

        assert [mro_lookup(Child, name) for name in ("x", "y", "z")] == [Base, Child, None]
        assert mro_lookup(Child, "x", stop={Base}) is None
        assert mro_lookup(Child, "method", stop={Base}, monkey_patched=[__name__]) is None
        Base.method.__module__ = "somebody.else"
        assert mro_lookup(Child, "method", stop={Base}, monkey_patched=[__name__]) is Base

    def test_fallback_context(self) -> None:
        events = []

        @contextmanager
        def fallback(*args: int, **kwargs: int) -> Iterator[str]:
            events.append(("enter", args, kwargs))
            yield "made"
            events.append(("exit", args, kwargs))

        with FallbackContext("given", fallback) as value:
            assert value == "given"
        assert events == []
        with FallbackContext(None, fallback, 1, a=2) as value:
            assert value == "made"
        assert events == [("enter", (1,), {"a": 2}), ("exit", (1,), {"a": 2})]

    def test_getitem_property(self) -> None:
        class Message(dict[str, Any]):
            task = getitem_property("task", "Name of it.")
            user = getitem_property("properties.user")

        message = Message(properties={})
        assert message.task is message.user is None
        message.task, message.user = "add", "me"
        assert message == {"task": "add", "properties": {"user": "me"}}
        assert Message.task.__doc__ == "Name of it."
        with pytest.raises(KeyError):
            _ = Message().user


class TestAbstract:
    def test_by_methods(self) -> None:
        class Task:
            def __call__(self) -> None: ...
            def delay(self) -> None: ...
            def apply_async(self) -> None: ...
            def apply(self) -> None: ...

        assert isinstance(Task(), CallableTask)
        assert not isinstance(Task(), CallableSignature)
        assert not issubclass(int, CallableTask)

    def test_by_registration(self) -> None:
        class Other: ...

        CallableSignature.register(Other)
        assert isinstance(Other(), CallableSignature)


class TestAnnotations:
    @pytest.mark.parametrize(
        ("annotation", "expected"),
        [
            (Optional[int], int),  # noqa: UP045  # one of the forms
            (int | None, int),
            (None | int, int),
            (Union[int, str, None], None),  # noqa: UP007  # one of the forms
            (int, None),
        ],
    )
    def test_optional(self, annotation: Any, expected: Any) -> None:
        assert get_optional_arg(annotation) is expected

    def test_classes(self) -> None:
        assert is_none_type(type(None))
        assert not is_none_type(None)
        assert annotation_is_class(int)
        assert not annotation_is_class(list[int])
        assert annotation_issubclass(bool, int)
        assert not annotation_issubclass(list[int], list)
        assert not annotation_issubclass("int", int)


class TestDeprecated:
    def test_warn(self) -> None:
        with pytest.warns(CDeprecationWarning) as caught:
            deprecated.warn("It", removal="6.0", alternative="Use that.")
        (warning,) = caught
        assert str(warning.message) == (
            "It is deprecated and scheduled for removal in version 6.0. Use that."
        )
        with pytest.warns(CPendingDeprecationWarning, match=r"in version 5\.9 and removal"):
            deprecated.warn("It", deprecation="5.9", removal="6.0")

    def test_functions(self) -> None:
        @deprecated.Callable(removal="6.0")
        def old(value: int) -> int:
            """Old."""
            return value

        with pytest.warns(CDeprecationWarning, match=r"test_objects.*old is deprecated") as caught:
            assert old(3) == 3
        assert caught[0].filename == __file__
        assert old.__doc__ == "Old."

    def test_properties(self) -> None:
        class Thing:
            _value = 1

            @deprecated.Property(removal="6.0", description="Thing.value")
            def value(self) -> int:
                """Value."""
                return self._value

            @value.setter
            def value(self, value: int) -> None:
                self._value = value

            @value.deleter
            def value(self) -> None:
                self._value = 0

            @deprecated.Property(removal="6.0")
            def fixed(self) -> int:
                return 1

        thing = Thing()
        uses: list[Callable[[], Any]] = [
            lambda: thing.value,
            lambda: setattr(thing, "value", 3),
            lambda: delattr(thing, "value"),
            lambda: thing.fixed,
        ]
        for use in uses:
            with pytest.warns(CDeprecationWarning) as caught:
                use()
            assert caught[0].filename == __file__
        assert thing._value == 0
        with warnings.catch_warnings(), pytest.raises(AttributeError):
            thing.fixed = 3
        with pytest.raises(AttributeError):
            del thing.fixed
        assert Thing.value.__doc__ == "Value."
