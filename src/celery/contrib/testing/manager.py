"""Asserting on many results, with patience: for integration tests against real workers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import count
from time import monotonic, sleep
from typing import Any

from kombu.utils.functional import retry_over_time

from celery import states
from celery.exceptions import TimeoutError
from celery.result import ResultSet
from celery.utils.text import truncate
from celery.utils.time import humanize_seconds

__all__ = ["Manager", "ManagerMixin", "Sentinel"]

E_STILL_WAITING = "Still waiting for {0}.  Trying again {when}: {exc!r}"


class Sentinel(Exception):
    """Raised to end a test on purpose."""


class ManagerMixin:
    """Waits for conditions of tasks and workers, and fails with what it saw last."""

    app: Any
    connerrors: tuple[type[BaseException], ...]

    def _init_manager(
        self,
        block_timeout: float = 30 * 60.0,
        no_join: bool = False,
        stdout: Any = None,
        stderr: Any = None,
    ) -> None:
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self.connerrors = self.app.connection().recoverable_connection_errors
        self.block_timeout = block_timeout
        self.no_join = no_join

    def remark(self, text: str, sep: str = "-") -> None:
        """Say something."""
        print(f"{sep}{text}", file=self.stdout)

    def missing_results(self, results: Sequence[Any]) -> list[str]:
        """Ids of the results whose workers never answered."""
        return [result.id for result in results if result.id not in result.backend._cache]

    def wait_for(  # noqa: PLR0913  # the documented signature
        self,
        fun: Callable[[], Any],
        catch: type[BaseException] | tuple[type[BaseException], ...],
        desc: str = "thing",
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
        errback: Callable[..., Any] | None = None,
        max_retries: int = 10,
        interval_start: float = 0.1,
        interval_step: float = 0.5,
        interval_max: float = 5.0,
        emit_warning: bool = False,
        **options: Any,
    ) -> Any:
        """Call `fun` until it raises none of `catch`."""

        def on_error(exc: BaseException, intervals: Any, retries: int) -> float:
            interval: float = next(intervals)
            if emit_warning:
                when = humanize_seconds(interval, "in", " ")
                self.remark(E_STILL_WAITING.format(desc, when=when, exc=exc))
            if errback is not None:
                errback(exc, interval, retries)
            return interval

        return retry_over_time(
            fun,
            catch,
            args=args,
            kwargs=kwargs or {},
            errback=on_error,
            max_retries=max_retries,
            interval_start=interval_start,
            interval_step=interval_step,
            interval_max=interval_max,
            **options,
        )

    def ensure_not_for_a_while(
        self,
        fun: Callable[[], Any],
        catch: type[BaseException] | tuple[type[BaseException], ...],
        desc: str = "thing",
        max_retries: int = 20,
        interval: float = 0.1,
    ) -> None:
        """Make sure that `fun` goes on raising one of `catch`.

        Raises:
            AssertionError: it did not.
        """
        for _ in range(max_retries):
            try:
                fun()
            except catch:
                sleep(interval)
            else:
                raise AssertionError(f"Should not have happened: {desc}")

    def retry_over_time(self, *args: Any, **kwargs: Any) -> Any:
        """kombu's function of that name."""
        return retry_over_time(*args, **kwargs)

    def join(
        self,
        r: Any,
        propagate: bool = False,
        max_retries: int = 10,
        **kwargs: Any,
    ) -> Any:
        """The results of `r`, waited for with patience.

        Raises:
            AssertionError: they did not come.
        """
        if self.no_join:
            return None
        results = r if isinstance(r, ResultSet) else self.app.ResultSet([r])
        received: list[Any] = []

        def on_result(task_id: str, value: Any) -> None:
            received.append(task_id)

        for attempt in range(max_retries + 1):
            received.clear()
            try:
                return results.get(callback=on_result, propagate=propagate, **kwargs)
            except self.connerrors + (TimeoutError,) as exc:  # noqa: RUF005  # mypy knows this form
                waiting = [result.id for result in results if result.id not in received]
                self.remark(
                    f"Still waiting for {len(waiting)}/{len(results)}: "
                    f"[{truncate(', '.join(waiting))}] ({exc!r}, attempt {attempt + 1})",
                    "!",
                )
        raise AssertionError("Test failed: Missing task results")

    def inspect(self, timeout: float = 3.0) -> Any:
        """Questions to the workers."""
        return self.app.control.inspect(timeout=timeout)

    def query_tasks(self, ids: Iterable[str], timeout: float = 0.5) -> Iterable[tuple[str, Any]]:
        """(node, reply) of each worker that knows something about the tasks."""
        answers = self.app.control.inspect(timeout=timeout).query_task(*ids) or {}
        yield from answers.items()

    def query_task_states(self, ids: Iterable[str], timeout: float = 0.5) -> dict[str, set[str]]:
        """Ids by what the workers say of them: active, reserved ..."""
        found: dict[str, set[str]] = {}
        for _, reply in self.query_tasks(ids, timeout=timeout):
            for task_id, (state, _) in reply.items():
                found.setdefault(state, set()).add(task_id)
        return found

    def assert_accepted(
        self,
        ids: Sequence[str],
        interval: float = 0.5,
        desc: str = "waiting for tasks to be accepted",
        **policy: Any,
    ) -> Any:
        """All tasks have been begun."""
        return self.assert_task_worker_state(
            self.is_accepted, ids, interval=interval, desc=desc, **policy
        )

    def assert_received(
        self,
        ids: Sequence[str],
        interval: float = 0.5,
        desc: str = "waiting for tasks to be received",
        **policy: Any,
    ) -> Any:
        """All tasks are with a worker."""
        return self.assert_task_worker_state(
            self.is_received, ids, interval=interval, desc=desc, **policy
        )

    def assert_result_tasks_in_progress_or_completed(
        self,
        async_results: Sequence[Any],
        interval: float = 0.5,
        desc: str = "waiting for tasks to be started or completed",
        **policy: Any,
    ) -> Any:
        """All tasks run, or have ended."""
        return self.assert_task_state_from_result(
            self.is_result_task_in_progress, async_results, interval=interval, desc=desc, **policy
        )

    def assert_task_state_from_result(
        self, fun: Callable[..., bool], results: Any, interval: float = 0.5, **policy: Any
    ) -> Any:
        """`fun` is true of the results, sooner or later."""
        return self.wait_for(
            partial(self.true_or_raise, fun, results, timeout=interval), (Sentinel,), **policy
        )

    @staticmethod
    def is_result_task_in_progress(results: Iterable[Any], **kwargs: Any) -> bool:
        """All have begun."""
        wanted = {states.STARTED, states.SUCCESS}
        return all(result.state in wanted for result in results)

    def assert_task_worker_state(
        self, fun: Callable[..., bool], ids: Sequence[str], interval: float = 0.5, **policy: Any
    ) -> Any:
        """`fun` is true of the ids, sooner or later."""
        return self.wait_for(
            partial(self.true_or_raise, fun, ids, timeout=interval), (Sentinel,), **policy
        )

    def is_received(self, ids: Iterable[str], **kwargs: Any) -> bool:
        """All are with a worker."""
        return self._ids_matches_state({"reserved", "active", "ready"}, ids, **kwargs)

    def is_accepted(self, ids: Iterable[str], **kwargs: Any) -> bool:
        """All have been begun."""
        return self._ids_matches_state({"active", "ready"}, ids, **kwargs)

    def _ids_matches_state(
        self, expected: set[str], ids: Iterable[str], timeout: float = 0.5
    ) -> bool:
        wanted = set(ids)
        found = self.query_task_states(wanted, timeout=timeout)
        return wanted <= set().union(*(found.get(state, set()) for state in expected))

    def true_or_raise(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What `fun` returns.

        Raises:
            Sentinel: it is false.
        """
        result = fun(*args, **kwargs)
        if not result:
            raise Sentinel
        return result

    def wait_until_idle(self) -> None:
        """Wait until no worker runs anything.

        Raises:
            AssertionError: they are busy for longer than `block_timeout`.
        """
        deadline = monotonic() + self.block_timeout
        with self.app.connection() as connection:
            inspect = self.app.control.inspect(connection=connection)
            for _ in count():
                active = inspect.active() or {}
                if not any(active.values()):
                    return
                if monotonic() > deadline:
                    raise AssertionError(f"Workers are still busy: {active}")
                sleep(0.5)


class Manager(ManagerMixin):
    """The assertions, for one app."""

    def __init__(self, app: Any, **kwargs: Any) -> None:
        self.app = app
        self._init_manager(**kwargs)
