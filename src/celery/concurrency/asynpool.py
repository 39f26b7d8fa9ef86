"""The engine of the prefork pool, under the name it has upstream."""

from celery.concurrency._prefork.pool import ProcessPool as AsynPool

__all__ = ("AsynPool",)
