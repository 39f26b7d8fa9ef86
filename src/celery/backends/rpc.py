"""Results as messages: ``rpc://``. Each state of a task is sent to whoever has called it.

The caller has a reply queue for each of its threads, named like :attr:`Celery.thread_oid`, whose
name travels with the task as ``reply_to``. Nobody else can see the result, and it is gone when the
caller's process is. What has come for tasks that nobody waits for yet is kept in memory.
"""

import logging
import threading
import time
from contextlib import suppress
from typing import Any, ClassVar

from kombu import Consumer, Exchange, Producer, Queue
from kombu.exceptions import OperationalError
from kombu.serialization import dumps
from kombu.utils.functional import LRUCache, retry_over_time

from celery._broker.base import Publication
from celery._message.envelope import Envelope
from celery._state import task_join_will_block
from celery.backends.asynchronous import AsyncBackendMixin, BaseResultConsumer
from celery.backends.base import Backend
from celery.states import PENDING, SUCCESS

__all__ = ("BacklogLimitExceeded", "RPCBackend", "ResultConsumer")

logger = logging.getLogger("celery.backends.rpc")

E_NO_CHORD_SUPPORT = """\
The "rpc" result backend does not support chords!

A group followed by a task is a chord too: the task waits for the results of the group. Results \
that are stored, in Redis, SQL or memcached for example, can be collected for it."""

#: Tasks whose newest state is kept.
STATES_MAX = 8192
#: Seconds that a look for what has come may wait: a message that is there may still be on its way.
LOOK_S = 0.005


class BacklogLimitExceeded(Exception):
    """Too much state history to fast-forward.

    For programs that catch it; here all there is is read, and the newest of each task is kept.
    """


