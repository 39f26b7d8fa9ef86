"""What is stored about a task, as attributes of its promise."""

from datetime import datetime
from typing import Any, cast

from celery.result.base import ResultBase

__all__ = ("StoredFields",)


class StoredFields(ResultBase):
    """Reads each field from the metadata that :meth:`_get_task_meta` returns."""

    _task_name: str | None = None

    def _get_task_meta(self) -> dict[str, Any]:
        raise NotImplementedError(f"{type(self).__name__} has no metadata")

    @property
    def state(self) -> str:
        """State of the task: see :mod:`celery.states`."""
        state: str = self._get_task_meta()["status"]
        return state

    status = state

    @property
    def result(self) -> Any:
        """Value of the task, its exception, or what it reports meanwhile."""
        return self._get_task_meta()["result"]

    info = result

    @property
    def traceback(self) -> Any:
        """Text of the traceback of a task that failed."""
        return self._get_task_meta().get("traceback")

    @property
    def children(self) -> list[Any] | None:
        """Promises of what the task has sent, once it has ended."""
        children: list[Any] | None = self._get_task_meta().get("children")
        return children

    @property
    def name(self) -> str | None:
        """Name of the task (``result_extended``)."""
        return self._get_task_meta().get("name") or self._task_name

    @property
    def args(self) -> Any:
        """Positional arguments of the task (``result_extended``)."""
        return self._get_task_meta().get("args")

    @property
    def kwargs(self) -> Any:
        """Keyword arguments of the task (``result_extended``)."""
        return self._get_task_meta().get("kwargs")

    @property
    def worker(self) -> str | None:
        """Node name of the worker (``result_extended``)."""
        return self._get_task_meta().get("worker")

    @property
    def retries(self) -> int | None:
        """How often the task was retried (``result_extended``)."""
        return self._get_task_meta().get("retries")

    @property
    def queue(self) -> str | None:
        """Queue the task came from (``result_extended``)."""
        return self._get_task_meta().get("queue")

    @property
    def date_done(self) -> datetime | None:
        """When the task ended, in UTC; None before."""
        date_done = self._get_task_meta().get("date_done")
        if isinstance(date_done, str):
            return datetime.fromisoformat(date_done)
        return cast("datetime | None", date_done)
