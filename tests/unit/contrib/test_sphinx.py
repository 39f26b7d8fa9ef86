import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sphinx", reason="documentation tools are not installed")

from sphinx.application import Sphinx

from celery import Celery
from celery.contrib.sphinx import TaskDocumenter, autodoc_skip_member_handler

MODULE = '''"""Tasks."""
from celery import Celery, shared_task, Task
from sphinx_tasks_elsewhere import imported
app = Celery("documented", broker="memory://", set_as_current=False)

@app.task
def add(x: int, y=2) -> int:
    """Add two numbers."""

@app.task(bind=True)
def bound(self, a, *, b=1):
    """Knows its request."""

@shared_task
def shared(n):
    """Of every app."""

class ByClass(Task):
    name = "by class"

by_class = app.register_task(ByClass())
'''
ELSEWHERE = '''from celery import shared_task

@shared_task
def imported():
    """Not of this module."""
'''
PAGE = """
Tasks
=====

.. automodule:: sphinx_tasks
   :members:

.. py:task:: handmade(x)

   Described by hand.

See :task:`sphinx_tasks.add`.
"""


def build(directory: Path, builder: str, **settings: Any) -> str:
    (directory / "index.rst").write_text(PAGE)
    (directory / "conf.py").touch()
    settings = {"extensions": ["celery.contrib.sphinx"], **settings}
    out = directory / "out"
    app = Sphinx(
        str(directory), str(directory), str(out), str(out / "trees"), builder, settings,
        status=None, warning=None, freshenv=True,
    )  # fmt: skip
    app.build()
    return (out / f"index.{'txt' if builder == 'text' else 'html'}").read_text()


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sphinx_tasks.py").write_text(MODULE)
    (tmp_path / "sphinx_tasks_elsewhere.py").write_text(ELSEWHERE)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("sphinx_tasks", "sphinx_tasks_elsewhere"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def test_page(directory: Path) -> None:
    page = build(directory, "text")
    assert "(task)sphinx_tasks.add(x: int, y=2) -> int" in page
    assert "Add two numbers." in page
    assert "(task)sphinx_tasks.bound(a, *, b=1)" in page
    assert "(task)sphinx_tasks.shared(n)" in page
    assert "(task)sphinx_tasks.handmade(x)" in page
    assert "imported" not in page


def test_links_and_prefix(directory: Path) -> None:
    page = build(directory, "html", celery_task_prefix="job:")
    assert 'href="#sphinx_tasks.add" title="sphinx_tasks.add"' in page
    assert "job:" in page
    assert "(task)" not in page


def test_only_tasks_made_of_functions() -> None:
    app = Celery("documented", broker="memory://", set_as_current=False)
    task = app.task(lambda: None, name="t")
    by_class = app.register_task(type("ByClass", (app.Task,), {"name": "c"})())
    assert TaskDocumenter.can_document_member(task, "task", False, None)
    assert not TaskDocumenter.can_document_member(by_class, "by_class", False, None)
    assert not TaskDocumenter.can_document_member(print, "print", False, None)
    skip = autodoc_skip_member_handler
    assert skip(None, "module", "task", task, True, None) is False
    assert skip(None, "module", "task", task, False, None) is None
    assert skip(None, "module", "by_class", by_class, True, None) is None
