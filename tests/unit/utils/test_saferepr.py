"""Reprs of arguments: what travels in message headers, as Celery 5.7 writes it."""

import collections
import decimal
from collections import deque
from typing import Any

import pytest

from celery.utils.saferepr import reprstream, saferepr


class TestAsInPython:
    @pytest.mark.parametrize(
        "value",
        [
            (2, 3),
            {},
            (),
            (1,),
            {"a": 1, "b": [1, 2.5, None, True]},
            [[], (), {}, set(), frozenset(), ""],
            ("x" * 100,),
            {1: 1, "a": 2, None: 3, (1, 2): [4]},
            [{1}, frozenset({3})],
            [decimal.Decimal("1.1"), 1j, range(3), int, len],
        ],
    )
    def test_common_arguments(self, value: Any) -> None:
        assert saferepr(value, maxlen=1024) == repr(value)


class TestItsOwnWay:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("it's", "'it\\'s'"),
            ('say "x"', "'say \"x\"'"),
            ("a\nb\\c", "'a\nb\\c'"),
            (b"abc", "b'abc'"),
            (b"caf\xc3\xa9", "b'caf\xe9'"),
            (b"\xff\xfe\x00", "b'fffe00'"),
            ({"k": "it's"}, "{'k': 'it\\'s'}"),
            (collections.OrderedDict(a=1), "{'a': 1}"),
            (collections.namedtuple("NT", "a b")(1, 2), "(1, 2)"),
            (collections.deque([1]), "deque([1])"),
            ([type("MySet", (set,), {})([1])], "[MySet({1})]"),
        ],
    )
    def test_text(self, value: Any, expected: str) -> None:
        assert saferepr(value) == expected

    def test_subclasses_look_like_what_they_extend(self) -> None:
        class Loud(list[int]):
            def __repr__(self) -> str:
                return "LOUD"

        assert saferepr([Loud([1])]) == "[[1]]"

    def test_objects_say_it_themselves(self) -> None:
        class Quotes:
            def __repr__(self) -> str:
                return 'it\'s "q"'

        assert saferepr([Quotes()]) == '[it\'s "q"]'

    def test_an_object_that_cannot(self) -> None:
        class Broken:
            def __repr__(self) -> str:
                raise ValueError("boom")

        text = saferepr([Broken()])
        assert text.startswith("[<Unrepresentable <class ")
        assert "ValueError('boom')" in text

    def test_an_int_with_too_many_digits(self) -> None:
        assert saferepr((10**5000,)).startswith("(<Unrepresentable <class 'int'>")


class TestDepth:
    @pytest.mark.parametrize(
        ("levels", "expected"),
        [
            (1, "[[...], {...}]"),
            (2, "[[[...]], {'a': (...,)}]"),
            (3, "[[[1]], {'a': (1,)}]"),
            (0, "[[[1]], {'a': (1,)}]"),
        ],
    )
    def test_levels(self, levels: int, expected: str) -> None:
        assert saferepr([[[1]], {"a": (1,)}], maxlevels=levels) == expected

    def test_nesting_costs_no_recursion(self) -> None:
        value: list[Any] = []
        for _ in range(3000):
            value = [value]
        assert saferepr(value, maxlevels=0) == "[" * 3001 + "]" * 3001

    def test_a_list_in_itself(self) -> None:
        value: list[Any] = [1]
        value.append(value)
        assert saferepr(value) == f"[1, <Recursion on list with id={id(value)}>]"

    def test_the_same_list_twice_is_no_recursion(self) -> None:
        shared = [1]
        assert saferepr([shared, [shared], "it's"]) == "[[1], [[1]], 'it\\'s']"


class TestLength:
    @pytest.mark.parametrize(
        ("value", "maxlen", "expected"),
        [
            ("x" * 50, 10, "'xxxxxxxxxx...'"),
            (["aa " + "b" * 30, 1, 2, 3, 4, 5], 20, "['aa...', 1, 2, 3, 4..., ...]"),
            ({"b": 2, "a": {"c": [1, 2]}}, 10, "{'b': 2, 'a...', ...}"),
            ({2: 1, 1: 2}, 10, "{2: 1, 1: , ...}"),
            (("a", "x" * 99, "b"), 10, "('a', 'xxxx...', ...)"),
            ([[[1, 2, [3]]], 1], 10, "[[[1, 2, [...]]], ...]"),
            ([b"\xff\xff", 1, 2, 3, 4], 14, "[b'ffff', 1, 2..., ...]"),
            ({(1, 2, 3, "a b"): 1}, 8, "{(1, 2, , ...), ...}"),
            ([set(), 1], 4, "[set..., ...]"),
            ([1, 2, 3], 1, "[, ...]"),
            ([1, 2, 3], 0, ", ..."),
            ("it's it's", 4, "'it\\'s...'"),
            (True, 2, "Tr..."),
        ],
    )
    def test_cut(self, value: Any, maxlen: int, expected: str) -> None:
        assert saferepr(value, maxlen=maxlen) == expected

    def test_the_limit_of_headers(self) -> None:
        assert saferepr((list(range(1000)),), maxlen=1024).endswith(" 225, 22..., ...],)")
        assert len(saferepr(("x" * 5000,), maxlen=1024)) == 1031

    def test_no_more_is_looked_at_than_is_written(self) -> None:
        looked_at = []

        class Item:
            def __init__(self, number: int) -> None:
                self.number = number

            def __repr__(self) -> str:
                looked_at.append(self.number)
                return "item"

        saferepr([Item(number) for number in range(1000)], maxlen=30)
        assert len(looked_at) < 10


def test_tokens_of_several_values() -> None:
    tokens = list(reprstream(deque([iter([1, "a"])])))
    assert tokens[0] == "1"
    assert len(tokens) == 2
