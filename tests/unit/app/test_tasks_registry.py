"""From function or class to a registered task; shared tasks; names that clash."""

from __future__ import annotations

from typing import Any

import pytest

from celery import Celery, Task, shared_task
from celery.app.registry import TaskRegistry
from celery.exceptions import DuplicateTaskNameWarning, InvalidTaskError, NotRegistered
from celery.local import PromiseProxy


def make_app(name: str = "tasks", **kwargs: Any) -> Celery:
    return Celery(name, broker="memory://", backend="cache+memory://", fixups=(), **kwargs)


def test_a_task_is_made_when_it_is_first_used() -> None:
    app = make_app()

    @app.task
    def work() -> int:
        """Works."""
        return 1

    assert isinstance(work, PromiseProxy)
    assert app.finalized is False
    assert work.name == f"{__name__}.work"
    assert (work.__doc__, work(), work.__name__) == ("Works.", 1, "work")
    assert app.tasks[work.name] is work._get_current_object()
    assert app.finalized


def test_declared_after_finalize_it_is_made_at_once() -> None:
    app = make_app()
    app.finalize()

    @app.task(name="late")
    def late() -> None: ...

    assert not isinstance(late, PromiseProxy)
    assert "late" in app.tasks


def test_main_names_the_tasks_of_a_program() -> None:
    app = make_app("program")

    def work() -> None: ...

    work.__module__ = "__main__"
    assert app.task(work).name == "program.work"


def test_an_app_that_must_be_finalized_first() -> None:
    app = make_app(autofinalize=False)

    @app.task
    def work() -> None: ...

    with pytest.raises(RuntimeError, match="not finalized"):
        _ = app.tasks
    app.finalize()
    assert work.name in app.tasks


@pytest.mark.parametrize("args", [(1,), ("name",), (len, len)])
def test_only_one_callable_is_a_task(args: Any) -> None:
    with pytest.raises(TypeError):
        make_app().task(*args)


def test_filter_wraps_what_the_decorator_returns() -> None:
    app = make_app()
    assert app.task(name="n", filter=lambda task: ("wrapped", task.name))(print) == ("wrapped", "n")


def test_bind_passes_the_task() -> None:
    app = make_app()

    @app.task(bind=True, base=Task)
    def bound(self: Any, x: int) -> Any:
        return self.name, x

    assert bound(1) == (bound.name, 1)


def test_class_based_tasks() -> None:
    app = make_app()

    class Double(Task):
        def run(self, x: int) -> int:
            return x * 2

    class Called(app.Task):  # type: ignore[misc, name-defined]  # made at run time
        name = "called"

        def __call__(self, *args: Any) -> Any:
            return "called", self.run(*args)

        def run(self, x: int) -> int:
            return x

    double, called = app.register_task(Double()), app.register_task(Called)
    assert (double(2), double.app, app.tasks[double.name]) == (4, app, double)
    assert (called(1), called.apply((1,)).get()) == (("called", 1), ("called", 1))


def test_a_base_class_of_ones_own() -> None:
    class Base(Task):
        abstract = True
        answer = 42

    app = make_app(task_cls=Base)

    @app.task(bind=True)
    def work(self: Any) -> Any:
        return self.answer

    assert isinstance(work, Base)
    assert work() == 42


def test_a_name_is_for_one_task() -> None:
    app = make_app()

    @app.task(name="same")
    def first() -> int:
        return 1

    @app.task(name="same")
    def second() -> int:
        return 2

    with pytest.warns(DuplicateTaskNameWarning):
        app.finalize()
    assert app.tasks["same"]() == first() == 1


def test_a_registered_class_replaces_the_task_of_its_name() -> None:
    app = make_app()
    app.task(name="same")(len)
    app.finalize()

    class Same(Task):
        name = "same"

        def run(self) -> int:
            return 2

    with pytest.warns(DuplicateTaskNameWarning):
        app.register_task(Same())
    assert app.tasks["same"]() == 2


def test_tasks_of_another_app_are_there_too_but_never_instead() -> None:
    one, other = make_app("one"), make_app("other")

    @one.task(name="both")
    def mine() -> str:
        return "one"

    @other.task(name="both")
    def theirs() -> str:
        return "other"

    @other.task(name="only-other")
    def more() -> str:
        return "more"

    @other.task(name="private", shared=False)
    def private() -> None: ...

    assert (one.tasks["both"](), other.tasks["both"]()) == ("one", "other")
    assert one.tasks["only-other"]() == "more"
    assert one.tasks["only-other"].app is one
    assert "private" not in one.tasks


def test_a_shared_task_is_of_the_current_app() -> None:
    @shared_task(name="shared", max_retries=9)
    def shared(x: int) -> int:
        return x + 1

    one, other = make_app("one"), make_app("other")
    other.set_current()
    assert (shared(1), shared.app, shared.max_retries) == (2, other, 9)
    one.set_current()
    assert shared.app is one
    assert shared.delay.__self__ is one.tasks["shared"]


def test_sharing_twice_is_an_error() -> None:
    shared = shared_task(lambda: None)
    with pytest.raises(TypeError):
        shared_task(shared)


def test_the_built_in_tasks() -> None:
    names = {name for name in make_app().tasks if name.startswith("celery.")}
    assert names >= {
        "celery.accumulate",
        "celery.backend_cleanup",
        "celery.chain",
        "celery.chord",
        "celery.chord_unlock",
        "celery.chunks",
        "celery.group",
        "celery.map",
        "celery.starmap",
    }


def test_registry() -> None:
    registry = TaskRegistry()
    with pytest.raises(InvalidTaskError):
        registry.register(Task)

    class Named(Task):
        name = "named"

    registry.register(Named)
    assert registry.regular() == {"named": registry["named"]}
    assert registry.periodic() == {}
    registry.unregister("named")
    for missing in (lambda: registry["named"], lambda: registry.unregister("named")):
        with pytest.raises(NotRegistered):
            missing()
