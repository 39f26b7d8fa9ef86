"""Routing is a function of values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu import Exchange, Queue, binding

from celery._broker._topology import Binding, bindings_of, matches, route


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("a.b", ["a.b"], ["a", "a.b.c", "aXb", "a.b."]),
        ("*", ["a", "ab"], ["", "a.b"]),
        ("a.*", ["a.b"], ["a", "a.", "a.b.c", "b.a"]),
        ("*.b", ["a.b"], ["b", "a.a.b"]),
        ("#", ["", "a", "a.b.c"], []),
        ("a.#", ["a", "a.b", "a.b.c"], ["ab", "b.a"]),
        ("#.z", ["z", "a.z", "a.b.z"], ["az", "z.a"]),
        ("a.#.z", ["a.z", "a.b.z", "a.b.c.z"], ["a", "z", "az"]),
        ("*.*.#", ["a.b", "a.b.c"], ["a"]),
        ("", [""], ["a"]),
        ("a+.(b)", ["a+.(b)"], ["aa.b"]),
    ],
)
def test_topic_patterns(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    assert [key for key in fits if not matches(pattern, key)] == []
    assert [key for key in fits_not if matches(pattern, key)] == []


words = st.lists(st.text("ab+.*", min_size=1, max_size=3).filter(lambda w: "." not in w))


@given(words)
def test_a_key_fits_itself_and_its_generalisations(key: list[str]) -> None:
    joined = ".".join(key)
    assert matches("#", joined)
    assert matches(".".join("*" for _ in key), joined)
    if not set(key) & {"*", "#"}:
        assert matches(joined, joined)
        assert matches(".".join([*key, "#"]) if key else "#", joined)


def test_route() -> None:
    bindings = [("q1", "a"), ("q2", "a.*"), ("q1", "a.b"), ("q3", "b")]
    assert route("direct", bindings, "a") == ["q1"]
    assert route("direct", bindings, "c") == []
    assert route("topic", bindings, "a.b") == ["q2", "q1"]
    assert route("fanout", bindings, "whatever") == ["q1", "q2", "q3"]


def test_the_bindings_of_a_kombu_queue() -> None:
    direct = Exchange("e", type="direct")
    topic = Exchange("t", type="topic")
    assert list(bindings_of(Queue("q"))) == []
    assert list(bindings_of(Queue("q", direct, "k"))) == [Binding("e", "direct", "q", "k")]
    several = Queue("q", bindings=[binding(direct, "k"), binding(topic, "x.#")])
    assert sorted(bindings_of(several)) == [
        Binding("e", "direct", "q", "k"),
        Binding("t", "topic", "q", "x.#"),
    ]


def test_an_exchange_that_cannot_be_routed_is_refused() -> None:
    with pytest.raises(ValueError, match="headers"):
        list(bindings_of(Queue("q", Exchange("h", type="headers"), "k")))
