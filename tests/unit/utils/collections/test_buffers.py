"""Buffers of bounded size."""

import pytest

from celery.utils.collections import BufferMap, Messagebuffer, OrderedDict


class TestMessagebuffer:
    def test_the_oldest_go(self) -> None:
        buffer = Messagebuffer(3, [1, 2, 3])
        buffer.put(4)
        assert (len(buffer), buffer[0], 4 in buffer) == (3, 2, True)
        assert buffer.take() == 2
        buffer.extend([5, 6, 7])
        assert repr(buffer) == "<Messagebuffer: 3/3>"
        buffer.maxsize = 1
        buffer.evict()
        assert list(buffer) == [7]

    def test_empty(self) -> None:
        buffer = Messagebuffer(None)
        assert buffer.take("default") == "default"
        with pytest.raises(buffer.Empty):
            buffer.take()

    def test_iterating_takes_out(self) -> None:
        buffer = Messagebuffer(None, range(50))
        assert next(reversed(buffer)) == 49
        assert list(buffer) == list(range(49))
        assert not buffer


class TestBufferMap:
    def test_each_key_has_its_own(self) -> None:
        buffers = BufferMap(10, {"a": [1, 2]}, bufmaxsize=2)
        for item in range(4):
            buffers.put("k", item)
        assert buffers.total == 4
        assert [buffers.take("k"), buffers.take("k")] == [2, 3]
        assert "k" not in buffers
        assert buffers.take("k", "default") == "default"
        with pytest.raises(buffers.Empty):
            buffers.take("k")
        assert repr(buffers) == "<BufferMap: 2/10>"

    def test_the_key_used_least_recently_loses_first(self) -> None:
        buffers = BufferMap(3, [("a", [1, 2]), ("b", [3])])
        buffers.put("a", 4)
        assert (buffers.total, list(buffers)) == (3, ["a"])

    def test_emptied_behind_its_back(self) -> None:
        buffers = BufferMap(2, [("a", [1]), ("b", [2])])
        list(buffers["a"])
        buffers.put("c", 3)
        assert buffers.total == 2
        assert buffers.take("b") == 2


def test_ordered_dict() -> None:
    assert OrderedDict(a=1, b=2)._LRUkey() == "a"
