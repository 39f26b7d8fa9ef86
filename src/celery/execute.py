"""Sending a task by name through the current application (kept for its import path)."""

from typing import Any

from celery._state import get_current_app

__all__ = ("send_task",)


def send_task(name: str, *args: Any, **options: Any) -> Any:
    """Send the task `name`; see ``app.send_task``."""
    return get_current_app().send_task(name, *args, **options)
