"""Signatures: partial arguments, options, copies and their form on the wire."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from kombu.utils.json import dumps
from tests.support.flows import flow_app, only

from celery import Celery, Signature, chain, chord, group, maybe_signature, signature


@pytest.fixture
def app() -> Celery:
    return flow_app()


def test_wire_form_of_a_task(app: Celery) -> None:
    sig = app.tasks["add"].s(1, y=2).set(queue="q")
    assert json.loads(dumps(sig)) == {
        "task": "add",
        "args": [1],
        "kwargs": {"y": 2},
        "options": {"queue": "q"},
        "subtask_type": None,
        "immutable": False,
    }


def test_wire_form_of_workflows(app: Celery) -> None:
    echo = app.tasks["echo"]
    one, two = json.loads(dumps(echo.s(1))), json.loads(dumps(echo.s(2)))
    common = {"args": [], "options": {}, "immutable": False}
    assert json.loads(dumps(chain(echo.s(1), echo.s(2)))) == {
        **common,
        "task": "celery.chain",
        "kwargs": {"tasks": [one, two]},
        "subtask_type": "chain",
    }
    assert json.loads(dumps(group(echo.s(1), echo.s(2)))) == {
        **common,
        "task": "celery.group",
        "kwargs": {"tasks": [one, two]},
        "subtask_type": "group",
    }
    assert json.loads(dumps(chord(group(echo.s(1)), echo.s(2)))) == {
        **common,
        "task": "celery.chord",
        "kwargs": {"kwargs": {}, "header": [one], "body": two},
        "subtask_type": "chord",
    }
    chunks = json.loads(dumps(echo.chunks([(1,), (2,)], 1)))
    assert (chunks["task"], chunks["immutable"], chunks["subtask_type"]) == (
        "celery.chunks",
        True,
        None,
    )
    assert json.loads(dumps(echo.map([1])))["kwargs"]["it"] == [1]


@pytest.mark.parametrize("header_form", ["list", "group"])
def test_a_chord_from_the_wire(app: Celery, header_form: str) -> None:
    echo = app.tasks["echo"]
    members = [dict(echo.s(1)), dict(echo.s(2))]
    header = members if header_form == "list" else dict(group(echo.s(1), echo.s(2)))
    sig = signature(
        {
            "task": "celery.chord",
            "args": [],
            "kwargs": {"header": header, "body": dict(echo.s(3))},
            "options": {"task_id": "x"},
            "subtask_type": "chord",
            "immutable": False,
        },
        app=app,
    )
    assert isinstance(sig, chord)
    assert [task.args[0] for task in sig.tasks] == [1, 2]
    assert (list(sig.body.args), sig.id) == ([3], "x")


def test_arguments_of_a_call_come_first_and_win(app: Celery) -> None:
    app.tasks["fail"].s(1, a="sig").apply_async((2,), {"a": "call"})
    assert only(app).call == ("fail", [2, 1], {"a": "call"})


def test_an_immutable_signature_takes_options_only(app: Celery) -> None:
    app.tasks["echo"].si(1).apply_async((2,), {"a": 1}, priority=4)
    message = only(app)
    assert (message.call, message.properties["priority"]) == (("echo", [1], {}), 4)


def test_options_of_a_call_win_unless_they_say_nothing(app: Celery) -> None:
    sig = app.tasks["echo"].s(1).set(priority=2, shadow="a")
    sig.apply_async(priority=None, shadow="b")
    message = only(app)
    assert (message.properties["priority"], message.headers["shadow"]) == (2, "b")


def test_group_and_stamps_are_fixed_once_set(app: Celery) -> None:
    sig = app.tasks["echo"].s(1).set(group_id="mine")
    sig.stamp(place="here")
    sig.apply_async(group_id="other", place="there", stamped_headers=["place"])
    headers = only(app).headers
    assert (headers["group"], headers["stamps"]) == ("mine", {"place": "here"})


def test_freeze_keeps_an_id_and_makes_a_result(app: Celery) -> None:
    sig = app.tasks["echo"].s(1)
    result = sig.freeze("first", group_id="g", chord=app.tasks["total"].s(), root_id="r")
    assert (result.id, sig.id, sig.root_id, sig.options["group_id"]) == ("first", "first", "r", "g")
    assert sig.options["reply_to"] == app.thread_oid
    assert sig.freeze("second").id == "first"


def test_link_adds_a_callback_once(app: Celery) -> None:
    echo = app.tasks["echo"]
    sig, callback, errback = echo.s(1), echo.s(2), echo.s(3)
    assert sig.link(callback) is callback
    assert sig.link(echo.s(2)) == callback
    assert sig.link_error(errback) is errback
    assert sig.on_error(echo.s(4)) is sig
    assert len(sig.options["link"]) == 1
    assert [s.args for s in sig.flatten_links()] == [(1,), (2,)]


def test_clones_share_nothing_that_a_call_changes(app: Celery) -> None:
    sig = app.tasks["echo"].s(1, k=1).set(headers={"a": 1})
    other = sig.clone((0,), {"k": 2}, queue="q")
    other.options["headers"]["a"] = 2
    assert (other.args, other.kwargs, other.options["queue"]) == ((0, 1), {"k": 2}, "q")
    assert sig.options == {"headers": {"a": 1}}
    assert sig.replace(args=(5,), options={}).args == (5,)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_copies_keep_their_kind(app: Celery, duplicate: Any) -> None:
    add = app.tasks["add"]
    for sig in (
        add.s(1),
        add.s(1) | add.s(2),
        group(add.s(1), add.s(2)),
        chord([add.s()], add.s()),
    ):
        twin = duplicate(sig)
        assert (twin, type(twin)) == (sig, type(sig))


def test_calling_runs_here(app: Celery) -> None:
    add = app.tasks["add"]
    assert add.s(1)(2) == 3
    assert add.s(1)(y=5) == 6


def test_what_stands_for_a_signature(app: Celery) -> None:
    add = app.tasks["add"]
    assert maybe_signature(None) is None
    assert isinstance(maybe_signature(dict(add.s(1)), app=app), Signature)
    assert signature("by.name", args=(1,), app=app, countdown=3).options == {"countdown": 3}
    assert signature(add.s(1)) is not add.s(1)
    assert add.s(1).type is add
    assert add.s(1).app is app


def test_as_text(app: Celery) -> None:
    add, echo = app.tasks["add"], app.tasks["echo"]
    assert repr(add.s(1, y=2)) == "add(1, y=2)"
    assert repr(add.s(1) | echo.s()) == "add(1) | echo()"
    assert "add(1)" in repr(chord([add.s(1)], echo.s()))


def test_a_name_that_is_not_registered_here_is_sent(app: Celery) -> None:
    signature("elsewhere", args=(1,), app=app, queue="q").delay(2)
    assert only(app, "q").call == ("elsewhere", [2, 1], {})


def test_inverting_waits_for_the_result() -> None:
    app = flow_app(task_always_eager=True)
    assert ~app.tasks["add"].s(1, 2) == 3
