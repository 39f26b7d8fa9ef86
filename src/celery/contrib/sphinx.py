"""Tasks in documentation made by Sphinx.

In ``conf.py``::

    extensions = ["celery.contrib.sphinx"]

Then ``automodule`` shows the module's tasks among its functions, ``autotask`` shows one, the
directive ``task`` describes one by hand, and the role of the same name links to it. The setting
``celery_task_prefix`` is the text in front of a task's name, by default ``(task)``.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.domains.python import PyFunction, PyXRefRole
from sphinx.ext.autodoc import FunctionDocumenter

from celery.app.task import Task

__all__ = ("TaskDirective", "TaskDocumenter", "autodoc_skip_member_handler", "setup")


def _function_of(member: Any) -> Any:
    """Return the function that a task was made of, None if `member` is no such task."""
    return getattr(member, "__wrapped__", None) if isinstance(member, Task) else None


class TaskDocumenter(FunctionDocumenter):  # type: ignore[misc]  # Sphinx is not there
    """Documents a task as the function it was made of."""

    objtype = "task"
    member_order = 11
    object: Any

    @classmethod
    def can_document_member(cls, member: Any, membername: str, isattr: bool, parent: Any) -> bool:
        """Return whether it is a task made of a function."""
        return _function_of(member) is not None

    def import_object(self, raiseerror: bool = False) -> bool:
        """Import the task, and go on with its function."""
        found: bool = super().import_object(raiseerror)
        if found:
            self.object = _function_of(self.object) or self.object
        return found

    def check_module(self) -> bool:
        """Return whether the task is at home in the module, and not imported there."""
        function = _function_of(self.get_attr(self.parent, self.objpath[-1])) or self.object
        return bool(getattr(function, "__module__", None) == self.modname)

    def document_members(self, all_members: bool = False) -> None:
        """Show nothing more: a task's attributes are those of every task."""


class TaskDirective(PyFunction):  # type: ignore[misc]  # Sphinx is not there
    """Describes a task."""

    def get_signature_prefix(self, sig: str) -> list[nodes.Node]:
        """Return what stands in front of the task's name."""
        return [nodes.Text(self.config.celery_task_prefix)]


def autodoc_skip_member_handler(
    app: Any, what: str, name: str, obj: Any, skip: bool, options: Any
) -> bool | None:
    """Keep tasks that autodoc would leave out, for they are objects and not functions."""
    return False if skip and _function_of(obj) is not None else None


def _use_documenter_classes(app: Any, config: Any) -> None:
    # From 9.0 on Sphinx has a second autodoc, which knows no documenters but its own.
    if "autodoc_use_legacy_class_based" in config:
        config.autodoc_use_legacy_class_based = True


def setup(app: Any) -> dict[str, bool]:
    """Set up the extension; called by Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.add_autodocumenter(TaskDocumenter)
    app.add_directive_to_domain("py", "task", TaskDirective)
    app.add_role_to_domain("py", "task", PyXRefRole(fix_parens=True))
    app.add_config_value("celery_task_prefix", "(task)", "env")
    app.connect("config-inited", _use_documenter_classes, priority=100)  # before autodoc looks
    app.connect("autodoc-skip-member", autodoc_skip_member_handler)
    return {"parallel_read_safe": True}
