"""The messages and results of workflows, before anything has run."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.flows import flow_app, only, sent

from celery import Celery, chain, chord, group
from celery.exceptions import CPendingDeprecationWarning


@pytest.fixture
def app() -> Celery:
    return flow_app()


def lineage(result: Any) -> list[str]:
    """Ids of a result, its parent, the parent's parent and so on."""
    return [] if result is None else [result.id, *lineage(result.parent)]


# -- chains


def test_a_chain_travels_in_its_first_message_the_next_step_last(app: Celery) -> None:
    add = app.tasks["add"]
    result = chain(add.s(1, 1), add.s(2), add.s(3)).apply_async(task_id="last")
    message = only(app)
    assert message.call == ("add", [1, 1], {})
    assert [step["args"] for step in message.embed["chain"]] == [[3], [2]]
    last, second = (step["options"] for step in message.embed["chain"])
    assert last == {"task_id": "last", "reply_to": app.thread_oid}
    assert lineage(result) == ["last", second["task_id"], message.id]


def test_arguments_are_for_the_first_step(app: Celery) -> None:
    add = app.tasks["add"]
    chain(add.s(1), add.s(2)).apply_async((5,))
    assert only(app).args == [5, 1]
    chain(add.s(1), add.s(2)).apply_async((), {"y": 5})
    assert only(app).call == ("add", [1], {"y": 5})


def test_callbacks_are_for_the_last_step_errbacks_for_every_one(app: Celery) -> None:
    add, echo = app.tasks["add"], app.tasks["echo"]
    chain(add.s(1, 1), add.s(2)).apply_async(link=echo.s("done"), link_error=echo.s("oh"))
    message = only(app)
    (last,) = message.embed["chain"]
    assert message.embed["callbacks"] is None
    assert [link["args"] for link in last["options"]["link"]] == [["done"]]
    assert [e["args"] for e in message.embed["errbacks"]] == [["oh"]]
    assert [e["args"] for e in last["options"]["link_error"]] == [["oh"]]


def test_an_empty_chain_sends_nothing(app: Celery) -> None:
    assert chain().apply_async() is None
    assert chain()() is None
    assert sent(app) == []


def test_a_chord_inside_a_chain_does_not_repeat_its_body(app: Celery) -> None:
    add, total = app.tasks["add"], app.tasks["total"]
    (add.s(1, 1) | group(add.s(i) for i in range(5)) | total.s()).apply_async()
    (step,) = only(app).embed["chain"]
    members = step["kwargs"]["header"]["kwargs"]["tasks"]
    assert len(members) == 5
    assert not any("chord" in member["options"] for member in members)


def test_a_chain_can_be_sent_again(app: Celery) -> None:
    add = app.tasks["add"]
    flow = chain(add.s(1, 1), add.s(2))
    assert set(lineage(flow.delay())).isdisjoint(lineage(flow.delay()))


# -- groups


def test_members_know_their_group_and_place(app: Celery) -> None:
    add = app.tasks["add"]
    result = group(add.s(), add.s()).apply_async((5,), {"y": 9}, task_id="the-group")
    messages = sent(app)
    assert [m.call for m in messages] == [("add", [5], {"y": 9})] * 2
    assert [(m.headers["group"], m.headers["group_index"]) for m in messages] == [
        ("the-group", 0),
        ("the-group", 1),
    ]
    assert (result.id, [child.id for child in result]) == ("the-group", [m.id for m in messages])


def test_nested_groups_are_one(app: Celery) -> None:
    echo = app.tasks["echo"]
    result = group(group(echo.s(1), echo.s(2)), echo.s(3)).apply_async()
    assert [(m.args, m.headers["group_index"]) for m in sent(app)] == [([1], 0), ([2], 1), ([3], 2)]
    assert len(result) == 3


def test_a_group_has_no_callback_of_its_own(app: Celery) -> None:
    echo = app.tasks["echo"]
    for key in ("link", "link_error"):
        with pytest.raises(TypeError):
            group(echo.s(1)).apply_async(**{key: echo.s()})


def test_links_of_a_group_go_to_the_members(app: Celery) -> None:
    echo = app.tasks["echo"]
    many = group(echo.s(1), echo.s(2))
    many.link(echo.s("first"))
    many.link_error(echo.s("each"))
    many.apply_async()
    first, second = sent(app)
    assert (first.embed["callbacks"][0]["immutable"], second.embed["callbacks"]) == (True, None)
    assert all(m.embed["errbacks"] for m in (first, second))


