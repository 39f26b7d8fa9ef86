"""The pools a worker can run its tasks in, found by name."""

import os
from typing import TYPE_CHECKING

from celery.utils.imports import symbol_by_name

if TYPE_CHECKING:
    from celery.concurrency.base import BasePool

__all__ = ("get_available_pool_names", "get_implementation")

#: Names for ``--pool`` and ``worker_pool``.  None: read from the environment when asked for.
ALIASES: dict[str, str | None] = {
    "prefork": "celery.concurrency.prefork:TaskPool",
    "eventlet": "celery.concurrency.eventlet:TaskPool",
    "gevent": "celery.concurrency.gevent:TaskPool",
    "solo": "celery.concurrency.solo:TaskPool",
    "processes": "celery.concurrency.prefork:TaskPool",
    "threads": "celery.concurrency.thread:TaskPool",
    "custom": None,
}

#: The environment variable that names the pool class behind the alias ``custom``.
CUSTOM_POOL_VARIABLE = "CELERY_CUSTOM_WORKER_POOL"


def get_implementation(cls: "str | type[BasePool]") -> "type[BasePool]":
    """Return the pool class that `cls` names: an alias, a ``module:Class`` path, or the class.

    Raises:
        ImportError: There is no such module, or the library the pool stands on is not installed.
    """
    if isinstance(cls, str):
        cls = ALIASES.get(cls) or _custom(cls)
    implementation: type[BasePool] = symbol_by_name(cls)
    return implementation


def _custom(name: str) -> str:
    """Return the path behind ``custom``, if the environment gives one; other names as they are."""
    if name == "custom":
        return os.environ.get(CUSTOM_POOL_VARIABLE) or name
    return name


def get_available_pool_names() -> tuple[str, ...]:
    """Return the aliases, in the order in which help texts list them."""
    return tuple(ALIASES)
