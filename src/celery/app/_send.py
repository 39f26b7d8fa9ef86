"""Sending a prepared message: signals, bytes, the broker, and the result to wait for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kombu import Exchange, Queue
from kombu.compression import compress
from kombu.exceptions import OperationalError
from kombu.serialization import dumps
from kombu.utils.functional import retry_over_time

from celery._broker.base import Broker, Publication
from celery._message.call import TaskMessage
from celery._message.envelope import Envelope
from celery._state import get_current_worker_task
from celery.app._publish import Prepared, Target, prepare
from celery.signals import after_task_publish, before_task_publish, task_sent

if TYPE_CHECKING:
    from celery.app.base import Celery

__all__ = ["send", "send_task", "serialize"]


def send_task(  # noqa: PLR0913  # the arguments of `Celery.send_task`
    app: Celery,
    name: str,
    args: Any,
    kwargs: Any,
    options: Mapping[str, Any],
    *,
    producer: Any,
    connection: Any,
    result_cls: Any,
    add_to_parent: bool,
    router: Any,
) -> Any:
    """Send a call and return its result object.

    Args:
        options: as for `Task.apply_async`, with `task_id`.
        producer, connection: kombu's, to publish with instead of the app's broker.
    """
    parent: Any = get_current_worker_task()
    request = None if parent is None else parent.request
    prepared = prepare(
        app, name, args, kwargs, options, request=request, now=app.now(), router=router
    )
    if connection is not None and producer is None:
        producer = app.amqp.Producer(connection, auto_declare=False)
    ignored = bool(options.get("ignore_result"))
    if not ignored:
        app.backend.on_task_call(producer, prepared.task_id)
    send(app, prepared, producer)
    result = result_cls(prepared.task_id)
    result.ignored = ignored
    if add_to_parent and parent is not None:
        parent.add_trail(result)
    return result


def send(app: Celery, prepared: Prepared, producer: Any = None) -> None:
    """Publish, with the signals before and after.

    Args:
        producer: a kombu producer to publish with instead of the app's broker.

    Raises:
        kombu.exceptions.OperationalError: the broker could not be reached, after the retries that
            the policy allows. The message may have been published in spite of it.
        kombu.exceptions.EncodeError: the arguments cannot be serialised.
    """
    name, target = prepared.name, prepared.target
    headers, properties, body, event = prepared.message
    if before_task_publish.receivers:
        before_task_publish.send(
            sender=name,
            body=body,
            exchange=target.exchange,
            routing_key=target.routing_key,
            declare=target.declare,
            headers=headers,
            properties=properties,
            retry_policy=prepared.retry_policy,
        )
    if producer is not None:
        _send_kombu(producer, prepared)
    elif all(isinstance(entity, Queue) for entity in target.declare):
        _send_native(app.broker_for_write(), prepared)
    else:  # an exchange alone means nothing to the port; kombu knows how to declare it
        with app.producer_or_acquire() as own:
            _send_kombu(own, prepared)
    if after_task_publish.receivers:
        after_task_publish.send(
            sender=name,
            body=body,
            headers=headers,
            exchange=target.exchange,
            routing_key=target.routing_key,
        )
    if task_sent.receivers and event is not None:
        _send_task_sent(name, prepared)
    if event is not None:
        app.amqp.send_sent_event(event, target, prepared.retry_policy)


def _send_task_sent(name: str, prepared: Prepared) -> None:
    body = prepared.message.body
    args, kwargs = body[:2] if isinstance(body, tuple) else (body["args"], body["kwargs"])
    headers = prepared.message.headers
    task_sent.send(
        sender=name,
        task_id=prepared.task_id,
        task=name,
        args=args,
        kwargs=kwargs,
        eta=headers.get("eta"),
        taskset=headers.get("group"),
    )


def serialize(message: TaskMessage, target: Target) -> Envelope:
    """The bytes of a message.

    Raises:
        kombu.exceptions.EncodeError: a value cannot be serialised.
    """
    headers, properties = message.headers, message.properties
    content_type, content_encoding, body = dumps(message.body, serializer=target.serializer)
    if isinstance(body, str):
        body = body.encode(content_encoding or "utf-8")
    if target.compression:
        body, headers["compression"] = compress(body, target.compression)
    if "expiration" in properties:
        properties["expiration"] = str(int(properties["expiration"] * 1000))
    return Envelope(
        body=body,
        content_type=content_type,
        content_encoding=content_encoding,
        headers=headers,
        properties=properties,
    )


def _send_native(broker: Broker, prepared: Prepared) -> None:
    target = prepared.target
    queues = target.declare
    exchange = target.exchange
    publication = Publication(
        envelope=serialize(prepared.message, target),
        exchange=exchange.name if isinstance(exchange, Exchange) else exchange,
        exchange_type=target.exchange_type,
        routing_key=target.routing_key,
        mandatory=target.mandatory,
        confirm_timeout=target.confirm_timeout,
    )

    def attempt() -> None:
        if queues:
            broker.declare(queues)
        broker.publish([publication])

    errors = broker.connection_errors
    policy = prepared.retry_policy
    try:
        if policy is None:
            attempt()
        else:
            _retrying(attempt, errors, policy)
    except errors as exc:
        raise OperationalError(str(exc)) from exc


def _retrying(
    attempt: Callable[[], None], errors: tuple[type[BaseException], ...], policy: Mapping[str, Any]
) -> None:
    try:
        attempt()
    except errors:
        if policy.get("max_retries") == 0:
            raise
        retry_over_time(
            attempt,
            errors + tuple(policy.get("retry_errors") or ()),
            max_retries=policy.get("max_retries"),
            interval_start=policy.get("interval_start", 2),
            interval_step=policy.get("interval_step", 2),
            interval_max=policy.get("interval_max", 30),
        )


def _send_kombu(producer: Any, prepared: Prepared) -> None:
    headers, properties, body, _ = prepared.message
    target = prepared.target
    properties = dict(properties)
    producer.publish(
        body,
        exchange=target.exchange,
        routing_key=target.routing_key,
        serializer=target.serializer,
        compression=target.compression,
        headers=headers,
        declare=target.declare,
        mandatory=target.mandatory,
        timeout=target.timeout,
        confirm_timeout=target.confirm_timeout,
        retry=prepared.retry_policy is not None,
        retry_policy=prepared.retry_policy,
        **properties,
    )
