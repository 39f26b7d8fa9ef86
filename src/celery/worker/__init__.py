"""The worker: receives tasks and has its pool run them."""

from celery.worker.worker import WorkController

__all__ = ["WorkController"]
