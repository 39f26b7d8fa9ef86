"""One task call becomes one message: timing, lineage, route, encode. Decides, touches nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kombu import Exchange, Queue
from kombu.common import Broadcast

from celery._message.call import TaskCall, TaskMessage
from celery._message.encode import encode_v2
from celery._message.v1 import encode_v1
from celery.app._lineage import lineage_of
from celery.app._timing import resolve_eta, resolve_expires, seconds_until
from celery.utils.nodenames import anon_nodename

if TYPE_CHECKING:
    from celery.app.base import Celery

__all__ = ["PROTOCOLS", "Prepared", "Target", "prepare"]

PROTOCOLS: dict[int, Callable[..., TaskMessage]] = {1: encode_v1, 2: encode_v2}

#: Options that say how to publish; whatever is neither here nor in the call is a message property.
_PUBLISH_OPTIONS = ("retry", "retry_policy", "timeout", "confirm_timeout", "mandatory", "immediate")
_DELIVERY_MODES = {"transient": 1, "persistent": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a message goes and how it is packed.

    Args:
        exchange, exchange_type, routing_key: as in AMQP; the anonymous exchange is "".
        declare: entities to declare before publishing.
        queue: name of the queue for people and events, None if only an exchange is known.
        serializer, compression: names known to kombu's registries.
        mandatory, timeout, confirm_timeout: seconds; for brokers that know them.
    """

    exchange: Any
    exchange_type: str
    routing_key: str
    declare: Sequence[Any]
    queue: str | None
    serializer: str | None
    compression: str | None
    mandatory: bool
    timeout: float | None
    confirm_timeout: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A message ready to be sent. The message's mappings are live until it is.

    Args:
        retry_policy: None: do not retry.
    """

    name: str
    task_id: str
    message: TaskMessage
    target: Target
    retry_policy: Mapping[str, Any] | None


def prepare(
    app: Celery,
    name: str,
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
    options: Mapping[str, Any],
    *,
    request: Any,
    now: datetime,
    router: Any = None,
) -> Prepared:
    """Decide everything about a call.

    Args:
        options: as for `Task.apply_async`, with `task_id`.
        request: of the task that makes the call, or None.
        now: aware.

    Raises:
        TypeError: args is no list or tuple, kwargs no mapping.
        QueueNotFound: the route names a queue that may not be created.
    """
    if args is not None and not isinstance(args, (list, tuple)):
        raise TypeError("task args must be a list or tuple")
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise TypeError("task keyword arguments must be a mapping")
    conf, args, kwargs = app.conf, args or (), kwargs or {}
    left = {key: value for key, value in options.items() if value is not None}
    route_name, task_type = left.pop("route_name", None), left.pop("task_type", None)
    left = (router or app.amqp.router).route(left, route_name or name, args, kwargs, task_type)
    call = _call(app, name, args, kwargs, left, request=request, now=now)
    message = app.amqp.create_message(call, sent_event=conf.task_send_sent_event)
    publish_options = {key: left.pop(key, None) for key in _PUBLISH_OPTIONS}
    target = _target(app, left, publish_options)
    _fill_properties(message, conf, left, call=call, now=now)
    return Prepared(
        name=name,
        task_id=call.task_id,
        message=message,
        target=target,
        retry_policy=_retry_policy(conf, publish_options),
    )


def _call(
    app: Celery,
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: dict[str, Any],
    *,
    request: Any,
    now: datetime,
) -> TaskCall:
    """Take everything out of `options` that the message itself says."""
    take = options.pop
    lineage = lineage_of(
        request,
        root_id=take("root_id", None),
        parent_id=take("parent_id", None),
        priority=options.get("priority"),
        inherit_priority=app.conf.task_inherit_parent_priority,
    )
    if lineage.priority is not None:
        options["priority"] = lineage.priority
    stamped = take("stamped_headers", None)
    stamps = {key: take(key, None) for key in stamped or ()}
    callbacks, errbacks, chain = (take(key, None) for key in ("link", "link_error", "chain"))
    if callbacks or errbacks or chain or "chord" in options:
        callbacks, errbacks = _as_list(callbacks), _as_list(errbacks)
    return TaskCall(
        task_id=take("task_id"),
        name=name,
        args=args,
        kwargs=kwargs,
        eta=resolve_eta(take("countdown", None), take("eta", None), now),
        expires=resolve_expires(take("expires", None), now),
        retries=take("retries", 0),
        group_id=take("group_id", None),
        group_index=take("group_index", None),
        callbacks=callbacks,
        errbacks=errbacks,
        chain=chain,
        chord=take("chord", None),
        reply_to=take("reply_to", None) or app.thread_oid,
        time_limit=take("time_limit", None),
        soft_time_limit=take("soft_time_limit", None),
        root_id=lineage.root_id,
        parent_id=lineage.parent_id,
        shadow=take("shadow", None),
        origin=take("origin", None) or anon_nodename(),
        ignore_result=take("ignore_result", None),
        argsrepr=take("argsrepr", None),
        kwargsrepr=take("kwargsrepr", None),
        replaced_task_nesting=take("replaced_task_nesting", 0),
        stamped_headers=stamped,
        stamps=stamps,
        headers=take("headers", None),
    )


def _as_list(value: Any) -> Any:
    """A single signature (which is a dict) as a list of one."""
    if value is None or isinstance(value, (list, tuple)):
        return value
    return [value]


def _target(app: Celery, left: dict[str, Any], publish_options: Mapping[str, Any]) -> Target:
    queue: Queue | None = left.pop("queue", None)
    exchange: Any = left.pop("exchange", None)
    routing_key: str | None = left.pop("routing_key", None)
    exchange_type = left.pop("exchange_type", None)
    declare = left.pop("declare", None)
    if isinstance(exchange, Exchange):
        exchange_type = exchange_type or exchange.type
    if queue is None and not exchange:
        queue = app.amqp.default_queue
    if queue is not None:
        if not exchange or exchange_type is None:
            exchange_type = queue.exchange.type
        if exchange_type == "direct" and not (exchange and routing_key):
            exchange, routing_key = "", queue.name
        elif exchange is None:
            exchange = queue.exchange.name
        routing_key = routing_key or queue.routing_key
        if declare is None and not isinstance(queue, Broadcast):
            declare = [queue]
    conf = app.conf
    return Target(
        exchange=conf.task_default_exchange or "" if exchange is None else exchange,
        exchange_type=exchange_type or conf.task_default_exchange_type,
        routing_key=routing_key or conf.task_default_routing_key or "",
        declare=declare or (),
        queue=None if queue is None else queue.name,
        serializer=left.pop("serializer", None) or conf.task_serializer,
        compression=left.pop("compression", None) or conf.task_compression,
        mandatory=bool(publish_options["mandatory"]),
        timeout=publish_options["timeout"],
        confirm_timeout=publish_options["confirm_timeout"],
    )


def _fill_properties(
    message: TaskMessage, conf: Any, left: dict[str, Any], *, call: TaskCall, now: datetime
) -> None:
    """What is left of the options is properties of the message."""
    mode = left.pop("delivery_mode", None) or conf.task_default_delivery_mode
    for key in ("connection", "publisher", "event_dispatcher"):
        left.pop(key, None)
    properties = message.properties
    properties.update(left)
    properties["delivery_mode"] = _DELIVERY_MODES.get(mode, mode)
    properties["priority"] = left.get("priority") or 0
    if call.expires is not None:
        properties["expiration"] = seconds_until(call.expires, now)


def _retry_policy(conf: Any, options: Mapping[str, Any]) -> Mapping[str, Any] | None:
    retry = options["retry"]
    if not (conf.task_publish_retry if retry is None else retry):
        return None
    own = options["retry_policy"]
    policy: Mapping[str, Any] = conf.task_publish_retry_policy
    return {**policy, **own} if own else policy
