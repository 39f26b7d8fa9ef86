"""Workflows that run: each message as a worker would run it, on the memory broker and cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.flows import drain, flow_app, only, run, sent

from celery import Celery, chain, chord, group
from celery.exceptions import ChordError

Make = Callable[[Celery], Any]


@pytest.fixture
def app() -> Celery:
    return flow_app()


def add(app: Celery, *args: int) -> Any:
    return app.tasks["add"].s(*args)


def total(app: Celery) -> Any:
    return app.tasks["total"].s()


def pair(app: Celery, *numbers: int) -> Any:
    return group(add(app, number) for number in numbers)


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (lambda a: chain(add(a, 1, 2), add(a, 3), add(a, 4)), 10),
        (lambda a: group(add(a, 1, 2), add(a, 3, 4)), [3, 7]),
        (lambda a: chord([add(a, 1, 2), add(a, 3, 4)], total(a)), 10),
        (lambda a: add(a, 1, 2) | pair(a, 1, 2) | total(a), 9),
        (lambda a: add(a, 1, 2) | pair(a, 1, 2) | total(a) | add(a, 100), 109),
        (lambda a: pair(a, 1, 2) | total(a) | pair(a, 1, 2) | total(a), 9),
        (
            lambda a: (
                add(a, 0, 1) | pair(a, 1, 2) | total(a) | pair(a, 1, 2) | total(a) | add(a, 10)
            ),
            23,
        ),
        (lambda a: pair(a, 1, 2) | group(total(a), total(a)), [3, 3]),
        (lambda a: add(a, 1, 1) | pair(a, 2, 3) | group(total(a), total(a)), [9, 9]),
        (lambda a: add(a, 1, 1) | pair(a, 2, 3) | group(total(a), total(a)) | total(a), 18),
        (lambda a: group(chain(add(a, 1, 1), add(a, 2)), add(a, 5, 5)) | total(a), 14),
        (lambda a: group(chord([add(a, 1), add(a, 2)], total(a)), add(a, 5, 5)) | total(a), 13),
        (lambda a: group(pair(a, 1, 2), add(a, 5, 5)) | total(a), 13),
        (lambda a: chord([add(a, 1)], chord([total(a), total(a)], total(a))), 2),
        (lambda a: chord([add(a, 1)], group(total(a), total(a))) | total(a), 2),
        (
            lambda a: chain(
                chord([add(a, 1)], group(total(a), total(a))), total(a), queue="celery"
            ),
            2,
        ),
        (lambda a: chord([], total(a)), 0),
        (lambda a: group() | total(a), 0),
        (lambda a: chain(add(a, 1, 1), chord([], total(a)), add(a, 3)), 3),
        (lambda a: a.tasks["add"].chunks([(1, 2), (3, 4), (5, 6)], 2).group(), [[3, 7], [11]]),
        (lambda a: a.tasks["echo"].map([1, 2]) | total(a), 3),
        (lambda a: a.tasks["add"].starmap([(1, 2), (3, 4)]), [3, 7]),
    ],
)
def test_values(app: Celery, make: Make, value: Any) -> None:
    result = make(app).apply_async()
    drain(app)
    assert result.get(timeout=1) == value


def test_the_family_of_a_chain(app: Celery) -> None:
    chain(add(app, 1, 1), add(app, 2), add(app, 3)).apply_async()
    first = only(app)
    root = first.id
    drained = [first]
    while len(drained) < 3:
        run(app, drained[-1])
        drained.append(only(app))
    assert {m.headers["root_id"] for m in drained} == {root}
    assert [m.headers["parent_id"] for m in drained] == [None, drained[0].id, drained[1].id]


def test_callbacks_get_the_value(app: Celery) -> None:
    echo = app.tasks["echo"]
    links = [add(app, 10), group(add(app, 20), add(app, 30)), echo.si("alone")]
    app.tasks["add"].apply_async((1, 2), link=links)
    calls = drain(app)
    assert sorted(calls[1:], key=repr) == sorted(
        [("add", [3, 10], {}), ("add", [3, 20], {}), ("add", [3, 30], {}), ("echo", ["alone"], {})],
        key=repr,
    )


def test_a_failed_step_fails_all_that_follow(app: Celery) -> None:
    result = chain(add(app, 1, 1), app.tasks["fail"].s(), add(app, 1), add(app, 2)).apply_async()
    assert len(drain(app)) == 2
    assert [result.state, result.parent.state] == ["FAILURE", "FAILURE"]
    assert isinstance(result.result, ValueError)


def test_a_failed_member_fails_the_body(app: Celery) -> None:
    result = chord([add(app, 1, 1), app.tasks["fail"].s()], total(app)).apply_async()
    drain(app)
    assert isinstance(result.result, ChordError)
    with pytest.raises(ValueError, match="failed"):
        result.get(timeout=1)


def test_errbacks(app: Celery) -> None:
    calls = []

    @app.task(name="new_style", shared=False)
    def new_style(request: Any, exc: Exception, traceback: str) -> None:
        calls.append((request.id, exc, "Traceback" in traceback))

    @app.task(name="old_style", shared=False)
    def old_style(task_id: str) -> None:
        calls.append((task_id,))

    result = app.tasks["fail"].apply_async(link_error=[new_style.s(), old_style.s()])
    drain(app)
    (first_id, exc, with_traceback), old = calls
    assert (first_id, str(exc), with_traceback, old) == (result.id, "failed", True, (result.id,))


def test_children_are_remembered(app: Celery) -> None:
    @app.task(name="family", bind=True, shared=False)
    def family(self: Any) -> None:
        add(app, 1, 1).delay()
        group(add(app, 1, 1), add(app, 2, 2)).delay()

    result = family.delay()
    drain(app)
    assert [type(child).__name__ for child in result.children] == ["AsyncResult", "GroupResult"]


@pytest.mark.parametrize("fails", [False, True])
def test_eager_flows_are_the_same(fails: bool) -> None:
    app = flow_app(task_always_eager=True)
    middle = app.tasks["fail"].s() if fails else add(app, 3)
    flow = chain(add(app, 1, 2), middle, add(app, 4))
    if fails:
        with pytest.raises(ValueError, match="failed"):
            flow.apply_async()
    else:
        result = flow.apply_async(task_id="last")
        assert (result.get(), result.id, result.parent.get()) == (10, "last", 6)
    assert group(add(app), add(app)).apply_async((2,), {"y": 1}).get() == [3, 3]
    assert chord([add(app), add(app)], total(app)).apply_async((2,), {"y": 1}).get() == 6
    assert (add(app, 1, 2) | pair(app, 1, 2) | total(app) | add(app, 100)).delay().get() == 109
    assert sent(app) == []
