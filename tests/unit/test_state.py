"""The current application belongs to a thread, the current task to a coroutine."""

import asyncio
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from celery import _state
from celery._state import (
    app_or_default,
    connect_on_app_finalize,
    current_app,
    current_task,
    get_current_app,
    get_current_task,
    get_current_worker_task,
    pop_current_task,
    push_current_task,
)


class App:
    def __init__(self, main: str) -> None:
        self.main = main


def task(name: str, called_directly: bool = False) -> Any:
    return SimpleNamespace(name=name, request=SimpleNamespace(called_directly=called_directly))


@pytest.fixture(autouse=True)
def no_app() -> Iterator[None]:
    before = _state._tls.current_app, _state.default_app
    _state._set_current_app(None)
    _state.set_default_app(None)
    yield
    _state._set_current_app(before[0])
    _state.set_default_app(before[1])


def in_thread(function: Any) -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def test_current_app_belongs_to_a_thread() -> None:
    default, mine = App("default"), App("mine")
    _state.set_default_app(default)
    _state._set_current_app(mine)

    assert get_current_app() is mine
    assert current_app.main == "mine"
    assert in_thread(get_current_app) is default


def test_default_app_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, dict[str, Any]]] = []

    def make(main: str, **options: Any) -> App:
        made.append((main, options))
        return App(main)

    monkeypatch.setattr(_state, "late", lambda name: make)
    monkeypatch.setenv("CELERY_LOADER", "my.loader:Loader")

    assert get_current_app() is get_current_app() is in_thread(get_current_app)
    assert made == [
        ("default", {"fixups": [], "set_as_current": False, "loader": "my.loader:Loader"})
    ]


def test_app_or_default(capsys: pytest.CaptureFixture[str]) -> None:
    default, mine = App("default"), App("mine")
    _state.set_default_app(default)

    _state.enable_trace()
    try:
        assert app_or_default(mine) is mine
        assert capsys.readouterr().err == ""
        assert app_or_default() is default
        assert "RETURNING TO CURRENT APP" in capsys.readouterr().err
    finally:
        _state.disable_trace()
    assert app_or_default() is default
    assert capsys.readouterr().err == ""


def test_current_task_is_the_top_of_a_stack() -> None:
    outer, inner = task("outer"), task("inner", called_directly=True)
    assert get_current_task() is None
    assert not current_task

    push_current_task(outer)
    push_current_task(inner)
    assert current_task.name == "inner"
    assert get_current_worker_task() is outer
    assert in_thread(get_current_task) is None

    pop_current_task()
    assert get_current_task() is outer
    pop_current_task()
    assert get_current_task() is None
    assert get_current_worker_task() is None


def test_coroutines_side_by_side_see_their_own_task() -> None:
    seen: dict[str, list[str]] = {}

    async def run(name: str, turn: asyncio.Barrier) -> None:
        push_current_task(task(name))
        for _ in range(3):
            await turn.wait()
            seen.setdefault(name, []).append(current_task.name)
        pop_current_task()
        assert get_current_task() is None

    async def main() -> None:
        turn = asyncio.Barrier(2)
        await asyncio.gather(run("a", turn), run("b", turn))

    asyncio.run(main())
    assert seen == {"a": ["a"] * 3, "b": ["b"] * 3}
    assert get_current_task() is None


def test_finalizers_are_told_of_every_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_state, "_on_app_finalizers", set())
    told: list[Any] = []
    assert connect_on_app_finalize(told.append) == told.append
    app = App("x")

    _state._announce_app_finalized(app)  # type: ignore[arg-type]
    assert told == [app]


def test_apps_are_held_weakly() -> None:
    app = App("kept")
    _state._register_app(app)  # type: ignore[arg-type]
    assert app in _state._get_active_apps()
    _state._deregister_app(app)  # type: ignore[arg-type]
    assert app not in _state._get_active_apps()


def test_task_join_will_block() -> None:
    assert _state.task_join_will_block() is False
    _state._set_task_join_will_block(True)
    try:
        assert _state.task_join_will_block() is True
    finally:
        _state._set_task_join_will_block(False)
