"""What all promises of results have in common."""

from typing import Any

__all__ = ("ResultBase",)


class ResultBase:
    """Base class of the promises, of one result or of many."""

    #: Promise of the task, or group, before this one in a chain.
    parent: "ResultBase | None" = None

    def as_tuple(self) -> Any:
        """Return the ids as plain data: see :func:`celery.result.result_from_tuple`."""
        raise NotImplementedError(f"{type(self).__name__} has no ids")
