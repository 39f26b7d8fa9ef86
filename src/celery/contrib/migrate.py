"""Moving the messages of waiting tasks: to other queues of a broker, or to another broker.

Nothing is lost on the way: a message is published at its new place before it leaves the old one,
so a crash between the two leaves it at both. (A broker drops what is sent to an exchange that no
queue is bound to. A destination given as a queue is declared and bound first.) What is looked at
and stays is given back, behind what still waits, and may be marked as redelivered. Stop the
workers of the queues before, else they take part.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import nullcontext
from copy import copy
from functools import partial
from typing import Any, Final, TypeAlias

from kombu import Exchange, Producer, Queue
from kombu.common import maybe_declare
from kombu.utils.encoding import ensure_bytes

from celery._state import app_or_default
from celery.contrib._queue_filter import (
    QueueFilter,
    State,
    StopFiltering,
    names_of,
    queue_named,
    task_id,
    task_name,
)
from celery.utils.nodenames import worker_direct

__all__ = (
    "State",
    "StopFiltering",
    "migrate_task",
    "migrate_tasks",
    "move",
    "move_by_idmap",
    "move_by_taskmap",
    "move_direct",
    "move_direct_by_id",
    "move_task_by_id",
    "republish",
    "start_filter",
    "task_id_eq",
    "task_id_in",
)

#: Called with the decoded body and the `kombu.Message`.
Filter: TypeAlias = Callable[[Any, Any], Any]
#: Called with the state, the decoded body and the `kombu.Message`.
Callback: TypeAlias = Callable[[State, Any, Any], Any]

#: Properties that the next transport writes anew.
_OF_THE_TRANSPORT: Final = frozenset(
    {
        "application_headers",
        "body_encoding",
        "content_encoding",
        "content_type",
        "delivery_info",
        "delivery_tag",
        "headers",
    }
)


# -- one message


def republish(
    producer: Any,
    message: Any,
    exchange: Any = None,
    routing_key: str | None = None,
    remove_props: Iterable[str] | None = None,
) -> None:
    """Publish a received message anew: the same bytes, headers and properties.

    Args:
        producer: kombu producer to publish with.
        exchange, routing_key: where to; where it was published to before if None.
        remove_props: names of properties to leave out.
    """
    left_out = _OF_THE_TRANSPORT.union(remove_props or ())
    properties = {key: value for key, value in message.properties.items() if key not in left_out}
    if properties.get("expiration") is not None:
        # Milliseconds on the wire, seconds for the producer.
        properties["expiration"] = float(properties["expiration"]) / 1000
    headers = dict(message.headers)
    info = message.delivery_info
    producer.publish(
        ensure_bytes(message.body),
        exchange=info["exchange"] if exchange is None else exchange,
        routing_key=info["routing_key"] if routing_key is None else routing_key,
        # Kombu has decompressed the body when it received it.
        compression=headers.pop("compression", None),
        headers=headers,
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        **properties,
    )


def migrate_task(
    producer: Any, body_: Any, message: Any, queues: Mapping[str, str] | None = None
) -> None:
    """Publish a received message at another broker, under the same names.

    Args:
        queues: names of queues, exchanges and routing keys that are called otherwise there.
    """
    info, names = message.delivery_info, queues or {}
    republish(
        producer,
        message,
        exchange=names.get(info["exchange"], info["exchange"]),
        routing_key=names.get(info["routing_key"], info["routing_key"]),
    )


# -- many


def start_filter(  # noqa: PLR0913  # the documented arguments
    app: Any,
    conn: Any,
    filter: Filter,
    limit: int | None = None,
    timeout: float = 1.0,
    ack_messages: bool = False,
    tasks: str | Iterable[str] | None = None,
    queues: str | Iterable[str] | Mapping[str, str] | None = None,
    callback: Callback | None = None,
    forever: bool = False,
    on_declare_queue: Callable[[Any], Any] | None = None,
    consume_from: str | Iterable[str | Queue] | None = None,
    state: State | None = None,
    accept: Iterable[str] | None = None,
) -> State:
    """Call a function with each message of some queues.

    Messages that it does not settle are given back at the end.

    Args:
        app: whose queues these are.
        conn: kombu connection to consume with.
        filter: called with (body, message); raises `StopFiltering` to end.
        limit: messages to look at; None: all.
        timeout: seconds without a message after which there are no more.
        ack_messages: acknowledge, that is remove, what the filter was called with.
        tasks: names of the tasks whose messages the filter gets (a list, or a text with commas);
            None: all.
        queues: names of the queues, in the same forms, or a mapping with them as keys; those that
            workers of the app consume from if None.
        callback: called with (state, body, message) after each message.
        forever: wait for more messages when there are none.
        on_declare_queue: called with each queue, bound to a channel, before the start.
        consume_from: queues to consume from instead of `queues`.
        state: to add to; a new one if None.
        accept: content types to decode; those of the app if None.

    Returns:
        How many messages there were.
    """
    return QueueFilter(
        app=app,
        conn=conn,
        filter=filter,
        limit=limit,
        timeout=timeout,
        ack_messages=ack_messages,
        tasks=frozenset(names_of(tasks)),
        queues=names_of(consume_from) or list(_renamed(queues)),
        callback=callback,
        forever=forever,
        on_declare_queue=on_declare_queue,
        state=state or State(),
        accept=accept,
    ).run()


def migrate_tasks(
    source: Any,
    dest: Any,
    migrate: Callable[..., Any] = migrate_task,
    app: Any = None,
    queues: str | Iterable[str] | Mapping[str, str] | None = None,
    **kwargs: Any,
) -> State:
    """Copy the waiting tasks of a broker to another one.

    Args:
        source, dest: kombu connections.
        migrate: called with (producer, body, message, queues=mapping) for each.
        app: whose queues these are; the current app if None.
        queues: which queues: names (a list, or a text with commas), ``old:new`` for those that
            are called otherwise at `dest`, or a mapping of old names to new ones; None: all.
        kwargs: see `start_filter`; ``ack_messages=True`` moves instead of copying.

    Returns:
        How many messages there were.
    """
    app = app_or_default(app)
    names = _renamed(queues)
    producer = Producer(dest, auto_declare=False)
    on_declare_queue = kwargs.pop("on_declare_queue", None)

    def declare(queue: Any) -> None:
        there, there.exchange = copy(queue), copy(queue.exchange)
        for entity, attribute in (
            (there, "name"),
            (there, "routing_key"),
            (there.exchange, "name"),
        ):
            name = getattr(entity, attribute)
            setattr(entity, attribute, names.get(name, name))
        there(producer.channel).declare()
        if on_declare_queue is not None:
            on_declare_queue(queue)

    return start_filter(
        app,
        source,
        partial(migrate, producer, queues=names),
        consume_from=list(names) or None,
        on_declare_queue=declare,
        **kwargs,
    )


def _renamed(queues: str | Iterable[str] | Mapping[str, str] | None) -> dict[str, str]:
    """Return the new name of each queue by its old one."""
    if isinstance(queues, Mapping):
        return dict(queues)
    pairs = (name.partition(":") for name in names_of(queues))
    return {old: new or old for old, _, new in pairs}


def move(  # noqa: PLR0913  # the documented arguments
    predicate: Filter,
    connection: Any = None,
    exchange: Exchange | str | None = None,
    routing_key: str | None = None,
    source: str | Iterable[str | Queue] | None = None,
    app: Any = None,
    callback: Callback | None = None,
    limit: int | None = None,
    transform: Callable[[Any], Any] | None = None,
    **kwargs: Any,
) -> State:
    """Move the messages a function picks to other queues of the same broker.

    Example::

        def of_tenant(body, message):
            if message.headers["task"].startswith("reports."):
                return Queue("reports")

        move(of_tenant, source=["celery"])

    Args:
        predicate: called with (body, message), returns where to move it: a `kombu.Queue` (which
            is declared), a tuple (exchange, routing key), another true value for the arguments
            `exchange` and `routing_key`, or a false one to leave it. May raise `StopFiltering`.
        connection: kombu connection to use; a new one of the app if None.
        source: queues, by name or `kombu.Queue`; those that workers of the app consume from if
            None. A message that is at its destination already is left there.
        app: the app; the current one if None.
        callback: called with (state, body, message) after each that was moved.
        limit: messages to move; None: all.
        transform: makes what the predicate returned a destination.
        kwargs: see `start_filter`.

    Returns:
        How many messages were looked at (`count`) and moved (`filtered`).

    Raises:
        ValueError: the predicate names no destination, and neither do the arguments.
    """
    app = app_or_default(app)
    state = kwargs.pop("state", None) or State()

    def on_message(body: Any, message: Any) -> None:
        picked = predicate(body, message)
        if not picked:
            return
        target = transform(picked) if transform is not None else picked
        if isinstance(target, Queue):
            maybe_declare(target(message.channel))
        to_exchange, to_key = _destination(target, exchange, routing_key)
        info = message.delivery_info
        if (to_exchange, to_key) == (info["exchange"], info["routing_key"]):
            return
        # On the channel it came from, so that the broker sees the two in this order.
        republish(Producer(message.channel, auto_declare=False), message, to_exchange, to_key)
        message.ack()
        state.filtered += 1
        if callback is not None:
            callback(state, body, message)
        if limit and state.filtered >= limit:
            raise StopFiltering

    if source is not None:
        kwargs["consume_from"] = source

    with nullcontext(connection) if connection is not None else app.connection_for_write() as conn:
        return start_filter(app, conn, on_message, state=state, **kwargs)


def _destination(
    target: Any, exchange: Exchange | str | None, routing_key: str | None
) -> tuple[str, str]:
    """Return names of exchange and routing key."""
    if isinstance(target, Queue):
        if not target.exchange or not target.exchange.name:
            return "", target.name
        exchange, routing_key = target.exchange, target.routing_key
    elif isinstance(target, tuple):
        exchange, routing_key = target
    elif exchange is None and routing_key is None:
        raise ValueError(
            f"Nothing says where to move it: got {target!r}, which is neither a Queue nor a tuple "
            "(exchange, routing key), and no exchange or routing_key"
        )
    name = exchange.name if isinstance(exchange, Exchange) else exchange
    return name or "", routing_key or ""


def move_by_idmap(map: Mapping[str, Any], **kwargs: Any) -> State:
    """Move tasks by their ids, until all of them were found.

    Args:
        map: of ids to queues (names or `kombu.Queue`).
        kwargs: see `move`.
    """
    kwargs.setdefault("limit", len(map))
    return _move_to(lambda body, message: map.get(task_id(body, message) or ""), **kwargs)


def move_by_taskmap(map: Mapping[str, Any], **kwargs: Any) -> State:
    """Move tasks by their names.

    Args:
        map: of names of tasks to queues (names or `kombu.Queue`).
        kwargs: see `move`.
    """
    return _move_to(lambda body, message: map.get(task_name(body, message) or ""), **kwargs)


def move_task_by_id(task_id: str, dest: Any, **kwargs: Any) -> State:
    """Move the task of that id to a queue (name or `kombu.Queue`); see `move`."""
    return move_by_idmap({task_id: dest}, **kwargs)


def move_direct(predicate: Filter, **kwargs: Any) -> State:
    """Move to workers' own queues: as `move`, with a predicate that returns the node name."""
    return move(predicate, transform=worker_direct, **kwargs)


def move_direct_by_id(task_id: str, dest: str, **kwargs: Any) -> State:
    """Move the task of that id to the own queue of the worker of that node name; see `move`."""
    return move_task_by_id(task_id, dest, transform=worker_direct, **kwargs)


def _move_to(
    predicate: Filter, transform: Callable[[Any], Any] | None = None, **kwargs: Any
) -> State:
    """As `move`, where a name that the predicate returns is a queue's."""
    app = app_or_default(kwargs.pop("app", None))
    return move(predicate, app=app, transform=transform or partial(queue_named, app), **kwargs)


# -- predicates


def task_id_eq(task_id: str, body: Any, message: Any) -> bool:
    """Return whether a message's task has that id."""
    return task_id_in((task_id,), body, message)


def task_id_in(ids: Container[str | None], body: Any, message: Any) -> bool:
    """Return whether the id of a message's task is one of these."""
    return task_id(body, message) in ids
