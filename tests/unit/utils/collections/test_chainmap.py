"""Mappings one upon the other."""

import copy
import pickle

import pytest

from celery.utils.collections import ChainMap, ConfigurationView, lpmerge


class TestChainMap:
    def test_the_first_that_has_it_answers(self) -> None:
        found = ChainMap({"x": 1}, {"x": 2, "y": 3})
        assert (found["x"], found["y"], found.get("z", 4), len(found)) == (1, 3, 4, 2)
        assert dict(found) == {"x": 1, "y": 3}
        assert "y" in found
        assert bool(found)
        assert not ChainMap({}, {})
        with pytest.raises(KeyError, match="z"):
            _ = found["z"]
        assert repr(found) == "ChainMap({'x': 1}, {'x': 2, 'y': 3})"

    def test_the_first_takes_changes(self) -> None:
        defaults = {"y": 3}
        found = ChainMap({}, defaults)
        found["y"] = 9
        found.update({"u": 1}, k=2)
        assert found.changes == {"y": 9, "u": 1, "k": 2}
        assert found.pop("y") == 9
        assert found["y"] == 3
        assert found.pop("y", None) is None
        for remove in (found.pop, found.__delitem__):
            with pytest.raises(KeyError, match="not found in"):
                remove("y")
        found.clear()
        assert (found.maps, defaults) == ([{}, {"y": 3}], {"y": 3})

    def test_more_defaults_count_more(self) -> None:
        found = ChainMap({}, {"a": 1})
        found.add_defaults({"a": 2})
        assert found["a"] == 2
        assert found.defaults == [{"a": 2}, {"a": 1}]

    def test_copies_take_their_own_changes(self) -> None:
        found = ChainMap({"a": 1}, {"b": 2})
        other = copy.copy(found)
        other["a"] = 3
        assert found["a"] == 1
        assert other.maps[1] is found.maps[1]

    def test_updates_are_told(self) -> None:
        told = []
        found = ChainMap()
        found.bind_to(lambda *args, **kwargs: told.append((args, kwargs)))
        found.update({"a": 1}, b=2)
        assert told == [(({"a": 1},), {"b": 2})]

    def test_keys_can_be_converted(self) -> None:
        found = ChainMap({"A": 1}, key_t=str.upper)
        found["b"] = 2
        assert (found["a"], "b" in found, found.maps) == (1, True, [{"A": 1, "B": 2}])

    def test_fromkeys(self) -> None:
        assert ChainMap.fromkeys("ab", 3).maps == [{"a": 3, "b": 3}]


class TestConfigurationView:
    def test_items_are_attributes(self) -> None:
        view = ConfigurationView({"a": 1}, [{"b": 2}, {"a": 9, "c": 3}])
        view.d = 4
        assert (view.a, view["b"], view.c, view.changes) == (1, 2, 3, {"a": 1, "d": 4})
        assert view.first("nothing", "b", "a") == 2
        assert view.first("nothing") is None
        with pytest.raises(AttributeError):
            _ = view.nothing

    def test_other_names(self) -> None:
        view = ConfigurationView(
            {"OLD": 2}, [{"new": 3}], keys=[lambda key: {"new": "OLD"}.get(key)]
        )
        assert view["new"] == view.new == 2
        assert "new" in view
        assert view.get("other") is None

    def test_prefix(self) -> None:
        view = ConfigurationView({"CELERY_FOO": 1}, [{"foo": 2, "bar": 3}], prefix="CELERY")
        assert (view.foo, view.bar, view["CELERY_FOO"]) == (1, 3, 1)

    def test_sharing_and_copying(self) -> None:
        view = ConfigurationView({"a": 1}, [{"b": 2}])
        other = ConfigurationView({})
        other.swap_with(view)
        other.a = 5
        assert view.a == 5
        own = view.copy()
        own.a = 6
        assert (view.a, own.b) == (5, 2)
        assert pickle.loads(pickle.dumps(view)).maps == view.maps


def test_lpmerge() -> None:
    left = {"a": 1, "b": 2}
    assert lpmerge(left, {"a": None, "b": 3, "c": 4}) is left
    assert left == {"a": 1, "b": 3, "c": 4}
