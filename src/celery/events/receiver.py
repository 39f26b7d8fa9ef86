"""EventReceiver: hands events from the broker to functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from time import time
from typing import Any, Final
from uuid import uuid4

from kombu import Queue
from kombu.mixins import ConsumerMixin
from kombu.transport import base as transport

from celery._ports import AppPort
from celery._state import app_or_default
from celery.events.event import get_exchange
from celery.exceptions import ImproperlyConfigured
from celery.utils.log import get_logger
from celery.utils.time import adjust_timestamp

__all__ = ("CLIENT_CLOCK_SKEW", "EventReceiver")

logger = get_logger(__name__)

#: A client does not take part in the logical clock: what it sent was sent just before now.
CLIENT_CLOCK_SKEW: Final = -1

Handler = Callable[[dict[str, Any]], Any]


class EventReceiver(ConsumerMixin):
    """Receives events from when it starts to capture, in a queue of its own.

    Args:
        channel: kombu channel, or connection whose default channel is used.
        handlers: Functions by event type; ``"*"`` takes what the others do not.
        routing_key: Which events; ``task.#`` for those about tasks.
        node_id: Ends the queue's name; a random one by default.
        queue_prefix, queue_ttl, queue_expires, queue_exclusive, queue_durable: Instead of the
            ``event_queue_*`` settings.
        accept: Content types, instead of JSON and the setting `event_serializer`.

    Raises:
        ImproperlyConfigured: The queue is to be exclusive as well as durable.
    """

    #: The application, of subclasses that are bound to one.
    app: AppPort | None = None

    def __init__(  # noqa: PLR0913  # the documented arguments
        self,
        channel: Any,
        handlers: Mapping[str, Handler] | None = None,
        routing_key: str = "#",
        node_id: str | None = None,
        app: AppPort | None = None,
        queue_prefix: str | None = None,
        accept: Any = None,
        queue_ttl: float | None = None,
        queue_expires: float | None = None,
        queue_exclusive: bool | None = None,
        queue_durable: bool | None = None,
    ) -> None:
        bound = self.app = app_or_default(app or self.app)
        conf = bound.conf
        exclusive = conf.event_queue_exclusive if queue_exclusive is None else queue_exclusive
        durable = conf.event_queue_durable if queue_durable is None else queue_durable
        if exclusive and durable:
            raise ImproperlyConfigured(
                "Queue cannot be both exclusive and durable, choose one or the other."
            )
        self.channel = channel if hasattr(channel, "basic_consume") else channel.default_channel
        self.handlers = {} if handlers is None else handlers
        self.routing_key = routing_key
        self.node_id = node_id or str(uuid4())
        self.queue_prefix = queue_prefix or conf.event_queue_prefix
        self.exchange = get_exchange(self.connection, name=conf.event_exchange)
        self.queue = Queue(
            f"{self.queue_prefix}.{self.node_id}",
            exchange=self.exchange,
            routing_key=routing_key,
            auto_delete=not durable,
            durable=durable,
            exclusive=exclusive,
            message_ttl=conf.event_queue_ttl if queue_ttl is None else queue_ttl,
            expires=conf.event_queue_expires if queue_expires is None else queue_expires,
        )
        self.clock = bound.clock
        self.accept = {conf.event_serializer, "json"} if accept is None else accept

    @property
    def connection(self) -> Any:
        """The kombu connection of the channel."""
        return self.channel.connection.client

    # -- capturing

    def capture(
        self, limit: int | None = None, timeout: float | None = None, wakeup: bool = True
    ) -> None:
        """Receive events and have them handled, on a connection of its own.

        Args:
            limit: Return after so many messages; `None`: go on until `should_stop` is set.
            timeout: Seconds without any event after which to give up.
            wakeup: Ask the workers for a heartbeat first, so that they show at once.

        Raises:
            TimeoutError: There was no event for `timeout` seconds.
            OSError, kombu.exceptions.OperationalError: The connection was lost.
        """
        for _ in self.itercapture(limit, timeout, wakeup):
            pass

    def itercapture(
        self, limit: int | None = None, timeout: float | None = None, wakeup: bool = True
    ) -> Iterator[None]:
        """Do as `capture`, and yield after each message."""
        consume: Any = self.consume
        yield from consume(limit=limit, timeout=timeout, wakeup=wakeup)

    def get_consumers(self, Consumer: Any, channel: Any) -> list[Any]:
        """Return the consumer of the queue (for `ConsumerMixin`)."""
        return [
            Consumer(
                queues=[self.queue], callbacks=[self._receive], no_ack=True, accept=self.accept
            )
        ]

    def on_consume_ready(
        self, connection: Any, channel: Any, consumers: Any, wakeup: bool = True, **kwargs: Any
    ) -> None:
        """Ask the workers for a sign of life (for `ConsumerMixin`)."""
        if wakeup:
            self.wakeup_workers(channel=channel)

    def wakeup_workers(self, channel: Any = None) -> None:
        """Ask all workers to send a heartbeat."""
        app_or_default(self.app).control.broadcast(
            "heartbeat", connection=self.connection, channel=channel
        )

    # -- handling

    def process(self, type: str, event: dict[str, Any]) -> None:
        """Hand an event to the handler of its type."""
        handler = self.handlers.get(type) or self.handlers.get("*")
        if handler is not None:
            handler(event)

    def event_from_message(
        self, body: dict[str, Any], localize: bool = True
    ) -> tuple[str, dict[str, Any]]:
        """Return type and event of a message's body, which becomes the event.

        The logical clock advances; an event without one, and what a client sends, gets this
        process's.

        Args:
            localize: Turn the timestamp into one of this machine.
        """
        type = body["type"]
        clock = body.get("clock")
        if type == "task-sent":
            body["clock"] = self.clock.value + CLIENT_CLOCK_SKEW
            self.clock.forward()
        elif isinstance(clock, int):
            self.clock.adjust(clock)
        else:
            body["clock"] = self.clock.forward()
        if localize and "utcoffset" in body and "timestamp" in body:
            body["timestamp"] = adjust_timestamp(body["timestamp"], body["utcoffset"])
        body["local_received"] = time()
        return type, body

    def _receive(self, body: Any, message: transport.Message) -> None:
        for item in body if isinstance(body, list) else [body]:
            if isinstance(item, dict) and isinstance(item.get("type"), str):
                self.process(*self.event_from_message(item))
            else:
                logger.error("Received what is not an event: %r", item)
