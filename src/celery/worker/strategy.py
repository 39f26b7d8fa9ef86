"""From a delivery to the pool: what the worker does with each message of one task.

::

    delivery -> Request -> revoked? expired? -> task_received -> task-received
             -> not before its time: parked at the broker, or held in the timer
             -> rate-limited: waits in its bucket
             -> reserved -> the pool
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from time import time
from typing import Any

from celery._execution.report import LOG_RECEIVED
from celery._message.v1 import v1_to_v2
from celery.signals import task_received
from celery.utils.imports import symbol_by_name
from celery.utils.log import get_logger
from celery.worker.request import Request, create_request_cls

__all__ = ["Strategy", "default", "hybrid_to_proto2", "proto1_to_proto2"]

logger = get_logger(__name__)

#: (body, headers, decoded, utc): what the arguments of `Request` of these names are.
Parts = tuple[Any, Mapping[str, Any], bool, bool]


def proto1_to_proto2(message: Any, body: Mapping[str, Any]) -> Parts:
    """The parts of a protocol 1 message, in protocol 2's terms.

    Raises:
        InvalidTaskError: the body is not that of a task.
    """
    parts, headers = v1_to_v2(body)
    return parts, headers, True, bool(body.get("utc", True))


def hybrid_to_proto2(message: Any, body: Mapping[str, Any]) -> Parts:
    """The parts of a message with the headers of protocol 2 and the body of protocol 1.

    Raises:
        InvalidTaskError: the body is not that of a task.
    """
    parts, headers = v1_to_v2({**message.headers, **body})
    return parts, {**headers, **message.headers}, True, bool(body.get("utc", True))


class Strategy:
    """What the worker does with the messages of one task; called with each of them.

    Args:
        task: the task.
        app: its application.
        consumer: the worker's consumer, whose timer, buckets, pool and limits are used.
    """

    def __init__(self, task: Any, app: Any, consumer: Any) -> None:
        self.task = task
        self.app = app
        self.consumer = consumer
        self.eventer = consumer.task_events
        self.request_class = create_request_cls(
            symbol_by_name(task.Request),
            task,
            consumer.pool,
            consumer.hostname,
            self.eventer,
            task_ready=consumer.on_task_ready,
            app=app,
        )

    def __call__(
        self,
        message: Any,
        body: Any,
        ack: Callable[..., Any],
        reject: Callable[..., Any],
        callbacks: Sequence[Callable[[Any], Any]] = (),
        **_: Any,
    ) -> None:
        """Take one message.

        Args:
            message: the delivery.
            body: its decoded body if it is of protocol 1, else None.
            ack, reject: settle it.
            callbacks: called with the request before it goes to the pool.

        Raises:
            InvalidTaskError: the message is not one of a task, or says something impossible.
            kombu.exceptions.DecodeError: the body cannot be read.
            kombu.exceptions.ContentDisallowed: its content type is not accepted.
        """
        consumer = self.consumer
        request = self._request(message, body, ack, reject)
        known = request.eta is not None and consumer.was_parked(request)
        if not known:
            self._log_received(request)
        if request.revoked():
            return
        if not known:
            self._announce(request)
        if request.eta is not None and (when := request.eta.timestamp()) > time():
            consumer.hold_until(request, when)
            return
        if self.task.rate_limit is not None and not consumer.disable_rate_limits:
            bucket = consumer.task_buckets.get(self.task.name)
            if bucket is not None:
                consumer.limit_task(request, bucket, 1)
                return
        for callback in callbacks:
            callback(request)
        consumer.hand_over(request)

    def _request(
        self, message: Any, body: Any, ack: Callable[..., Any], reject: Callable[..., Any]
    ) -> Request:
        headers, decoded, utc = None, False, True
        if body is not None:
            body, headers, decoded, utc = proto1_to_proto2(message, body)
        elif _maybe_hybrid(message):
            payload = message.payload
            if isinstance(payload, Mapping) and "args" in payload:
                body, headers, decoded, utc = hybrid_to_proto2(message, payload)
        return self.request_class(
            message,
            on_ack=ack,
            on_reject=reject,
            app=self.app,
            hostname=self.consumer.hostname,
            eventer=self.eventer,
            task=self.task,
            connection_errors=self.consumer.connection_errors,
            body=body,
            headers=headers,
            decoded=decoded,
            utc=utc,
        )

    def _log_received(self, request: Request) -> None:
        if not logger.isEnabledFor(logging.INFO):
            return
        facts = {
            "id": request.id,
            "name": request.name,
            "args": request.argsrepr,
            "kwargs": request.kwargsrepr,
            "eta": request.eta,
        }
        logger.info(LOG_RECEIVED, facts, extra={"data": facts})

    def _announce(self, request: Request) -> None:
        if task_received.receivers:
            task_received.send(sender=self.consumer, request=request)
        if self.consumer.sends_task_events:
            fields = request.request_dict
            request.send_event(
                "task-received",
                name=request.name,
                args=request.argsrepr,
                kwargs=request.kwargsrepr,
                root_id=request.root_id,
                parent_id=request.parent_id,
                retries=fields.get("retries", 0),
                eta=request.eta and request.eta.isoformat(),
                expires=request.expires and request.expires.isoformat(),
            )


def default(task: Any, app: Any, consumer: Any, **_: Any) -> Callable[..., None]:
    """The strategy of tasks that name no other: returns what is called with each message."""
    return Strategy(task, app, consumer)


def _maybe_hybrid(message: Any) -> bool:
    """Whether the body may be a protocol 1 one; JSON tells by its first byte.

    What JSON cannot tell has to be decoded here, which is what the first byte spares the worker.
    """
    body = message.body
    if message.content_type == "application/json" and not message.headers.get("compression"):
        first = body.lstrip()[:1] if body[:1] in (b" ", b"\n", " ", "\n") else body[:1]
        return first not in (b"[", "[")
    return True
