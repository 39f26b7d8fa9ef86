"""Waiting for results by being told: one consumer hears of all of them.

::

    get() ──> add_pending_result ──> consume_from(task id)
      │                                        (the store announces a state)
      └──> drainer ──> drain_events ──────────────────────> on_state_change
              │                                                   │
              └────────── result.on_ready <──── _maybe_set_cache ─┘

In threads, whoever waits drains; of several threads one drains at a time, for all of them.  Under
gevent or eventlet one greenlet drains, and those who wait sleep until their result is there.
"""

import os
import weakref
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from queue import Empty
from typing import TYPE_CHECKING, Any, ClassVar

from kombu.utils.compat import detect_environment

from celery.backends._drainers import Drainer, Promise, drainers, register_drainer
from celery.exceptions import TimeoutError as ResultTimeoutError
from celery.states import READY_STATES

if TYPE_CHECKING:
    from celery._ports import AppPort
    from celery.backends._steps import pending_results_t

__all__ = ("AsyncBackendMixin", "BaseResultConsumer", "Drainer", "register_drainer")


class AsyncBackendMixin:
    """What a backend does that is told of results.  Its ``result_consumer`` is a consumer (below).

    Mixed in front of a :class:`~celery.backends.base.Backend`.
    """

    result_consumer: "BaseResultConsumer"

    if TYPE_CHECKING:
        # Of the Backend this is mixed into.
        _ensure_not_eager: Callable[[], None]
        _pending_results: pending_results_t
        _pending_messages: Any

    @property
    def is_async(self) -> bool:
        """Whether results announce themselves: yes."""
        return True

    def add_pending_result(
        self, result: Any, weak: bool = False, start_drainer: bool = True
    ) -> Any:
        """Begin to listen for `result`, and return it.

        Args:
            result: Its state may have come already; then it is ready at once.
            weak: Do not keep the object alive.
            start_drainer: False if that is done already.
        """
        if start_drainer:
            self.result_consumer.drainer.start()
        try:
            self._maybe_resolve_from_buffer(result)
        except Empty:
            self._add_pending_result(result.id, result, weak=weak)
        return result

    def add_pending_results(self, results: Iterable[Any], weak: bool = False) -> list[Any]:
        """Begin to listen for each of `results`."""
        self.result_consumer.drainer.start()
        return [self.add_pending_result(r, weak=weak, start_drainer=False) for r in results]

    def _maybe_resolve_from_buffer(self, result: Any) -> None:
        result._maybe_set_cache(self._pending_messages.take(result.id))

    def _add_pending_result(self, task_id: str, result: Any, weak: bool = False) -> None:
        concrete, weakly = self._pending_results
        other = concrete.get(task_id) or weakly.get(task_id)
        if other is None:
            (weakly if weak else concrete)[task_id] = result
            self.result_consumer.consume_from(task_id)
        elif other is not result:
            # Two objects for one task: the one that is known passes on what it is told.
            concrete[task_id] = other
            other.on_ready.then(lambda _: result._maybe_set_cache(other._cache))

    def remove_pending_result(self, result: Any) -> Any:
        """Stop to listen for `result`, and return it."""
        self._remove_pending_result(result.id)
        self.on_result_fulfilled(result)
        return result

    def _remove_pending_result(self, task_id: str) -> None:
        for pending in self._pending_results:
            pending.pop(task_id, None)

    def on_result_fulfilled(self, result: Any) -> None:
        """The result is there, or is not waited for any more."""
        self.result_consumer.cancel_for(result.id)

    def wait_for_pending(
        self,
        result: Any,
        callback: Callable[[str, Any], Any] | None = None,
        propagate: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Wait until the task of `result` has ended; return its value or raise its error.

        Takes ``timeout``, ``on_interval`` and ``on_message`` as well.

        Raises:
            celery.exceptions.TimeoutError: It has not ended in time.
        """
        self._ensure_not_eager()
        for _ in self._wait_for_pending(result, **kwargs):
            pass
        return result.maybe_throw(callback=callback, propagate=propagate)

    def _wait_for_pending(
        self,
        result: Any,
        timeout: float | None = None,
        on_interval: Callable[[], Any] | None = None,
        on_message: Callable[[Any], Any] | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        return self.result_consumer._wait_for_pending(
            result, timeout=timeout, on_interval=on_interval, on_message=on_message, **kwargs
        )

    def iter_native(
        self, result: Any, no_ack: bool = True, **kwargs: Any
    ) -> Iterator[tuple[str, Any]]:
        """Yield id and metadata of the results in the set `result`, as they come in.

        Of a group within it, id and members are yielded at once.

        Raises:
            celery.exceptions.TimeoutError: They have not all come in time.
        """
        self._ensure_not_eager()
        if not result.results:
            return
        bucket: deque[Any] = deque()
        for node in result.results:
            if not hasattr(node, "_cache") or node._cache:
                bucket.append(node)
            else:
                self._collect_into(node, bucket)
        for _ in self._wait_for_pending(result, no_ack=no_ack, **kwargs):
            yield from _take_all(bucket)
        yield from _take_all(bucket)

    def _collect_into(self, result: Any, bucket: "deque[Any]") -> None:
        self.result_consumer.buckets[result] = bucket


def _take_all(bucket: "deque[Any]") -> Iterator[tuple[str, Any]]:
    while bucket:
        node = bucket.popleft()
        yield node.id, node._cache if hasattr(node, "_cache") else node.children


class BaseResultConsumer:
    """Hears of the states of tasks and tells the results that wait.

    A store's consumer fills in ``start``, ``stop``, ``drain_events``, ``consume_from`` and
    ``cancel_for``, and calls :meth:`on_state_change` with what it hears.

    Args:
        backend: The backend it belongs to.
        app: The application.
        accept: Content types that are decoded.
        pending_results: Results that wait, by task id.
        pending_messages: What came for tasks nobody waits for yet.
    """

    #: Exceptions that mean the connection is gone.
    _connection_errors: ClassVar[tuple[type[BaseException], ...]] = ()

    def __init__(
        self,
        backend: Any,
        app: "AppPort",
        accept: Collection[str] | None,
        pending_results: "pending_results_t",
        pending_messages: Any,
    ) -> None:
        self.backend = backend
        self.app = app
        self.accept = accept
        self._pending_results = pending_results
        self._pending_messages = pending_messages
        self.on_message: Callable[[Any], Any] | None = None
        self.buckets: weakref.WeakKeyDictionary[Any, deque[Any]] = weakref.WeakKeyDictionary()
        self.drainer = drainers[detect_environment()](self)
        _consumers.add(self)

    # -- the steps of a store

    def start(self, initial_task_id: str, **kwargs: Any) -> None:
        """Connect, and begin to listen for the task."""
        raise NotImplementedError("a consumer must be able to start")

    def stop(self) -> None:
        """Disconnect."""

    def drain_events(self, timeout: float | None = None) -> Any:
        """Wait up to `timeout` seconds for something to come, and handle it.

        Raises:
            TimeoutError: the built-in one (``socket.timeout``); nothing has come.
        """
        raise NotImplementedError("a consumer must be able to drain events")

    def consume_from(self, task_id: str) -> Any:
        """Listen for the task, too."""
        raise NotImplementedError("a consumer must be able to consume")

    def cancel_for(self, task_id: str) -> Any:
        """Listen for the task no longer."""
        raise NotImplementedError("a consumer must be able to cancel")

    def on_after_fork(self) -> None:
        """Called in a child process: let go of the parent's connection without closing it."""

    def _after_fork(self) -> None:
        self.buckets.clear()
        self.buckets = weakref.WeakKeyDictionary()
        self.drainer = drainers[detect_environment()](self)
        self.on_message = None
        self.on_after_fork()

    # -- waiting

    def drain_events_until(
        self,
        p: Promise,
        timeout: float | None = None,
        on_interval: Callable[[], Any] | None = None,
    ) -> Iterator[Any]:
        """Listen until `p` is ready; see :meth:`Drainer.drain_events_until`."""
        return self.drainer.drain_events_until(p, timeout=timeout, on_interval=on_interval)

    def _wait_for_pending(
        self,
        result: Any,
        timeout: float | None = None,
        on_interval: Callable[[], Any] | None = None,
        on_message: Callable[[Any], Any] | None = None,
        **kwargs: Any,
    ) -> Iterator[None]:
        self.on_wait_for_pending(result, timeout=timeout, **kwargs)
        previous, self.on_message = self.on_message, on_message
        try:
            for _ in self.drain_events_until(
                result.on_ready, timeout=timeout, on_interval=on_interval
            ):
                yield
        except TimeoutError:
            raise ResultTimeoutError("The operation timed out.") from None
        finally:
            self.on_message = previous

    def on_wait_for_pending(self, result: Any, timeout: float | None = None, **kwargs: Any) -> None:
        """Somebody begins to wait for `result`: look whether its end was announced before."""

    # -- what comes

    def on_out_of_band_result(self, message: Any) -> None:
        """Handle a message that came by another way."""
        self.on_state_change(message.payload, message)

    def on_state_change(self, meta: dict[str, Any], message: Any) -> None:
        """Tell the result whose task has changed its state; keep it for later if there is none.

        Args:
            meta: What is stored about the task.
            message: What came: shown to the ``on_message`` of who waits.
        """
        if self.on_message:
            self.on_message(message)
        if meta["status"] not in READY_STATES:
            return
        task_id = meta["task_id"]
        concrete, weakly = self._pending_results
        result = concrete.get(task_id)
        if result is None:
            result = weakly.get(task_id)
        if result is None:
            # Sent by this process, and asked for only later.
            self._pending_messages.put(task_id, meta)
            return
        result._maybe_set_cache(meta)
        bucket = self.buckets.pop(result, None)
        if bucket is not None:
            bucket.append(result)


#: The consumers of this process: a connection that a child inherits must not be used there.
_consumers: "weakref.WeakSet[BaseResultConsumer]" = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for consumer in list(_consumers):
        consumer._after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
