"""What ``|`` makes of tasks, chains, groups and chords."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.flows import flow_app

from celery import Celery, chain, chord, group, signature


@pytest.fixture
def app() -> Celery:
    return flow_app()


def shape(sig: Any) -> Any:
    """A workflow as text: ``0`` a task, ``[..]`` a chain, ``(..)`` a group, ``{..>.}`` a chord."""
    kind = sig.get("subtask_type")
    if kind == "chord":
        return "{" + " ".join(shape(t) for t in sig.tasks) + " > " + shape(sig.body) + "}"
    if kind in ("chain", "group"):
        inner = " ".join(shape(task) for task in sig.tasks)
        return f"[{inner}]" if kind == "chain" else f"({inner})"
    return str(sig.args[0])


def t(number: int) -> Any:
    return signature("echo", args=(number,))


def g(*numbers: int) -> Any:
    return group([t(number) for number in numbers])


def c(*numbers: int) -> Any:
    return chain(*[t(number) for number in numbers])


def d(*numbers: int) -> Any:
    *header, body = numbers
    return chord([t(number) for number in header], t(body))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: t(0) | t(1), "[0 1]"),
        (lambda: t(0) | c(1, 2), "[0 1 2]"),
        (lambda: t(0) | g(1, 2), "[0 (1 2)]"),
        (lambda: t(0) | g(1), "[0 1]"),
        (lambda: t(0) | group(), "[0 ()]"),
        (lambda: c(0, 1) | t(2), "[0 1 2]"),
        (lambda: c(0, 1) | c(2, 3), "[0 1 2 3]"),
        (lambda: c(0, 1) | g(2, 3), "[0 1 (2 3)]"),
        (lambda: c(0, 1) | group(), "[0 1]"),
        (lambda: chain(t(0), g(1, 2)) | t(3), "[0 {1 2 > 3}]"),
        (lambda: chain(t(0), g(1, 2)) | g(3, 4), "[0 (1 2) (3 4)]"),
        (lambda: chain(t(0), g(1, 2), t(3)) | t(4), "[0 {1 2 > [3 4]}]"),
        (lambda: chain(t(0), g(1, 2), t(3)) | g(4, 5), "[0 {1 2 > [3 (4 5)]}]"),
        (lambda: chain(t(0), g(1, 2), t(3)) | d(4, 5), "[0 {1 2 > 3} {4 > 5}]"),
        (lambda: g(0, 1) | t(2), "{0 1 > 2}"),
        (lambda: g(0, 1) | c(2, 3), "{0 1 > [2 3]}"),
        (lambda: g(0, 1) | g(2, 3), "{0 1 > (2 3)}"),
        (lambda: g(0, 1) | group(), "(0 1)"),
        (lambda: g(0) | t(1), "{0 > 1}"),
        (lambda: g(0, 1) | d(2, 3), "{0 1 > {2 > 3}}"),
        (lambda: group() | t(1), "{ > 1}"),
        (lambda: d(0, 1) | t(2), "{0 > [1 2]}"),
        (lambda: d(0, 1) | c(2, 3), "[{0 > 1} 2 3]"),
        (lambda: d(0, 1) | g(2, 3), "[{0 > 1} (2 3)]"),
        (lambda: d(0, 1) | g(2), "{0 > [1 2]}"),
        (lambda: d(0, 1) | d(2, 3), "{0 > [1 {2 > 3}]}"),
        (lambda: chain(t(0), g(1, 2), t(3), g(4, 5), t(6)), "[0 {1 2 > [3 {4 5 > 6}]}]"),
        (lambda: chain([g(0, 1)]), "(0 1)"),
        (lambda: chain(g(0, 1), t(2)), "{0 1 > 2}"),
        (lambda: chain(g(0, 1), g(2, 3)), "{0 1 > (2 3)}"),
        (lambda: chain(d(0, 1), t(2)), "[{0 > [1 2]}]"),
        (lambda: chain(d(0, 1), g(2, 3)), "[{0 > [1 (2 3)]}]"),
        (lambda: chain(t(0), g(1, 2), t(3), queue="q"), "[0 (1 2) 3]"),
        (lambda: chain(t(i) for i in range(3)), "[0 1 2]"),
        (lambda: chain(), "[]"),
        (lambda: chain(dict(t(0)), dict(g(1, 2)), dict(t(3))), "[0 {1 2 > 3}]"),
    ],
)
def test_joining(app: Celery, make: Callable[[], Any], expected: str) -> None:
    assert shape(make()) == expected


def test_the_operands_stay_as_they_are(app: Celery) -> None:
    left, right, rhombus = c(0, 1), t(2), d(3, 4)
    joined = left
    joined |= right
    assert (shape(left), shape(joined)) == ("[0 1]", "[0 1 2]")
    longer = rhombus | t(5)
    assert (shape(rhombus), shape(longer)) == ("{3 > 4}", "{3 > [4 5]}")


def test_links_of_a_chain_stay_with_the_step_they_were_given_for(app: Celery) -> None:
    first, second = c(0, 1), c(2, 3)
    first.link(t(8))
    first.link_error(t(9))
    second.link(t(7))
    steps = (first | second).tasks
    assert [[link.args[0] for link in step.options.get("link", ())] for step in steps] == [
        [],
        [8],
        [],
        [7],
    ]
    assert ["link_error" in step.options for step in steps] == [True, True, False, False]


@pytest.mark.parametrize("make", [lambda: t(0), lambda: c(0, 1), lambda: g(0, 1), lambda: d(0, 1)])
def test_only_signatures_can_be_joined(app: Celery, make: Callable[[], Any]) -> None:
    with pytest.raises(TypeError):
        make() | 3


def test_a_long_chain_is_made_in_linear_time(app: Celery) -> None:
    def seconds(count: int) -> float:
        steps = [t(i) for i in range(count)]
        began = time.process_time()
        assert len(chain(*steps).tasks) == count
        return time.process_time() - began

    seconds(100)
    assert seconds(2000) < 1


def test_a_generator_is_a_header_or_a_group(app: Celery) -> None:
    many = group(t(i) for i in range(3))
    assert (shape(many), len(many), bool(group())) == ("(0 1 2)", 3, False)
    assert shape(chord((t(i) for i in range(2)), t(9))) == "{0 1 > 9}"


def test_the_steps_of_a_chain_as_header_are_parallel(app: Celery) -> None:
    assert shape(chord(c(0, 1), t(2))) == "{0 1 > 2}"
    assert shape(chord(t(0), t(1))) == "{0 > 1}"
