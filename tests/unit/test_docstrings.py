"""The examples in docstrings do what they say."""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import celery
from celery import Celery

PACKAGE = Path(celery.__file__).parent
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def _modules() -> Iterator[str]:
    """The modules with examples; the others need not be importable here."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if ">>> " in path.read_text(encoding="utf-8"):
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__")


@pytest.fixture
def names() -> dict[str, Any]:
    """What examples may take for granted: an app whose tasks run at once, and two tasks."""
    app = Celery("docstrings", broker="memory://docstrings", backend="cache+memory://")
    app.conf.task_always_eager = True
    app.conf.task_store_eager_result = True

    @app.task
    def add(x: int, y: int) -> int:
        return x + y

    @app.task
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    return {"app": app, "add": add, "total": total}


def _docstrings(module: ModuleType) -> Iterator[tuple[str, int]]:
    """The docstrings of a module and of all that is defined in it, with their lines.

    They are read from the source: many a class says that it is from elsewhere.
    """
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node, clean=False)
            if text is not None:
                yield text, node.body[0].lineno - 1


@pytest.mark.parametrize("name", list(_modules()))
def test_examples(name: str, names: dict[str, Any]) -> None:
    """Each module's examples, in the module's own namespace and with the names above."""
    module = import_module(name)
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=FLAGS)
    report: list[str] = []

    for text, line in _docstrings(module):
        namespace = {**vars(module), **names}
        example = parser.get_doctest(text, namespace, name, module.__file__, line)
        runner.run(example, out=report.append)

    assert runner.summarize(verbose=False).failed == 0, "".join(report)
    assert runner.tries > 0
