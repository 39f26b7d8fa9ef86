"""Functions over sequences, functions and lazy values; what callables accept."""

import copy
import functools
import itertools
import json
import operator
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from celery.utils.functional import (
    arity_greater,
    chunks,
    evaluate_promises,
    first,
    firstmethod,
    fun_accepts_kwargs,
    fun_takes_argument,
    head_from_fun,
    is_numeric_value,
    lookahead,
    mattrgetter,
    maybe,
    mlazy,
    noop,
    padlist,
    pass1,
    regen,
    seq_concat_item,
    seq_concat_seq,
    uniq,
)


def sample(a: int, b: int, c: int = 1, *, d: int = 2) -> None: ...


def keyword_only(*, a: int) -> None: ...


def position_only(a: int, /, b: int) -> None: ...


def anything(*args: Any, **kwargs: Any) -> None: ...


class Callish:
    def __call__(self, x: int, y: int = 1) -> None: ...

    def method(self, x: int) -> None: ...


class TestHeadFromFun:
    @pytest.mark.parametrize(
        ("fun", "args", "kwargs"),
        [
            (sample, (1, 2), {}),
            (sample, (1,), {"b": 2, "d": 3}),
            (sample, (1, 2, 3), {}),
            (sample, (), {}),
            (sample, (1,), {}),
            (sample, (1, 2, 3, 4), {}),
            (sample, (1, 2), {"z": 1}),
            (sample, (1, 2), {"a": 1}),
            (keyword_only, (), {"a": 1}),
            (keyword_only, (), {}),
            (keyword_only, (1,), {}),
            (position_only, (1,), {"b": 1}),
            (position_only, (), {"a": 1, "b": 2}),
            (anything, (1, 2), {"x": 1}),
            (lambda a, b, c: None, (), {}),
            (lambda a, b, c: None, (1,), {}),
            (Callish(), (1,), {}),
            (functools.partial(sample, 1), (2,), {}),
        ],
    )
    def test_agrees_with_python(
        self, fun: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        head = head_from_fun(fun)
        try:
            fun(*args, **kwargs)
        except TypeError as exc:
            with pytest.raises(TypeError) as caught:
                head(*args, **kwargs)
            assert str(caught.value) == str(exc).replace("TestHeadFromFun.", "")
        else:
            assert head(*args, **kwargs) is None

    def test_methods_and_callables(self) -> None:
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
            head_from_fun(Callish().method)()
        with pytest.raises(TypeError, match=r"Callish\(\) missing 1"):
            head_from_fun(Callish())()

    def test_bound_leaves_the_first_out(self) -> None:
        head_from_fun(Callish.method, bound=True)(1)
        with pytest.raises(TypeError, match="'x'"):
            head_from_fun(Callish.method, bound=True)()

    def test_decorated_functions_are_taken_as_they_are(self) -> None:
        @functools.wraps(sample)
        def wrapper(*args: Any, **kwargs: Any) -> None: ...

        head_from_fun(wrapper)(1, 2, 3, 4, 5)

    def test_builtins(self) -> None:
        head_from_fun(dict)(a=1)
        with pytest.raises(TypeError, match=r"len\(\) missing"):
            head_from_fun(len)()

    def test_named_after_the_function(self) -> None:
        head = head_from_fun(sample)
        assert (head.__name__, head.__module__) == ("sample", __name__)


class TestSignatures:
    def test_fun_accepts_kwargs(self) -> None:
        assert fun_accepts_kwargs(anything)
        assert fun_accepts_kwargs(functools.partial(anything, 1))
        assert fun_accepts_kwargs(dict)
        assert not fun_accepts_kwargs(sample)

    def test_fun_takes_argument(self) -> None:
        assert fun_takes_argument("d", sample)
        assert not fun_takes_argument("x", sample)
        assert fun_takes_argument("x", sample, position=3)
        assert fun_takes_argument("x", anything)

    def test_arity_greater(self) -> None:
        assert arity_greater(sample, 2)
        assert not arity_greater(sample, 3)
        assert arity_greater(anything, 99)


class TestRegen:
    def numbers(self) -> Iterator[int]:
        self.taken = 0
        for number in range(3):
            self.taken += 1
            yield number

    def test_lists_and_tuples_are_themselves(self) -> None:
        parts = [1]
        assert regen(parts) is parts
        assert regen((1,)) == (1,)

    def test_read_again_and_again(self) -> None:
        again = regen(self.numbers())
        assert list(again) == list(again) == [0, 1, 2]
        assert len(again) == 3
        assert self.taken == 3
        assert regen(again) is again

    def test_takes_no_more_than_asked(self) -> None:
        again = regen(self.numbers())
        assert bool(again)
        assert again[0] == 0
        assert self.taken == 1
        assert repr(again) == "<regen: [0, ...]>"
        assert again[1] == 1
        assert self.taken == 2
        assert again[-1] == 2
        assert self.taken == 3

    def test_endless(self) -> None:
        again = regen(itertools.count())
        assert list(itertools.islice(again, 3)) == [0, 1, 2]

    def test_two_readers_at_once(self) -> None:
        again = regen(self.numbers())
        reader = iter(again)
        assert next(reader) == 0
        assert list(again) == [0, 1, 2]
        assert list(reader) == [1, 2]

    def test_is_a_list_for_everybody(self) -> None:
        assert isinstance(regen(self.numbers()), list)
        assert regen(self.numbers()) == [0, 1, 2]
        assert operator.add(regen(self.numbers()), [3]) == [0, 1, 2, 3]
        assert 2 in regen(self.numbers())
        assert json.dumps(regen(self.numbers())) == "[0, 1, 2]"
        assert pickle.loads(pickle.dumps(regen(iter([1, 2])))) == [1, 2]
        assert copy.copy(regen(iter([1]))) == copy.deepcopy(regen(iter([1]))) == [1]
        with pytest.raises(IndexError):
            regen(self.numbers())[3]

    def test_map(self) -> None:
        again = regen(self.numbers())
        assert again[0] == 0
        again.map(lambda number: number + 10)
        assert self.taken == 1
        assert list(again) == [10, 11, 12]


class TestFirst:
    def test_predicate(self) -> None:
        assert first(lambda n: n > 2, [1, 2, 3, 4]) == 3
        assert first(lambda n: n > 9, [1]) is None
        assert first(None, [None, 0, 1]) == 0

    def test_firstmethod(self) -> None:
        class Answers:
            def __init__(self, answer: Any) -> None:
                self.answer = answer

            def ask(self, *args: Any) -> Any:
                return self.answer

        ask = firstmethod("ask")
        assert ask([Answers(None), object(), mlazy(Answers, 7), Answers(8)]) == 7
        assert ask([Answers(None)]) is None
        told = firstmethod("ask", on_call=lambda method, *args: (method(), args))
        assert told([Answers(1)], 2, 3) == (1, (2, 3))


def test_lazy_values() -> None:
    computed = []
    value = mlazy(lambda: computed.append(1) or 42)
    assert not value.evaluated
    assert value() == value() == 42
    assert computed == [1]
    assert list(evaluate_promises([value, 3])) == [42, 3]


def test_sequences() -> None:
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert padlist([1, 2], 3) == [1, 2, None]
    assert padlist([1, 2, 3], 2) == [1, 2]
    assert list(uniq([1, 2, 1, 3])) == [1, 2, 3]
    assert list(lookahead([1, 2])) == [(1, 2), (2, None)]
    assert list(lookahead([])) == []
    assert seq_concat_item((1,), 2) == (1, 2)
    assert seq_concat_item([1], 2) == [1, 2]
    assert seq_concat_seq((1,), [2]) == (1, 2)
    assert seq_concat_seq((1,), [2, 3]) == [1, 2, 3]


def test_small_ones() -> None:
    assert mattrgetter("real", "nope")(3) == {"real": 3, "nope": None}
    assert maybe(int, "3") == 3
    assert maybe(int, None) is None
    assert pass1(1, 2, c=3) == 1
    assert [is_numeric_value(value) for value in (1, 1.5, True, "1")] == [True, True, False, False]
    noop(1, b=2)
