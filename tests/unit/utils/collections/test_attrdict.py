"""Attributes as items, and the other way round."""

from types import SimpleNamespace

import pytest

from celery.utils.collections import AttributeDict, DictAttribute, force_mapping


def test_attribute_dict() -> None:
    found = AttributeDict(a=1)
    found.b = 2
    assert (found.a, found["b"], found) == (1, 2, {"a": 1, "b": 2})
    with pytest.raises(AttributeError, match="'AttributeDict' object has no attribute 'c'"):
        _ = found.c


def test_dict_attribute() -> None:
    obj = SimpleNamespace(x=1)
    found = DictAttribute(obj)
    found["y"], found.z = 2, 3
    assert vars(obj) == {"x": 1, "y": 2, "z": 3}
    assert (found["x"], found.x, found.get("q", 5)) == (1, 1, 5)
    assert found.setdefault("w", 4) == obj.w == 4
    del found["w"]
    assert "w" not in found
    assert {"x", "y", "z"} <= set(found)
    assert ("x", 1) in list(found.items())
    for use in (found.__getitem__, found.__delitem__):
        with pytest.raises(KeyError):
            use("nothing")


def test_force_mapping() -> None:
    mapping = {"a": 1}
    assert force_mapping(mapping) is mapping
    assert force_mapping(SimpleNamespace(a=1))["a"] == 1
