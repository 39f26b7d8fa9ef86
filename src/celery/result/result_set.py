"""The promises of many results, waited for together."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast
from weakref import proxy

from vine import barrier, promise

from celery._state import app_or_default
from celery.exceptions import ImproperlyConfigured
from celery.result.base import ResultBase
from celery.result.guards import assert_will_not_block
from celery.result.tree import unpickle_result
from celery.states import PROPAGATE_STATES

if TYPE_CHECKING:
    from celery._ports import AppPort, BackendPort

__all__ = ("ResultSet",)


class ResultSet(ResultBase):
    """The promises of many results, in an order.

    Args:
        results: Promises of tasks, or of groups.
        app: The application; that of the results, or the current one, if None.
        ready_barrier: Fulfilled when all are, instead of one made of `results`.
    """

    _app: "AppPort | None" = None
    results: list[Any]

    def __init__(
        self,
        results: Iterable[Any],
        app: "AppPort | None" = None,
        ready_barrier: Any = None,
        **kwargs: Any,
    ) -> None:
        # An application's own subclass has it as a class attribute.
        self._app = app or self._app
        self.results = list(results)
        self.on_ready = promise(args=(proxy(self),))
        self._on_full: Any = ready_barrier
        if ready_barrier is not None:
            ready_barrier.then(promise(self._on_ready, weak=True))

    # -- a collection

    def add(self, result: Any) -> None:
        """Append `result` if it is not there."""
        if result not in self.results:
            self.results.append(result)
            if self._on_full is not None and not self._on_full.ready:
                self._on_full.add(result)

    def remove(self, result: Any) -> None:
        """Remove `result`, a promise or an id.

        Raises:
            KeyError: It is not there.
        """
        if isinstance(result, str):
            result = self.app.AsyncResult(result)
        try:
            self.results.remove(result)
        except ValueError:
            raise KeyError(result) from None

    def discard(self, result: Any) -> None:
        """Remove `result`, a promise or an id, if it is there."""
        if result in self.results:
            self.remove(result)

    def update(self, results: Iterable[Any]) -> None:
        """Append those of `results` that are not there."""
        for result in results:
            self.add(result)

    def clear(self) -> None:
        """Remove all."""
        self.results.clear()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.results)

    def __getitem__(self, index: Any) -> Any:
        return self.results[index]

    def __len__(self) -> int:
        return len(self.results)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ResultSet):
            return bool(other.results == self.results)
        return NotImplemented

    # Mutable; but a promise is told apart by itself where it is waited for.
    __hash__ = object.__hash__

    def __reduce__(self) -> Any:
        return unpickle_result, ("ResultSet", (self.results,))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: [{', '.join(str(r.id) for r in self.results)}]>"

    @property
    def app(self) -> "AppPort":
        """The application."""
        if self._app is None:
            self._app = (
                self.results[0].app if self.results and self.results[0].app else app_or_default()
            )
        return self._app

    @app.setter
    def app(self, app: "AppPort") -> None:
        self._app = app

    @property
    def backend(self) -> "BackendPort":
        """The store."""
        return cast("BackendPort", self.app.backend if self.app else self.results[0].backend)

    @property
    def supports_native_join(self) -> bool:
        """Whether the results can be waited for at once, rather than one after the other."""
        return bool(self.results) and bool(self.results[0].supports_native_join)

    # -- state

    def successful(self) -> bool:
        """Return whether every task has returned."""
        return all(result.successful() for result in self.results)

    def failed(self) -> bool:
        """Return whether a task has raised."""
        return any(result.failed() for result in self.results)

    def waiting(self) -> bool:
        """Return whether a task has not ended."""
        return not self.ready()

    def ready(self) -> bool:
        """Return whether every task has ended."""
        return all(result.ready() for result in self.results)

    def completed_count(self) -> int:
        """Return how many tasks have returned."""
        return sum(bool(result.successful()) for result in self.results)

    def maybe_throw(
        self, callback: Callable[[str, Any], Any] | None = None, propagate: bool = True
    ) -> None:
        """Raise the error of the first task that has failed, if one has."""
        for result in self.results:
            result.maybe_throw(callback=callback, propagate=propagate)

    maybe_reraise = maybe_throw

    def _failed_join_report(self) -> Iterator[Any]:
        """Yield the results known to be failures; the store is not asked."""
        for result in self.results:
            known = getattr(result, "_cache", None) or result.backend.is_cached(result.id)
            if known and result.state in PROPAGATE_STATES:
                yield result

    # -- waiting

    def get(
        self,
        timeout: float | None = None,
        propagate: bool = True,
        interval: float = 0.5,
        callback: Callable[[str, Any], Any] | None = None,
        no_ack: bool = True,
        on_message: Callable[[Any], Any] | None = None,
        disable_sync_subtasks: bool = True,
        on_interval: Callable[[], Any] | None = None,
    ) -> Any:
        """Wait until all tasks have ended and return their values, in order; see :meth:`join`."""
        join = self.join_native if self.supports_native_join else self.join
        return join(
            timeout=timeout,
            propagate=propagate,
            interval=interval,
            callback=callback,
            no_ack=no_ack,
            on_message=on_message,
            on_interval=on_interval,
            disable_sync_subtasks=disable_sync_subtasks,
        )

    def join(
        self,
        timeout: float | None = None,
        propagate: bool = True,
        interval: float = 0.5,
        callback: Callable[[str, Any], Any] | None = None,
        no_ack: bool = True,
        on_message: Callable[[Any], Any] | None = None,
        disable_sync_subtasks: bool = True,
        on_interval: Callable[[], Any] | None = None,
    ) -> list[Any]:
        """Wait for the tasks one after the other and return their values, in order.

        Args:
            timeout: Seconds to wait for all; None is for ever.
            propagate: False to have the exceptions of failed tasks returned.
            interval: Seconds between two looks at most, for stores that have to be asked.
            callback: Called with id and value of each; then nothing is returned.
            no_ack: Acknowledge the messages of a message store automatically.
            on_message: Must be None: see :meth:`join_native`.
            disable_sync_subtasks: False to allow it within a task.
            on_interval: Called each time there is nothing yet.

        Raises:
            celery.exceptions.TimeoutError: A task has not ended in time.
            RuntimeError: Called within a task, which could block for ever.
            Exception: That of the first task, in order, that has failed.
        """
        if disable_sync_subtasks:
            assert_will_not_block()
        if on_message is not None:
            raise ImproperlyConfigured("Backend does not support on_message callback")
        deadline = None if timeout is None else time.monotonic() + timeout
        values = []
        for result in self.results:
            value = result.get(
                # With nothing left, there is still a look at a result that may be ready.
                timeout=None if deadline is None else max(0.0, deadline - time.monotonic()),
                propagate=propagate,
                interval=interval,
                no_ack=no_ack,
                on_interval=on_interval,
                disable_sync_subtasks=disable_sync_subtasks,
            )
            if callback:
                callback(result.id, value)
            else:
                values.append(value)
        return values

    def join_native(
        self,
        timeout: float | None = None,
        propagate: bool = True,
        interval: float = 0.5,
        callback: Callable[[str, Any], Any] | None = None,
        no_ack: bool = True,
        on_message: Callable[[Any], Any] | None = None,
        on_interval: Callable[[], Any] | None = None,
        disable_sync_subtasks: bool = True,
    ) -> Any:
        """Wait for all tasks at once and return their values, in order.

        For the arguments see :meth:`join`; `on_message` is called with what the store sends.  The
        error raised is that of the first task that fails, in time.
        """
        if disable_sync_subtasks:
            assert_will_not_block()
        values: dict[str, Any] = {}
        for task_id, meta in self.iter_native(
            timeout=timeout,
            interval=interval,
            no_ack=no_ack,
            on_message=on_message,
            on_interval=on_interval,
        ):
            if isinstance(meta, list):
                value: Any = [
                    member.get(
                        timeout=timeout,
                        propagate=propagate,
                        interval=interval,
                        disable_sync_subtasks=disable_sync_subtasks,
                    )
                    for member in meta
                ]
            else:
                value = meta["result"]
                if propagate and meta["status"] in PROPAGATE_STATES:
                    raise value
            if callback:
                callback(task_id, value)
            else:
                values[task_id] = value
        return None if callback else [values[result.id] for result in self.results]

    def iter_native(
        self,
        timeout: float | None = None,
        interval: float = 0.5,
        no_ack: bool = True,
        on_message: Callable[[Any], Any] | None = None,
        on_interval: Callable[[], Any] | None = None,
    ) -> Iterator[tuple[str, Any]]:
        """Yield id and metadata of the tasks as they end; of a group, id and members."""
        by_id = {result.id: result for result in self.results}
        if self.backend.is_async:
            self._listen()
        for task_id, meta in self.backend.iter_native(
            self,
            timeout=timeout,
            interval=interval,
            no_ack=no_ack,
            on_message=on_message,
            on_interval=on_interval,
        ):
            if isinstance(meta, dict):
                # The store need not be asked again, and who waits for this one is told.
                by_id[task_id]._maybe_set_cache(meta)
            yield task_id, meta

    def then(
        self,
        callback: Callable[[Any], Any],
        on_error: Callable[[Any], Any] | None = None,
        weak: bool = False,
    ) -> Any:
        """Call `callback` with this object when all tasks have ended; see :meth:`get`."""
        self._listen()
        return self.on_ready.then(callback, on_error)

    def _listen(self) -> None:
        """Become ready when all results are.

        Not done when the set is made: most groups are never waited for, and with some stores each
        result that is listened for costs a round trip.
        """
        if self._on_full is None:
            self._on_full = barrier(self.results)
            self._on_full.then(promise(self._on_ready, weak=True))

    def _on_ready(self) -> None:
        self.on_ready()

    def _iter_meta(self, **kwargs: Any) -> Iterator[dict[str, Any]]:
        """Yield what is stored about those of the tasks that have ended, looking once."""
        ids = [result.id for result in self.results if not isinstance(result, ResultSet)]
        for _, meta in self.backend.get_many(ids, max_iterations=1, **kwargs):
            yield meta
        for result in self.results:
            if isinstance(result, ResultSet):
                yield from result._iter_meta(**kwargs)

    # -- orders

    def forget(self) -> None:
        """Remove the results from the store."""
        for result in self.results:
            result.forget()

    def revoke(
        self,
        connection: Any = None,
        terminate: bool = False,
        signal: str | None = None,
        wait: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Tell all workers to ignore the tasks; see :meth:`AsyncResult.revoke`."""
        self.app.control.revoke(
            [result.id for result in self.results],
            connection=connection,
            timeout=timeout,
            terminate=terminate,
            signal=signal,
            reply=wait,
        )
