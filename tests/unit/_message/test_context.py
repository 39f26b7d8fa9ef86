"""What a task sees as its request."""

from __future__ import annotations

from celery._message.context import Context


def test_outside_of_a_task_every_field_has_its_default() -> None:
    context = Context()
    assert context.called_directly
    assert (context.id, context.args, context.retries, context.is_eager) == (None, None, 0, False)
    assert context.get("nothing", 7) == 7


def test_headers_become_attributes() -> None:
    context = Context({"id": "x", "periodic_task_name": "p"}, args=[1])
    assert (context.id, context.periodic_task_name, context.args) == ("x", "p", [1])


def test_limits_are_unpacked_hard_then_soft() -> None:
    context = Context(timelimit=[30, 20])
    assert (context.time_limit, context.soft_time_limit) == (30, 20)


def test_children_belong_to_one_request() -> None:
    first, second = Context(), Context()
    first.children.append("child")
    assert second.children == []


def test_a_retry_takes_over_identity_limits_and_stamps() -> None:
    context = Context(
        id="x",
        root_id="r",
        group="g",
        group_index=2,
        callbacks=["c"],
        timelimit=[30, 20],
        stamped_headers=["s"],
        stamps={"s": 1},
    )
    options = context.as_execution_options()
    assert options["task_id"] == "x"
    assert options["group_id"] == "g"
    assert options["link"] == ["c"]
    assert (options["time_limit"], options["soft_time_limit"]) == (30, 20)
    assert (options["stamped_headers"], options["s"]) == (["s"], 1)
