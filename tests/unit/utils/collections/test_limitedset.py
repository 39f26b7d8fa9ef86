"""The set that forgets."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery.utils.collections import LimitedSet


def test_the_oldest_go_when_there_are_too_many() -> None:
    found = LimitedSet(maxlen=3)
    for item, now in (("z", 1), ("y", 3), ("x", 2), ("w", 4)):
        found.add(item, now=now)
    assert list(found) == ["x", "y", "w"]
    assert "z" not in found
    assert repr(found) == "<LimitedSet(3): maxlen=3, expires=0, minlen=0>"


def test_added_again_is_young_again() -> None:
    found = LimitedSet(maxlen=10, expires=10)
    for item, now in (("a", 1), ("b", 5), ("a", 8)):
        found.add(item, now=now)
    found.purge(now=12)
    assert found.as_dict() == {"b": 5.0, "a": 8.0}
    found.purge(now=16)
    assert list(found) == ["a"]


def test_some_are_kept_though_expired() -> None:
    found = LimitedSet(maxlen=10, expires=5, minlen=2)
    for now in range(4):
        found.add(now, now=now)
    found.purge(now=1000)
    assert list(found) == [2, 3]


def test_taking_out() -> None:
    found = LimitedSet(data="ab")
    assert found
    assert found.pop() == "a"
    found.discard("b")
    found.discard("b")
    assert found.pop("default") == "default"
    found.add("c")
    found.clear()
    assert not found


def test_update() -> None:
    found = LimitedSet()
    found.update(LimitedSet(data={"a": 1.0}))
    found.update({"b": 2.0, "c": [3.0, 0, "c"]})
    found.update(["d"])
    found.update(None)
    assert list(found) == ["a", "b", "c", "d"]
    with pytest.raises(ValueError):
        found.update(3)


def test_pickled_as_other_versions_know_it() -> None:
    found = LimitedSet(maxlen=10, expires=60, data={"a": 1.0})
    assert found.__reduce__() == (LimitedSet, (10, 60, {"a": 1.0}, 0))
    assert LimitedSet.__module__ == "celery.utils.collections"
    assert pickle.loads(pickle.dumps(found)) == found
    assert found != LimitedSet()
    with pytest.raises(TypeError):
        hash(found)


@pytest.mark.parametrize(
    "limits",
    [{"maxlen": -1}, {"maxlen": 1, "minlen": 2}, {"minlen": 2}, {"expires": -1}],
)
def test_limits_that_make_no_sense(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        LimitedSet(**limits)


def test_the_heap_does_not_grow_for_ever() -> None:
    found = LimitedSet()
    for now in range(1000):
        found.add("same", now=now)
    assert len(found._heap) < 5


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 99)), max_size=60), st.integers(1, 9))
def test_as_a_plain_model(added: list[tuple[int, int]], maxlen: int) -> None:
    found = LimitedSet(maxlen=maxlen)
    model: dict[int, tuple[int, int]] = {}
    for order, (item, now) in enumerate(added):
        found.add(item, now=now)
        model[item] = (now, order)
        while len(model) > maxlen:
            del model[min(model, key=model.__getitem__)]
    assert list(found) == sorted(model, key=model.__getitem__)
