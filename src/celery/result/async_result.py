"""The promise of one task's result."""

from collections.abc import Callable, Iterator
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from kombu.utils.objects import cached_property
from vine import promise

from celery._state import app_or_default
from celery.exceptions import TimeoutError
from celery.result.base import ResultBase
from celery.result.guards import assert_will_not_block
from celery.result.stored import StoredFields
from celery.result.tree import build_graph, iter_dependencies, result_from_tuple, unpickle_result
from celery.states import PROPAGATE_STATES, READY_STATES

if TYPE_CHECKING:
    from celery._ports import AppPort, BackendPort

__all__ = ("AsyncResult",)

R = TypeVar("R")


class AsyncResult(StoredFields, Generic[R]):
    """The promise of the result of a task that was sent, or will be.

    Args:
        id: Of the task.
        backend: The store; the application's if None.
        task_name: Of the task, if it is known; the store knows it with ``result_extended``.
        app: The application; the current one if None.
        parent: Promise of the task before this one in a chain.
    """

    app: "AppPort" = cast("AppPort", None)
    TimeoutError = TimeoutError

    id: str
    backend: "BackendPort"
    #: What is stored about the task, once it has ended.
    _cache: dict[str, Any] | None

    def __init__(
        self,
        id: str,
        backend: "BackendPort | None" = None,
        task_name: str | None = None,
        app: "AppPort | None" = None,
        parent: ResultBase | None = None,
    ) -> None:
        if id is None:
            raise ValueError(f"AsyncResult requires valid id, not {type(id)}")
        self.app = app_or_default(app or self.app)
        self.id = id
        self.backend = backend or self.app.backend
        self.parent = parent
        # Weak: a result must not live on because something waits for it to be ready.
        self.on_ready = promise(self._on_fulfilled, weak=True)
        self._task_name = task_name
        self._cache = None
        self._ignored = False

    # -- identity

    def __str__(self) -> str:
        return str(self.id)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.id}>"

    def __hash__(self) -> int:
        return hash(self.id)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, AsyncResult):
            return bool(other.id == self.id)
        if isinstance(other, str):
            return other == self.id
        return NotImplemented

    def __copy__(self) -> "AsyncResult[R]":
        return type(self)(*self.__reduce_args__())

    def __reduce__(self) -> Any:
        return unpickle_result, ("AsyncResult", self.__reduce_args__())

    def __reduce_args__(self) -> tuple[Any, ...]:
        return self.id, self.backend, self._task_name, None, self.parent

    def as_tuple(self) -> Any:
        """Return ``((id, parent), None)``, where the parent is None or such a tuple."""
        return (self.id, self.parent and self.parent.as_tuple()), None

    def as_list(self) -> list[str]:
        """Return the id, and those of the tasks before it in the chain."""
        ids = [self.id]
        if isinstance(self.parent, AsyncResult):
            ids += self.parent.as_list()
        elif self.parent is not None:
            ids.append(self.parent.id)  # type: ignore[attr-defined]  # a group has one
        return ids

    @property
    def task_id(self) -> str:
        """Id of the task."""
        return self.id

    @task_id.setter
    def task_id(self, id: str) -> None:
        self.id = id

    @property
    def ignored(self) -> bool:
        """Whether the result is not stored: then there is nothing to wait for."""
        return self._ignored

    @ignored.setter
    def ignored(self, value: bool) -> None:
        self._ignored = value

    @property
    def supports_native_join(self) -> bool:
        """Whether many results of this store can be waited for at once."""
        return self.backend.supports_native_join

    # -- waiting

    def get(  # noqa: PLR0913 - the public signature
        self,
        timeout: float | None = None,
        propagate: bool = True,
        interval: float = 0.5,
        no_ack: bool = True,
        follow_parents: bool = True,
        callback: Callable[[str, Any], Any] | None = None,
        on_message: Callable[[Any], Any] | None = None,
        on_interval: Callable[[], Any] | None = None,
        disable_sync_subtasks: bool = True,
        EXCEPTION_STATES: Any = None,
        PROPAGATE_STATES: Any = None,
    ) -> R:
        """Wait until the task has ended, and return its value or raise its error.

        Args:
            timeout: Seconds to wait; None is for ever.
            propagate: False to have the exception of a failed task returned.
            interval: Seconds between two looks at most, for stores that have to be asked.
            no_ack: Acknowledge the messages of a message store automatically.
            follow_parents: Raise the error of a task before this one in the chain.
            callback: Called with id and value.
            on_message: Called with each message, by stores that have messages.
            on_interval: Called each time there is nothing yet.
            disable_sync_subtasks: False to allow it within a task.
            EXCEPTION_STATES: Accepted and not used.
            PROPAGATE_STATES: Accepted and not used.

        Returns:
            The value; None if the task ignores its result.

        Raises:
            celery.exceptions.TimeoutError: The task has not ended in time.
            RuntimeError: Called within a task, which could block for ever.
            Exception: The task's.
        """
        if self._ignored:
            return cast(R, None)
        if disable_sync_subtasks:
            assert_will_not_block()
        look_at_parents = follow_parents and propagate and self.parent is not None
        if look_at_parents:
            self._maybe_reraise_parent_error()
        if self._cache:
            return cast(R, self.maybe_throw(propagate=propagate, callback=callback))

        def on_each_interval() -> None:
            if look_at_parents:
                self._maybe_reraise_parent_error()
            if on_interval:
                on_interval()

        self.backend.add_pending_result(self)
        value = self.backend.wait_for_pending(
            self,
            timeout=timeout,
            interval=interval,
            on_interval=on_each_interval,
            no_ack=no_ack,
            propagate=propagate,
            callback=callback,
            on_message=on_message,
        )
        return cast(R, value)

    wait = get

    def then(
        self,
        callback: Callable[[Any], Any],
        on_error: Callable[[Any], Any] | None = None,
        weak: bool = False,
    ) -> Any:
        """Call `callback` with this object when the task has ended.

        Some thread has to be waiting for results then; see :meth:`get`.
        """
        self.backend.add_pending_result(self, weak=weak)
        return self.on_ready.then(callback, on_error)

    def _on_fulfilled(self, result: Any) -> Any:
        self.backend.remove_pending_result(self)
        return result

    def maybe_throw(
        self, propagate: bool = True, callback: Callable[[str, Any], Any] | None = None
    ) -> Any:
        """Return the value as it is now; raise the error if the task has failed.

        Args:
            propagate: False to have the exception returned.
            callback: Called with id and value.
        """
        meta = self._get_task_meta()
        value = meta["result"]
        if propagate and meta["status"] in PROPAGATE_STATES:
            self.throw(value, self._to_remote_traceback(meta.get("traceback")))
        if callback is not None:
            callback(self.id, value)
        return value

    maybe_reraise = maybe_throw

    def throw(self, *args: Any, **kwargs: Any) -> Any:
        """Raise an exception as the outcome; see :meth:`vine.promise.throw`."""
        return self.on_ready.throw(*args, **kwargs)

    def _to_remote_traceback(self, text: str | None) -> TracebackType | None:
        """Return the traceback of the worker, if it is wanted and can be made from its text."""
        if not text or self.app is None or not self.app.conf.task_remote_tracebacks:
            return None
        try:
            tblib = import_module("tblib")
        except ImportError:
            # An extra: without it the error is raised as if it came from here.
            return None
        remote: TracebackType | None = tblib.Traceback.from_string(text).as_traceback()
        return remote

    def _maybe_reraise_parent_error(self) -> None:
        for node in reversed(list(self._parents())):
            node.maybe_throw()

    def _parents(self) -> Iterator[Any]:
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    # -- state

    def ready(self) -> bool:
        """Return whether the task has ended."""
        return self.state in READY_STATES

    def successful(self) -> bool:
        """Return whether the task has returned."""
        return self.state == "SUCCESS"

    def failed(self) -> bool:
        """Return whether the task has raised."""
        return self.state == "FAILURE"

    def exists(self) -> bool:
        """Return whether anything is stored about the task."""
        return self.backend.task_result_exists(self.id)

    def _get_task_meta(self) -> dict[str, Any]:
        if self._cache is None:
            return self._maybe_set_cache(self.backend.get_task_meta(self.id))
        return self._cache

    def _iter_meta(self, **kwargs: Any) -> Iterator[dict[str, Any]]:
        """Yield what is stored about the task."""
        yield self._get_task_meta()

    def _maybe_set_cache(self, meta: dict[str, Any]) -> dict[str, Any]:
        """Keep `meta` if it cannot change any more, and tell those who wait."""
        if meta and meta["status"] in READY_STATES:
            cached = self._set_cache(self.backend.meta_from_decoded(meta))
            self.on_ready(self)
            return cached
        return meta

    def _set_cache(self, meta: dict[str, Any]) -> dict[str, Any]:
        children = meta.get("children")
        if children:
            promises = [result_from_tuple(child, self.app) for child in children]
            meta = {**meta, "children": promises}
        self._cache = meta
        return meta

    # -- what it has sent

    def collect(self, intermediate: bool = False, **kwargs: Any) -> Iterator[tuple[Any, Any]]:
        """Yield result and value of the task and of all that came of it, waiting for each.

        Args:
            intermediate: As for :meth:`iterdeps`.
            **kwargs: For :meth:`get`.
        """
        for _, result in self.iterdeps(intermediate=intermediate):
            yield result, result.get(**kwargs)

    def get_leaf(self) -> Any:
        """Wait for all that came of the task, and return the value of the last."""
        value = None
        for _, result in self.iterdeps():
            value = result.get()
        return value

    def iterdeps(self, intermediate: bool = False) -> Iterator[tuple[Any, Any]]:
        """Yield ``(parent, result)`` of the task and of all that came of it.

        Raises:
            IncompleteStream: A task has not ended; not if `intermediate`.
        """
        return iter_dependencies(self, intermediate)

    def build_graph(self, intermediate: bool = False, formatter: Any = None) -> Any:
        """Return the graph of what came of the task."""
        return build_graph(self, intermediate, formatter)

    @cached_property
    def graph(self) -> Any:
        """Graph of what came of the task."""
        return self.build_graph()

    # -- orders

    def forget(self) -> None:
        """Remove the result from the store, and those of the tasks before it in the chain."""
        self._cache = None
        if self.parent is not None:
            self.parent.forget()  # type: ignore[attr-defined]  # both kinds have it
        self.backend.forget(self.id)

    def revoke(
        self,
        connection: Any = None,
        terminate: bool = False,
        signal: str | None = None,
        wait: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Tell all workers to ignore the task.

        Args:
            connection: To the broker; one of the pool if None.
            terminate: Also end it if it runs already.
            signal: With which signal.
            wait: For the workers' replies.
            timeout: Seconds to wait for them.
        """
        self.app.control.revoke(
            self.id,
            connection=connection,
            terminate=terminate,
            signal=signal,
            reply=wait,
            timeout=timeout,
        )

    def revoke_by_stamped_headers(
        self,
        headers: dict[str, Any],
        connection: Any = None,
        terminate: bool = False,
        signal: str | None = None,
        wait: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Tell all workers to ignore tasks with these stamps; see :meth:`revoke`."""
        self.app.control.revoke_by_stamped_headers(
            headers,
            connection=connection,
            terminate=terminate,
            signal=signal,
            reply=wait,
            timeout=timeout,
        )
