"""The function that a task was made of."""

import inspect

from celery import Celery

app = Celery("functions", broker="memory://", set_as_current=False)


def test_function_of_a_task() -> None:
    def add(x: int, y: int = 2) -> int:
        return x + y

    task = app.task(add)
    assert task.__wrapped__ is add
    assert task.__wrapped__(1) == 3
    assert inspect.signature(task.__wrapped__) == inspect.signature(add)


def test_function_of_a_bound_task_has_the_task() -> None:
    @app.task(bind=True)
    def name_of(self: object, suffix: str) -> str:
        return f"{self.name}{suffix}"  # type: ignore[attr-defined]  # a task

    assert name_of.__wrapped__("!") == f"{name_of.name}!"
    assert list(inspect.signature(name_of.__wrapped__).parameters) == ["suffix"]
