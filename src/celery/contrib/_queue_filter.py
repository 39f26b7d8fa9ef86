"""Looks at the messages of queues, one by one, without running them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kombu import Queue

from celery.exceptions import QueueNotFound

__all__ = (
    "QueueFilter",
    "State",
    "StopFiltering",
    "names_of",
    "queue_named",
    "task_id",
    "task_name",
)


class StopFiltering(Exception):
    """Raised by a filter or a callback: look at no more messages."""


@dataclass(repr=False)
class State:
    """How far it has got."""

    #: Messages looked at.
    count: int = 0
    #: Messages moved.
    filtered: int = 0
    #: Messages there were at the start, about; 0 if the broker does not tell.
    total_apx: int = 0

    @property
    def strtotal(self) -> str:
        """`total_apx` as text, a question mark if it is not known."""
        return str(self.total_apx) if self.total_apx else "?"

    def __repr__(self) -> str:
        return f"^{self.filtered}" if self.filtered else f"{self.count}/{self.strtotal}"


def task_id(body: Any, message: Any) -> str | None:
    """Return the id of the task of a message, which protocol 1 has in the body."""
    found: str | None = _fact("id", body, message)
    return found


def task_name(body: Any, message: Any) -> str | None:
    """Return the name of the task of a message."""
    found: str | None = _fact("task", body, message)
    return found


def _fact(name: str, body: Any, message: Any) -> Any:
    headers = getattr(message, "headers", None) or {}
    if name in headers:
        return headers[name]
    return body.get(name) if isinstance(body, Mapping) else None


def names_of(names: str | Iterable[Any] | None) -> list[Any]:
    """Return the names in a text with commas; of a list (of names, or queues) what is in it."""
    if isinstance(names, str):
        return [name.strip() for name in names.split(",") if name.strip()]
    return list(names or ())


def queue_named(app: Any, queue: str | Queue) -> Any:
    """Return the queue the app has under that name; what is a queue already as it is.

    Raises:
        QueueNotFound: there is none, and the app does not create missing queues.
    """
    if isinstance(queue, Queue):
        return queue
    try:
        return app.amqp.queues[queue]
    except KeyError as exc:
        raise QueueNotFound(f"Queue {queue!r} is not in task_queues") from exc


@dataclass(kw_only=True)
class QueueFilter:
    """Calls a function with each message of some queues; what it does not settle is given back.

    Args:
        app: whose queues and settings these are.
        conn: kombu connection to consume with.
        filter: called with (body, message); may settle the message.
        queues: to consume from, names or `kombu.Queue`; those of the app's workers if empty.
        tasks: names of the tasks whose messages count; all if empty.
        accept: content types to decode; those of the app if None.
        ack_messages: acknowledge each message after the filter was called with it.
        callback: called with (state, body, message) after each message.
        on_declare_queue: called with each queue, bound to a channel, before anything is consumed.
        limit: messages to look at; None: all.
        timeout: seconds without a message after which there are no more.
        forever: wait for more messages instead.
    """

    app: Any
    conn: Any
    filter: Callable[[Any, Any], Any]
    queues: Sequence[str | Queue] = ()
    tasks: frozenset[str] = frozenset()
    accept: Iterable[str] | None = None
    ack_messages: bool = False
    callback: Callable[[State, Any, Any], Any] | None = None
    on_declare_queue: Callable[[Any], Any] | None = None
    limit: int | None = None
    timeout: float = 1.0
    forever: bool = False
    state: State = field(default_factory=State)
    _stopped: bool = field(default=False, init=False)
    _seen: list[Any] = field(default_factory=list, init=False)

    def run(self) -> State:
        """Look at the messages until there are no more.

        Raises:
            kombu.exceptions.ContentDisallowed: a message's content type is not accepted.
            kombu.exceptions.DecodeError: a body cannot be decoded. Everything not settled until
                then is given back.
        """
        queues = self._sources()
        with self.conn.channel() as channel:
            consumer = self.app.amqp.TaskConsumer(
                channel, queues=queues, accept=self.accept, callbacks=[self._look_at]
            )
            for queue in queues:
                self._announce(queue)
            try:
                with consumer:
                    self._drain()
            finally:
                self._give_back()
        return self.state

    def _drain(self) -> None:
        while not self._stopped:
            try:
                self.conn.drain_events(timeout=self.timeout)
            except TimeoutError:
                if not self.forever:
                    break

    def _give_back(self) -> None:
        # Not left to the end of the channel: some transports of kombu do nothing then.
        for message in self._seen:
            if not message.acknowledged:
                message.requeue()
        self._seen.clear()

    def _sources(self) -> list[Any]:
        if not self.queues:
            return list(self.app.amqp.queues.consume_from.values())
        return [queue_named(self.app, queue) for queue in self.queues]

    def _announce(self, queue: Any) -> None:
        """Count the messages of a queue and tell `on_declare_queue`."""
        # Asking about a queue that is not there costs an AMQP connection the channel.
        with self.conn.channel() as channel:
            bound = queue(channel)
            if self.on_declare_queue is not None:
                self.on_declare_queue(bound)
            try:
                self.state.total_apx += bound.queue_declare(passive=True).message_count or 0
            except self.conn.channel_errors:
                return  # the total is only approximate

    def _look_at(self, body: Any, message: Any) -> None:
        self._seen.append(message)
        if self._stopped:
            return
        state = self.state
        try:
            if not self.tasks or task_name(body, message) in self.tasks:
                self.filter(body, message)
                if self.ack_messages and not message.acknowledged:
                    message.ack()
            if message.acknowledged:
                self._seen.pop()
            state.count += 1
            if self.callback is not None:
                self.callback(state, body, message)
        except StopFiltering:
            self._stopped = True
        if self.limit and state.count >= self.limit:
            self._stopped = True