def test_skew_waits_longer_for_each_member(app: Celery) -> None:
    echo = app.tasks["echo"]

    def waits(*args: float) -> list[float]:
        many = group(echo.s(i) for i in range(5)).skew(*args)
        return [task.options["countdown"] for task in many.tasks]

    assert waits() == [1, 2, 3, 4, 5]
    assert waits(0, 2) == [0, 1, 2, 2, 2]


def test_a_group_owns_its_members(app: Celery) -> None:
    sig = app.tasks["echo"].s(1)
    group(sig, sig).freeze()
    assert sig.options == {}


# -- chords


def test_header_members_carry_the_body(app: Celery) -> None:
    echo, total = app.tasks["echo"], app.tasks["total"]
    result = chord([echo.s(1), echo.s(2)], total.s()).apply_async(task_id="body")
    messages = sent(app)
    group_id = messages[0].headers["group"]
    for index, message in enumerate(messages):
        assert (message.headers["group"], message.headers["group_index"]) == (group_id, index)
        body = message.embed["chord"]
        assert (body["task"], body["options"]["task_id"]) == ("total", "body")
        assert body["options"]["group_id"] == group_id
    assert (result.id, result.parent.id) == ("body", group_id)
    assert [child.id for child in result.parent] == [m.id for m in messages]


def test_options_of_a_chord_are_for_header_and_body(app: Celery) -> None:
    echo, total = app.tasks["echo"], app.tasks["total"]
    chord([echo.s(1)], total.s().set(priority=9)).apply_async(
        queue="q", priority=4, time_limit=3, countdown=30, root_id="r", parent_id="p"
    )
    message = only(app, "q")
    assert (message.properties["priority"], message.headers["timelimit"]) == (4, [3, None])
    assert (message.headers["root_id"], message.headers["parent_id"]) == ("r", "p")
    assert message.headers["eta"] is not None
    options = message.embed["chord"]["options"]
    assert (options["queue"], options["priority"], options["root_id"]) == ("q", 9, "r")
    assert "countdown" not in options


def test_callbacks_of_a_chord_are_for_the_body(app: Celery) -> None:
    echo, total = app.tasks["echo"], app.tasks["total"]
    chord([echo.s(1)], total.s()).apply_async(link=echo.s(2), link_error=echo.s(3))
    options = only(app).embed["chord"]["options"]
    assert [link["args"] for link in options["link"]] == [[2]]
    assert [link["args"] for link in options["link_error"]] == [[3]]


def test_arguments_of_a_chord_are_for_the_header(app: Celery) -> None:
    add, total = app.tasks["add"], app.tasks["total"]
    chord([add.s(1), add.s()])(total.s())
    assert [m.args for m in sent(app)] == [[1], []]
    chord([add.s()], total.s()).apply_async((5,), {"y": 6})
    assert only(app).call == ("add", [5], {"y": 6})


def test_an_empty_header_sends_the_body(app: Celery) -> None:
    result = chord([], app.tasks["total"].s()).apply_async(queue="q", task_id="b")
    message = only(app, "q")
    assert (message.call, message.id) == (("total", [[]], {}), "b")
    assert result.parent.results == []


def test_a_chord_can_be_sent_again(app: Celery) -> None:
    flow = chord([app.tasks["echo"].s(1)], app.tasks["total"].s())
    first, second = flow.delay(), flow.delay()
    assert first.id != second.id
    assert [m.headers["group"] for m in sent(app)] == [first.parent.id, second.parent.id]
    assert first.parent.results != second.parent.results


def test_errbacks_of_the_header_are_for_the_settings_to_decide() -> None:
    careful, bold = flow_app(), flow_app(task_allow_error_cb_on_chord_header=True)
    for app in (careful, bold):
        echo = app.tasks["echo"]
        flow = chord([echo.s(1)], echo.s(2), app=app)
        if app is careful:
            with pytest.warns(CPendingDeprecationWarning):
                flow.link_error(echo.s(3))
        else:
            flow.link_error(echo.s(3))
        assert ("link_error" in flow.tasks[0].options) is (app is bold)
        assert "link_error" in flow.body.options


# -- map and chunks


def test_chunks_are_starmaps(app: Celery) -> None:
    app.tasks["add"].chunks([(1, 1), (2, 2), (3, 3)], 2).apply_async()
    assert [(m.task, m.kwargs["it"]) for m in sent(app)] == [
        ("celery.starmap", [[1, 1], [2, 2]]),
        ("celery.starmap", [[3, 3]]),
    ]
