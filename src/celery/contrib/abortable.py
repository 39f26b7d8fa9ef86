"""Tasks that stop when asked to.

Revoking does not stop a task that runs already, unless its process is ended. An abortable task
looks, now and then, whether it has been asked to stop::

    @app.task(bind=True, base=AbortableTask)
    def crunch(self, numbers):
        for number in numbers:
            if self.is_aborted():
                return None
            ...

    result = crunch.delay(range(10_000))
    result.abort()

Being asked is a state of the task, so the result store has to be one that client and worker share
and that keeps states: any but RPC and the disabled one. What a task returns after it was asked
replaces that state.
"""

from __future__ import annotations

from typing import Any, Final

from celery.app.task import Task
from celery.result import AsyncResult

__all__ = ("ABORTED", "AbortableAsyncResult", "AbortableTask")

#: State of a task that has been asked to stop, and has not ended since.
ABORTED: Final = "ABORTED"


class AbortableAsyncResult(AsyncResult[Any]):
    """The promise of the result of an abortable task."""

    def is_aborted(self) -> bool:
        """Return whether the task has been asked to stop, and has not ended since."""
        return self.state == ABORTED

    def abort(self) -> None:
        """Ask the task to stop; nothing happens if it has succeeded already.

        It keeps running until it looks. If it has not been started, it will be.
        """
        self.backend.store_result(self.id, None, state=ABORTED)


class AbortableTask(Task):
    """Base of tasks that look whether they have been asked to stop."""

    abstract = True

    def AsyncResult(self, task_id: str, **kwargs: Any) -> AbortableAsyncResult:
        """Return the promise of the result of this task's call of that id."""
        return AbortableAsyncResult(
            task_id, backend=self.backend, task_name=self.name, app=self.app, **kwargs
        )

    def is_aborted(self, *, task_id: str | None = None) -> bool:
        """Return whether the task has been asked to stop. Asks the result store.

        Args:
            task_id: of the call; the one that is running if None.

        Raises:
            ValueError: no call is running here, and none is named.
        """
        id = task_id or self.request.id
        if id is None:
            raise ValueError("is_aborted() needs a task_id where no task is running")
        return self.AsyncResult(id).is_aborted()
