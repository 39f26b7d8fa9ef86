"""The task by which a test knows that its worker works."""

from celery.app import shared_task

__all__ = ["ping"]


@shared_task(name="celery.ping")
def ping() -> str:
    """Answer."""
    return "pong"
