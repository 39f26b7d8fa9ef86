"""The task registry of the current application, where instrumentation looks for it."""

from typing import Any

from celery._state import get_current_app
from celery.local import Proxy

__all__ = ("tasks",)

#: The tasks of the current application by name, found at each use.
tasks: Any = Proxy(lambda: get_current_app().tasks)
