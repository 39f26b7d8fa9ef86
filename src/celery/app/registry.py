"""The tasks of an app, by name."""

from __future__ import annotations

import inspect
from typing import Any

from celery.app.autoretry import add_autoretry_behaviour
from celery.exceptions import InvalidTaskError, NotRegistered

__all__ = ["TaskRegistry"]


class TaskRegistry(dict[str, Any]):
    """Task by name.

    Raises:
        NotRegistered: looking up, or unregistering, a name that is not there.
    """

    NotRegistered = NotRegistered

    def __missing__(self, key: str) -> Any:
        raise self.NotRegistered(key)

    def register(self, task: Any) -> None:
        """Add a task; a class is instantiated.

        Raises:
            InvalidTaskError: it has no name.
        """
        if task.name is None:
            raise InvalidTaskError(
                f"Task class {type(task).__name__!r} must specify .name attribute"
            )
        task = (inspect.isclass(task) and task()) or task
        self[task.name] = task
        add_autoretry_behaviour(task)

    def unregister(self, name: Any) -> None:
        """Remove a task, given by name or as itself."""
        try:
            self.pop(getattr(name, "name", name))
        except KeyError:
            raise self.NotRegistered(name) from None

    def regular(self) -> dict[str, Any]:
        """The tasks that are not periodic."""
        return self.filter_types("regular")

    def periodic(self) -> dict[str, Any]:
        """The tasks of the periodic type."""
        return self.filter_types("periodic")

    def filter_types(self, type: str) -> dict[str, Any]:  # the documented name
        """The tasks of one type."""
        return {
            name: task for name, task in self.items() if getattr(task, "type", "regular") == type
        }
