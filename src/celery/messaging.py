"""Connections and consumers of the current application (kept for its import path)."""

from typing import Any

from celery._state import get_current_app

__all__ = ("TaskConsumer", "establish_connection", "get_consumer_set")


def establish_connection(*args: Any, **kwargs: Any) -> Any:
    """See ``app.connection``."""
    return get_current_app().connection(*args, **kwargs)


def TaskConsumer(*args: Any, **kwargs: Any) -> Any:
    """See ``app.amqp.TaskConsumer``."""
    return get_current_app().amqp.TaskConsumer(*args, **kwargs)


get_consumer_set = TaskConsumer
