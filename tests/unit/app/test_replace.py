"""`Task.replace` and `Task.add_to_chord`."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.flows import drain, flow_app, only, run, sent

from celery import Celery, chain, chord, group, signature
from celery.exceptions import ImproperlyConfigured


def replacing(app: Celery) -> Any:
    @app.task(name="replaced", bind=True, shared=False)
    def replaced(self: Any, sig: Any) -> Any:
        raise self.replace(signature(sig, app=app))

    return replaced


@pytest.fixture
def app() -> Celery:
    app = flow_app()
    replacing(app)
    return app


def stand_ins(app: Celery) -> dict[str, tuple[Any, Any]]:
    add, total = app.tasks["add"], app.tasks["total"]
    pair = group(add.s(1, 2), add.s(3, 4))
    return {
        "task": (add.s(1, 2), 3),
        "chain": (add.s(1, 2) | add.s(3), 6),
        "group": (pair, [3, 7]),
        "group of one": (group(add.s(1, 2)), [3]),
        "chord": (chord([add.s(1, 2), add.s(3, 3)], total.s()), 9),
        "chain to group": (add.s(1, 2) | group(add.s(1), add.s(2)), [4, 5]),
    }


@pytest.mark.parametrize(
    "kind", ["task", "chain", "group", "group of one", "chord", "chain to group"]
)
def test_the_value_is_the_replacements(app: Celery, kind: str) -> None:
    sig, value = stand_ins(app)[kind]
    replaced, echo = app.tasks["replaced"], app.tasks["echo"]
    result = replaced.delay(sig)
    chained = (replaced.s(sig) | echo.s("after")).delay()
    in_chord = chord([replaced.s(sig), echo.s(0)], echo.s("body")).delay()
    linked = replaced.apply_async((sig,), link=echo.s("link"))
    calls = drain(app)
    assert result.get(timeout=1) == linked.get(timeout=1) == value
    assert chained.get(timeout=1) == [value, "after"]
    assert in_chord.get(timeout=1) == [[value, 0], "body"]
    assert ("echo", [value, "link"], {}) in calls


def test_the_replacement_is_the_same_task_to_the_world(app: Celery) -> None:
    replaced, add = app.tasks["replaced"], app.tasks["add"]
    sig = replaced.s(add.s(1, 2) | add.s(3))
    sig.stamp(customer="c")
    sig.apply_async(task_id="mine", root_id="root")
    run(app, only(app))
    first = only(app)
    (last,) = first.embed["chain"]
    assert last["options"]["task_id"] == "mine"
    assert (first.headers["root_id"], first.headers["replaced_task_nesting"]) == ("root", 1)
    assert last["options"]["replaced_task_nesting"] == 1
    assert first.headers["stamps"] == {"customer": "c"}


def test_errbacks_follow_every_step(app: Celery) -> None:
    seen = []

    @app.task(name="errback", shared=False)
    def errback(request: Any, exc: Any, traceback: Any) -> None:
        seen.append(str(exc))

    flow = chain(app.tasks["fail"].s(), app.tasks["add"].s(1))
    app.tasks["replaced"].apply_async((flow,), link_error=errback.s())
    drain(app)
    assert seen == ["failed"]


@pytest.mark.parametrize("bad", ["chord member", "empty"])
def test_what_cannot_replace(app: Celery, bad: str) -> None:
    add = app.tasks["add"]
    sig = chain() if bad == "empty" else add.s(1).set(chord=add.s(2))
    result = app.tasks["replaced"].delay(sig)
    drain(app)
    with pytest.raises(ImproperlyConfigured):
        result.get(timeout=1)


def test_eager_replacement_gives_its_value() -> None:
    app = flow_app(task_always_eager=True)

    @app.task(name="replaced", bind=True, shared=False)
    def replaced(self: Any, sig: Any) -> Any:
        return self.replace(signature(sig, app=app))

    for sig, value in stand_ins(app).values():
        assert replaced.delay(sig).get() == value


def test_on_replace_may_be_overridden(app: Celery) -> None:
    names = []

    class Noting(app.Task):  # type: ignore[misc, name-defined]  # made at run time
        def on_replace(self, sig: Any) -> Any:
            names.append(sig.task)
            return super().on_replace(sig)

    @app.task(name="noted", base=Noting, bind=True, shared=False)
    def noted(self: Any) -> Any:
        return self.replace(app.tasks["add"].s(1, 1))

    result = noted.delay()
    drain(app)
    assert (result.get(timeout=1), names) == (2, ["add"])


def test_add_to_chord_is_for_members(app: Celery) -> None:
    @app.task(name="adding", bind=True, shared=False)
    def adding(self: Any) -> None:
        self.add_to_chord(app.tasks["add"].s(1, 1))

    result = adding.delay()
    drain(app)
    with pytest.raises(ValueError, match="chord"):
        result.get(timeout=1)
    assert sent(app) == []
