"""Stamps on signatures, their links and the members of workflows."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.flows import drain, flow_app, only, sent

from celery import Celery, chain, chord, group
from celery.canvas import StampingVisitor


@pytest.fixture
def app() -> Celery:
    return flow_app()


class Visitor(StampingVisitor):
    def on_signature(self, sig: Any, **headers: Any) -> dict[str, Any]:
        return {"task": sig.task, "note": "no stamp", "stamped_headers": ["task"]}

    def on_callback(self, callback: Any, **headers: Any) -> dict[str, Any]:
        return {"callback": True}

    def on_errback(self, errback: Any, **headers: Any) -> dict[str, Any]:
        return {"errback": True}

    def on_group_start(self, sig: Any, **headers: Any) -> dict[str, Any]:
        return {"group": True}


def stamps(sig: Any) -> dict[str, Any]:
    return {name: sig.options[name] for name in sig.options.get("stamped_headers", ())}


def test_stamps_travel_as_headers(app: Celery) -> None:
    sig = app.tasks["echo"].s(1)
    sig.stamp(customer="c1")
    sig.apply_async()
    headers = only(app).headers
    assert (headers["stamped_headers"], headers["stamps"]) == (["customer"], {"customer": "c1"})


def test_a_visitor_says_which_headers_are_stamps(app: Celery) -> None:
    echo = app.tasks["echo"]
    sig = echo.s(1)
    sig.link(echo.s(2))
    sig.link_error(echo.s(3))
    sig.stamp(Visitor(), given=1)
    assert stamps(sig) == {"task": "echo", "given": 1}
    assert stamps(sig.options["link"][0]) == {"task": "echo", "given": 1, "callback": True}
    assert stamps(sig.options["link_error"][0]) == {"task": "echo", "given": 1, "errback": True}


def test_members_of_workflows_are_stamped_with_all_that_is_above_them(app: Celery) -> None:
    echo = app.tasks["echo"]
    flow = chain(echo.s(0), group(echo.s(1), echo.s(2)))
    flow.stamp(Visitor(), given=1)
    first, many = flow.tasks
    assert stamps(first) == {"task": "echo", "given": 1}
    assert [stamps(member) for member in many.tasks] == [
        {"task": "echo", "given": 1, "group": True}
    ] * 2
    assert stamps(flow) == stamps(many) == {}


def test_a_chord_is_stamped_in_header_and_body(app: Celery) -> None:
    echo = app.tasks["echo"]
    flow = chord([echo.s(1)], echo.s(2))
    flow.stamp(place="here")
    flow.apply_async()
    drain(app)
    flow.apply_async()
    assert [m.headers["stamps"] for m in sent(app)] == [{"place": "here"}]
    assert stamps(flow.body) == {"place": "here"}


def test_stamping_twice(app: Celery) -> None:
    sig = app.tasks["echo"].s(1)
    sig.stamp(x=1)
    sig.stamp(x=2, y=3)
    assert stamps(sig) == {"x": 2, "y": 3}
    sig.stamp(x=4, append_stamps=True)
    assert stamps(sig)["x"] == [2, 4]
