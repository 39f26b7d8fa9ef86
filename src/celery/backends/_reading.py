"""Reading from a store: tasks and groups, through a cache of what cannot change any more."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from celery.backends._steps import BackendSteps
from celery.backends._waiting import poll_pauses
from celery.exceptions import BackendGetMetaError, TimeoutError
from celery.states import PENDING
from celery.states import READY_STATES as READY

__all__ = ("ResultReader",)


class ResultReader(BackendSteps):
    """The part of a backend that clients use: what is the state of a task, what its result?"""

    def get_task_meta(self, task_id: str, cache: bool = True) -> dict[str, Any]:
        """Return what is stored about the task; ``PENDING`` if nothing is.

        Raises:
            BackendGetMetaError: The repetitions are used up.
        """
        self._ensure_not_eager()
        if cache:
            cached: dict[str, Any] | None = self._cache.get(task_id)
            if cached is not None:
                return cached
        meta: dict[str, Any] = self._ensure_retryable(
            self._get_task_meta_for,
            task_id,
            give_up=lambda: BackendGetMetaError("failed to get meta", task_id=task_id),
        )
        if cache and meta["status"] in READY:
            self._cache[task_id] = meta
        return meta

    def is_cached(self, task_id: str) -> bool:
        """Return whether what is stored about the task is in memory."""
        return task_id in self._cache

    def reload_task_result(self, task_id: str) -> None:
        """Read the task's result again and keep it in memory."""
        self._cache[task_id] = self.get_task_meta(task_id, cache=False)

    def task_result_exists(self, task_id: str) -> bool:
        """Return whether anything is stored about the task."""
        return bool(self.get_task_meta(task_id, cache=False)["status"] != PENDING)

    def get_state(self, task_id: str) -> str:
        """Return the state of the task."""
        state: str = self.get_task_meta(task_id)["status"]
        return state

    get_status = get_state

    def get_result(self, task_id: str) -> Any:
        """Return the value or exception of the task, or what it reports meanwhile."""
        return self.get_task_meta(task_id).get("result")

    def get_traceback(self, task_id: str) -> Any:
        """Return the text of the traceback of the task that failed."""
        return self.get_task_meta(task_id).get("traceback")

    def get_children(self, task_id: str) -> Any:
        """Return the ids of the tasks the task has sent."""
        return self.get_task_meta(task_id).get("children")

    def forget(self, task_id: str) -> None:
        """Remove what is stored about the task."""
        self._cache.pop(task_id, None)
        self._ensure_retryable(self._forget, task_id)

    def get_many(
        self,
        task_ids: Iterable[str],
        timeout: float | None = None,
        interval: float = 0.5,
        no_ack: bool = True,
        on_message: Callable[[Any], Any] | None = None,
        on_interval: Callable[[], Any] | None = None,
        max_iterations: int | None = None,
        READY_STATES: frozenset[str] = READY,
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield id and metadata of the tasks as they end.

        Args:
            task_ids: Of the tasks; each is yielded once.
            timeout: Seconds to wait; None is for ever.
            interval: Seconds between two looks at most.
            no_ack: Of no meaning here.
            on_message: Called with the metadata of each task.
            on_interval: Called before each pause.
            max_iterations: Look that often, then end, whatever is missing.
            READY_STATES: What counts as ended.

        Raises:
            celery.exceptions.TimeoutError: Not all have ended in time.
        """
        pending = dict.fromkeys(task_ids)
        pauses = poll_pauses(self._poll_interval(interval), timeout)
        looks = 0
        while pending:
            for task_id, meta in self._look_at(list(pending), READY_STATES):
                del pending[task_id]
                if on_message is not None:
                    on_message(meta)
                yield task_id, meta
            looks += 1
            if not pending or looks == max_iterations:
                return
            if on_interval:
                on_interval()
            pause = next(pauses, None)
            if pause is None:
                raise TimeoutError(f"Operation timed out ({timeout})")
            self._pause(pause)

    def _look_at(
        self, task_ids: list[str], ready_states: frozenset[str]
    ) -> Iterable[tuple[str, dict[str, Any]]]:
        """Return id and metadata of those of the tasks that have ended."""
        metas = ((task_id, self.get_task_meta(task_id)) for task_id in task_ids)
        return [(task_id, meta) for task_id, meta in metas if meta["status"] in ready_states]

    def _poll_interval(self, interval: float) -> float:
        longest = self.subpolling_interval
        return interval if longest is None else min(interval, longest)

    # -- groups

    def save_group(self, group_id: str, result: Any) -> Any:
        """Store which results the group `result` consists of, and return it."""
        return self._save_group(group_id, result)

    def get_group_meta(self, group_id: str, cache: bool = True) -> Any:
        """Return ``{"result": GroupResult}`` as it was saved, or None."""
        self._ensure_not_eager()
        if cache:
            cached = self._cache.get(group_id)
            if cached is not None:
                return cached
        meta = self._restore_group(group_id)
        if cache and meta is not None:
            self._cache[group_id] = meta
        return meta

    def restore_group(self, group_id: str, cache: bool = True) -> Any:
        """Return the group as it was saved, or None."""
        meta = self.get_group_meta(group_id, cache=cache)
        return meta["result"] if meta else None

    def reload_group_result(self, group_id: str) -> None:
        """Read the group again and keep it in memory."""
        self._cache[group_id] = self.get_group_meta(group_id, cache=False)

    def delete_group(self, group_id: str) -> Any:
        """Remove the saved group."""
        self._cache.pop(group_id, None)
        return self._delete_group(group_id)