class ResultConsumer(BaseResultConsumer):
    """Consumes the reply queues of one backend; one thread at a time drains them for all."""

    Consumer: ClassVar[Any] = Consumer
    backend: "RPCBackend"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._forget_connection()

    def _forget_connection(self) -> None:
        self._lock = threading.Lock()
        self._connection: Any = None
        self._consumer: Any = None

    def start(self, initial_task_id: str, **kwargs: Any) -> None:
        """Connect, and begin to listen."""
        self.consume_from(initial_task_id)

    def stop(self) -> None:
        """Disconnect. The reply queues go with their last consumer."""
        with self._lock:
            self._disconnect()

    def on_after_fork(self) -> None:
        """The parent's queues are the parent's."""
        self._forget_connection()
        self.backend.forget_parent()

    def consume_from(self, task_id: str) -> None:
        """Listen, if nobody does so already: there is one queue for all tasks."""
        if self._lock.acquire(blocking=False):
            try:
                self._listen()
            finally:
                self._lock.release()

    def cancel_for(self, task_id: str) -> None:
        """Nothing to do: see :meth:`consume_from`."""

    def drain_events(self, timeout: float | None = None) -> None:
        """Wait up to `timeout` seconds for a message, and handle it.

        Raises:
            TimeoutError: the built-in one; nothing has come.
        """
        with self._lock:
            self._drain(timeout)

    def look(self) -> None:
        """Handle all that is there now; if somebody drains, that is done already."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            with suppress(TimeoutError):
                for _ in range(STATES_MAX):
                    self._drain(LOOK_S)
        finally:
            self._lock.release()

    def _drain(self, timeout: float | None) -> None:
        self._listen()
        connection = self._connection
        try:
            connection.drain_events(timeout=timeout)
        except TimeoutError:
            raise
        except connection.connection_errors as exc:
            logger.warning("Connection lost while waiting for results: %r", exc)
            self._disconnect()

    def _listen(self) -> None:
        if self._connection is None:
            connection = self.backend.connect()
            connection.ensure_connection(**self.backend.retry_policy)
            self._connection = connection
            self._consumer = self.Consumer(
                connection.default_channel,
                [],
                callbacks=[self._on_message],
                on_decode_error=self._on_decode_error,
                no_ack=True,
                accept=self.accept,
            )
        for queue in self.backend.reply_queues():
            if not self._consumer.consuming_from(queue):
                self._consumer.add_queue(queue)
                self._consumer.consume()

    def _disconnect(self) -> None:
        connection, self._connection, self._consumer = self._connection, None, None
        if connection is not None:
            self.backend.on_queues_gone()
            connection.release()

    def _on_message(self, body: Any, message: Any) -> None:
        try:
            meta = self.backend.meta_from_decoded(dict(body))
            self.on_state_change(meta, message)
        except (KeyError, TypeError, ValueError) as exc:
            logger.error("A message in the reply queue is not a result: %r", exc)

    def _on_decode_error(self, message: Any, exc: BaseException) -> None:
        logger.error("A result cannot be decoded: %r", exc)

    def on_state_change(self, meta: dict[str, Any], message: Any) -> None:
        """Keep the state, and tell who waits if it is the end."""
        if self.backend.keep(meta):
            super().on_state_change(meta, message)


class RPCBackend(AsyncBackendMixin, Backend):
    """The backend. Each thread of the application has one of its own.

    Args:
        connection: a kombu connection whose like results are received with, instead of the app's.
        exchange, exchange_type: of no meaning any more; replies need no exchange.
        persistent: replies survive a restart of the broker; instead of ``result_persistent``.
        serializer: instead of ``result_serializer``.
        auto_delete: the reply queue goes with its consumer.
    """

    Exchange: ClassVar[Any] = Exchange
    Producer: ClassVar[Any] = Producer
    Queue: ClassVar[Any] = Queue
    Consumer: ClassVar[Any] = Consumer
    ResultConsumer: type[ResultConsumer] = ResultConsumer
    BacklogLimitExceeded = BacklogLimitExceeded

    persistent = False
    supports_autoexpire = True
    supports_native_join = True

    def __init__(
        self,
        app: Any,
        connection: Any = None,
        exchange: str | None = None,
        exchange_type: str | None = None,
        persistent: bool | None = None,
        serializer: str | None = None,
        auto_delete: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(app, serializer=serializer, **kwargs)
        self.thread_safe = False
        self.persistent = self.prepare_persistent(persistent)
        self.delivery_mode = 2 if self.persistent else 1
        self.exchange = self.Exchange(
            name="", type=exchange_type or "direct", delivery_mode=self.delivery_mode
        )
        self.auto_delete = auto_delete
        self._given_connection = connection
        self._states: Any = LRUCache(limit=STATES_MAX)
        #: Reply queues by name.
        self._replies: dict[str, Any] = {}
        #: When they were last declared (monotonic), if nobody consumes from them yet.
        self._declared: dict[str, float] = {}
        self._add_reply_queue()
        self.result_consumer = self.ResultConsumer(
            self, self.app, self.accept, self._pending_results, self._pending_messages
        )

    # -- the reply queues

    @property
    def oid(self) -> str:
        """Name of the calling thread's reply queue."""
        return self.app.thread_oid

    @property
    def binding(self) -> Any:
        """The calling thread's reply queue."""
        return self._create_binding(self.oid)

    def _create_binding(self, name: str) -> Any:
        return self.Queue(
            name,
            self.exchange,
            name,
            durable=True,
            auto_delete=self.auto_delete,
            expires=self.expires or None,
        )

    def _add_reply_queue(self) -> Any:
        queue = self._replies.get(self.oid)
        if queue is None:
            queue = self._replies[self.oid] = self.binding
        return queue

    def reply_queues(self) -> list[Any]:
        """The reply queues of the threads that have used this backend."""
        return list(self._replies.values())

    def on_task_call(self, producer: Any, task_id: str) -> dict[str, Any]:
        """Make sure that the reply queue is there before the task is.

        Not within a task that must not wait for others: it has no use for replies.
        """
        if not task_join_will_block():
            queue = self._add_reply_queue()
            declared = self._declared.get(queue.name)
            patience = self.expires / 2 if self.expires else float("inf")
            if declared is None or time.monotonic() - declared > patience:
                self.app.broker_for_write().declare([queue])
                self._declared[queue.name] = time.monotonic()
        return {}

    def on_queues_gone(self) -> None:
        """They may have gone with our consumer: declare them before the next task."""
        self._declared.clear()

    def forget_parent(self) -> None:
        """In a forked child: what the parent waits for is not for us."""
        self._replies.clear()
        self._declared.clear()

    def connect(self) -> Any:
        """A kombu connection to receive with."""
        if self._given_connection is not None:
            return self._given_connection.clone()
        return self.app.connection_for_read()

    # -- sending

    def destination_for(self, task_id: str, request: Any) -> tuple[str | None, str]:
        """Return reply queue and correlation id for the result of a task.

        Raises:
            RuntimeError: without the task's request nobody knows who wants it.
        """
        if request is None:
            raise RuntimeError(f"RPC backend missing task request for {task_id!r}")
        return request.reply_to, request.correlation_id or task_id

    def store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: Any = None,
        request: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Send the state of the task to its caller, and return `result`.

        Repeated while the broker cannot be reached, as ``retry_policy`` says. Nothing is sent for
        callers that gave no ``reply_to``.

        Raises:
            kombu.exceptions.OperationalError: the broker could not be reached for too long.
        """
        reply_to, correlation_id = self.destination_for(task_id, request)
        if not reply_to:
            return result
        meta = self._get_result_meta(self.encode_result(result, state), state, traceback, request)
        meta["task_id"] = task_id
        content_type, content_encoding, body = dumps(meta, serializer=self.serializer)
        publication = Publication(
            envelope=Envelope(
                body=body.encode("utf-8") if isinstance(body, str) else body,
                content_type=content_type,
                content_encoding=content_encoding,
                properties={
                    "correlation_id": correlation_id,
                    "delivery_mode": self.delivery_mode,
                    "priority": 0,
                },
            ),
            routing_key=reply_to,
        )
        broker = self.app.broker_for_write()
        try:
            retry_over_time(
                broker.publish, broker.connection_errors, ([publication],), **self.retry_policy
            )
        except broker.connection_errors as exc:
            raise OperationalError(str(exc)) from exc
        return result

    # -- receiving

    def keep(self, meta: dict[str, Any]) -> bool:
        """Keep the state as the newest of its task; False if it changes nothing any more.

        A task that was run again after it had succeeded stays as it was.
        """
        known = self._states.get(meta["task_id"])
        if known is not None and known["status"] == SUCCESS:
            return False
        self._states[meta["task_id"]] = meta
        return True

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        consumer: Any = self.result_consumer
        consumer.look()
        known: dict[str, Any] | None = self._states.get(task_id)
        return {"status": PENDING, "result": None} if known is None else known

    poll = Backend.get_task_meta

    def _forget(self, task_id: str) -> None:
        self._states.pop(task_id, None)
        self._pending_messages.take(task_id, None)

    def as_uri(self, include_password: bool = True) -> str:
        """Return ``rpc://``."""
        return "rpc://"

    def ensure_chords_allowed(self) -> None:
        """Refuse: nobody could collect the results of a chord's header."""
        raise NotImplementedError(E_NO_CHORD_SUPPORT.strip())

    def reload_task_result(self, task_id: str) -> None:
        raise NotImplementedError("reload_task_result is not supported by this backend.")

    def reload_group_result(self, group_id: str) -> None:
        raise NotImplementedError("reload_group_result is not supported by this backend.")

    def save_group(self, group_id: str, result: Any) -> Any:
        raise NotImplementedError("save_group is not supported by this backend.")

    def restore_group(self, group_id: str, cache: bool = True) -> Any:
        raise NotImplementedError("restore_group is not supported by this backend.")

    def delete_group(self, group_id: str) -> Any:
        raise NotImplementedError("delete_group is not supported by this backend.")

    def __reduce__(self, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        given = {
            "persistent": self.persistent,
            "serializer": self.serializer,
            "auto_delete": self.auto_delete,
            "expires": self.expires,
        }
        return super().__reduce__(args, {**given, **(kwargs or {})})
