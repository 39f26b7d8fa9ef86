"""`task_annotations` in all its forms."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.flows import flow_app


class ByMethod:
    def annotate(self, task: Any) -> Any:
        return {"rate_limit": "1/s"} if task.name == "mine" else None


class ForAll:
    def annotate_any(self) -> Any:
        return {"rate_limit": "9/s"}


def doubled(method: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: [method(*args, **kwargs)] * 2


def annotated(setting: Any, name: str = "mine") -> Any:
    app = flow_app(task_annotations=setting)

    @app.task(name=name, bind=True, shared=False)
    def work(self: Any) -> str:
        return "done"

    return work


@pytest.mark.parametrize(
    ("setting", "rate"),
    [
        ({"*": {"rate_limit": "1/m"}}, "1/m"),
        ({"mine": {"rate_limit": "2/m"}}, "2/m"),
        ({"other": {"rate_limit": "2/m"}}, None),
        (({"mine": {"rate_limit": "a"}}, {"mine": {"rate_limit": "b"}}), "a"),
        (ByMethod(), "1/s"),
        ([ForAll()], "9/s"),
        (None, None),
    ],
)
def test_forms(setting: Any, rate: Any) -> None:
    assert annotated(setting).rate_limit == rate


def test_by_dotted_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "my_annotations", sys.modules[__name__])
    assert annotated("my_annotations.ByMethod").rate_limit == "1/s"


def test_a_method_can_be_decorated() -> None:
    work = annotated({"mine": {"@run": doubled}})
    assert work.apply().get() == ["done", "done"]


def test_class_based_tasks_are_annotated_too() -> None:
    app = flow_app(task_annotations={"*": {"max_retries": 9}})

    class Mine(app.Task):  # type: ignore[misc, name-defined]  # made at run time
        name = "mine"

        def run(self) -> None: ...

    assert app.register_task(Mine()).max_retries == 9
