"""The result of a task that was run where it was called."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from vine import promise

from celery.exceptions import TaskRevokedError
from celery.result.async_result import AsyncResult
from celery.result.guards import assert_will_not_block
from celery.states import PROPAGATE_STATES, REVOKED, SUCCESS

__all__ = ("EagerResult",)

R = TypeVar("R")


class EagerResult(AsyncResult[R], Generic[R]):
    """The result of a task that has ended already; no store is involved.

    Args:
        id: Of the task.
        ret_value: What it returned, or the exception it raised.
        state: In which it ended.
        traceback: Text of the traceback.
        name: Of the task.
    """

    def __init__(
        self,
        id: str,
        ret_value: Any,
        state: str,
        traceback: Any = None,
        name: str | None = None,
    ) -> None:
        self.id = id
        self.backend = cast(Any, None)
        self.parent = None
        self._result = ret_value
        self._state = state
        self._traceback = traceback
        self._task_name = name
        self._ignored = False
        self.on_ready = promise()
        self.on_ready(self)

    def __repr__(self) -> str:
        return f"<EagerResult: {self.id}>"

    def __copy__(self) -> "EagerResult[R]":
        return type(self)(*self.__reduce_args__())

    def __reduce__(self) -> Any:
        return type(self), self.__reduce_args__()

    def __reduce_args__(self) -> tuple[Any, ...]:
        return self.id, self._result, self._state, self._traceback, self._task_name

    @property
    def _cache(self) -> dict[str, Any]:  # type: ignore[override]  # here it is always there
        return {
            "task_id": self.id,
            "result": self._result,
            "status": self._state,
            "traceback": self._traceback,
            "name": self._task_name,
        }

    def _get_task_meta(self) -> dict[str, Any]:
        return self._cache

    @property
    def supports_native_join(self) -> bool:
        """There is no store to join natively."""
        return False

    def ready(self) -> bool:
        """Return True, even if the task asked to be retried: there is nobody to run it again."""
        return True

    def exists(self) -> bool:
        """Return True: it is all here."""
        return True

    def then(
        self,
        callback: Callable[[Any], Any],
        on_error: Callable[[Any], Any] | None = None,
        weak: bool = False,
    ) -> Any:
        """Call `callback` with this object, at once."""
        return self.on_ready.then(callback, on_error)

    def get(  # type: ignore[override]  # what concerns a store is accepted and not used
        self,
        timeout: float | None = None,
        propagate: bool = True,
        disable_sync_subtasks: bool = True,
        **kwargs: Any,
    ) -> R:
        """Return the value of the task or raise its error; there is nothing to wait for.

        Args:
            timeout: Not used.
            propagate: False to have the exception returned.
            disable_sync_subtasks: False to allow it where waiting is denied.
            **kwargs: Not used.
        """
        if disable_sync_subtasks:
            assert_will_not_block()
        if self._state == SUCCESS:
            return cast(R, self._result)
        if self._state not in PROPAGATE_STATES:
            return cast(R, None)
        if propagate:
            error = self._result
            raise error if isinstance(error, BaseException) else Exception(error)
        return cast(R, self._result)

    wait = get  # type: ignore[assignment]  # as above

    def forget(self) -> None:
        """Do nothing: no store is involved."""

    def revoke(self, *args: Any, **kwargs: Any) -> None:
        """Make it look revoked, though it has run."""
        self._state = REVOKED
        self._result = TaskRevokedError("revoked")
