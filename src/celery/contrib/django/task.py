"""The task class of Django projects: calls that wait for the transaction to be committed."""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Any

from celery.app.task import Task

__all__ = ["DjangoTask"]


class DjangoTask(Task):
    """A task that can be sent when the surrounding transaction is committed, and not before."""

    abstract = True

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:
        """`delay`, once the transaction is committed. There is no result to wait for yet."""
        self.apply_async_on_commit(args, kwargs)

    def apply_async_on_commit(self, *args: Any, **kwargs: Any) -> None:
        """`apply_async`, once the transaction is committed. There is no result to wait for yet.

        Args:
            using: alias of the database whose transaction is meant.
        """
        using = kwargs.pop("using", None)
        transaction = import_module("django.db.transaction")
        transaction.on_commit(functools.partial(self.apply_async, *args, **kwargs), using=using)
