"""A channel as kombu knows it, over our brokers; see `celery._broker.kombu_bridge`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import uuid4

from amqp.exceptions import AMQPNotImplementedError
from amqp.protocol import queue_declare_ok_t
from kombu.message import Message as KombuMessage
from kombu.transport import base

from celery._broker._kombu_bridge_connection import DeclaredQueue
from celery._broker.base import Action, Publication, Settlement
from celery._message.envelope import Envelope

if TYPE_CHECKING:
    from celery._broker._kombu_bridge_connection import BridgeConnection
    from celery._broker.base import Broker, Consumer
    from celery._broker.delivery import Delivery

__all__ = ["Channel"]

#: Messages that consumers without acknowledgements take at once.
UNACKNOWLEDGED_BATCH = 100


class Channel(base.StdChannel):
    """A channel over one consumer of ours, started when something is consumed."""

    supports_fanout = True
    do_restore = False
    Message = KombuMessage

    def __init__(self, connection: BridgeConnection) -> None:
        self.connection: Any = connection
        self.channel_id = id(self)
        self.events: dict[str, set[Any]] = {"basic_return": set()}
        self._consumer: Consumer | None = None
        self._getters: dict[str, Consumer] = {}
        #: By consumer tag: queue, callback, and whether its messages are settled at once.
        self._callbacks: dict[str, tuple[str, Callable[[Any], Any], bool]] = {}
        self._unsettled: dict[int, tuple[Consumer, Delivery]] = {}
        self._tags = count(1)
        self._prefetch = 0

    @property
    def _broker(self) -> Broker:
        broker: Broker = self.connection.broker
        return broker

    # -- topology

    def exchange_declare(
        self, exchange: str = "", type: str = "direct", passive: bool = False, **_: Any
    ) -> None:
        """Remember the type: exchanges come into being with their bindings."""
        if not passive:
            self.connection.exchanges[exchange] = type or "direct"

    def exchange_delete(self, exchange: str, **_: Any) -> None:
        """Forget the exchange; its bindings go with their queues."""
        self.connection.exchanges.pop(exchange, None)

    def queue_declare(
        self,
        queue: str = "",
        passive: bool = False,
        durable: bool = False,
        exclusive: bool = False,
        auto_delete: bool = False,
        arguments: dict[str, Any] | None = None,
        **_: Any,
    ) -> Any:
        """Make sure that the queue exists; `passive` only counts its messages."""
        name = queue or f"amq.gen-{uuid4()}"
        if not passive:
            known = self.connection.queues.get(name)
            declared = self.connection.queues[name] = DeclaredQueue(
                name,
                durable=durable,
                exclusive=exclusive,
                auto_delete=auto_delete,
                arguments=dict(arguments or {}),
                bindings={} if known is None else known.bindings,
            )
            self._broker.declare([declared.to_queue()])
        return queue_declare_ok_t(name, self._broker.length(name), 0)

    def queue_bind(
        self, queue: str, exchange: str = "", routing_key: str | None = "", **_: Any
    ) -> None:
        """Let the exchange route to the queue."""
        connection = self.connection
        declared = connection.queues.setdefault(queue, connection.queue(queue))
        kind = connection.exchanges.get(exchange, "direct")
        declared.bindings[exchange, routing_key or ""] = kind
        self._broker.declare([declared.to_queue()])

    def queue_purge(self, queue: str, **_: Any) -> int:
        """Delete the ready messages; returns how many there were."""
        return self._broker.purge(queue)

    def queue_delete(
        self, queue: str, if_unused: bool = False, if_empty: bool = False, **_: Any
    ) -> int:
        """Delete the queue; returns how many messages it had.

        Args:
            if_unused: not if this connection consumes from it; of others it is not known.
            if_empty: not if there are messages in it.
        """
        length = self._broker.length(queue)
        used = any(channel.consumes(queue) for channel in self.connection.channels)
        if (if_empty and length) or (if_unused and used):
            return 0
        self.connection.queues.pop(queue, None)
        self._broker.delete_queue(queue)
        return length

    def list_bindings(self) -> list[tuple[str, str, str]]:
        """(queue, exchange, routing key) of every binding."""
        return self._broker.bindings()

    def prepare_queue_arguments(self, arguments: Any, **options: Any) -> Any:
        """The options of `kombu.Queue` as AMQP names them."""
        return base.to_rabbitmq_queue_arguments(arguments, **options)

    # -- publishing

    def prepare_message(
        self,
        body: bytes | str,
        priority: int | None = None,
        content_type: str | None = None,
        content_encoding: str | None = None,
        headers: dict[str, Any] | None = None,
        properties: dict[str, Any] | None = None,
    ) -> Envelope:
        """The message as it will stand on the wire."""
        encoding = content_encoding or "utf-8"
        if isinstance(body, str):
            body = body.encode("utf-8" if encoding == "binary" else encoding)
        return Envelope(
            body=body,
            content_type=content_type or "application/data",
            content_encoding=encoding,
            headers=headers or {},
            properties={"priority": priority or 0, "timestamp": time.time(), **(properties or {})},
        )

    def basic_publish(
        self, message: Envelope, exchange: str = "", routing_key: str = "", **_: Any
    ) -> None:
        """Publish what `prepare_message` has made."""
        kind = self.connection.exchanges.get(exchange, "direct")
        publication = Publication(
            envelope=message,
            exchange=exchange or "",
            exchange_type=kind,
            routing_key=routing_key or "",
        )
        self._broker.publish([publication])

    # -- consuming

    def basic_consume(
        self,
        queue: str,
        no_ack: bool = False,
        callback: Callable[[Any], Any] | None = None,
        consumer_tag: str = "",
        **_: Any,
    ) -> str:
        """Have messages of the queue given to `callback` when the connection is drained."""
        tag = consumer_tag or f"ctag-{uuid4()}"
        if self._consumer is None:
            self._consumer = self.connection.new_consumer()
        if not self.consumes(queue):
            declared = self.connection.queue(queue).to_queue()
            self.connection.run(self._consumer.add_queue(declared))
        self._callbacks[tag] = (queue, callback or (lambda message: None), bool(no_ack))
        return tag

    def basic_cancel(self, consumer_tag: str, **_: Any) -> None:
        """Give no more messages to that consumer."""
        queue, _callback, _no_ack = self._callbacks.pop(consumer_tag, ("", None, False))
        if queue and not self.consumes(queue) and self._consumer is not None:
            self.connection.run(self._consumer.cancel_queue(queue))

    def basic_get(self, queue: str, no_ack: bool = False, **_: Any) -> KombuMessage | None:
        """The next message of the queue, None if there is none now."""
        getter = self._getters.get(queue)
        if getter is None:
            getter = self._getters[queue] = self.connection.new_consumer()
            self.connection.run(getter.add_queue(self.connection.queue(queue).to_queue()))
        while deliveries := self.connection.run(getter.fetch(1, 0)):
            if self._is_stale(deliveries[0]):
                self._settle(getter, deliveries[0], Action.REJECT)
                continue
            if no_ack:
                self._settle(getter, deliveries[0], Action.ACK)
            return self._message(getter, deliveries[0], settled=no_ack)
        return None

    def basic_qos(
        self, prefetch_size: int = 0, prefetch_count: int = 0, apply_global: bool = False
    ) -> None:
        """Drain nothing while so many messages are unsettled; 0: no limit."""
        self._prefetch = prefetch_count

    def consumes(self, queue: str) -> bool:
        """Whether something is consumed from the queue here."""
        return any(name == queue for name, _, _ in self._callbacks.values())

    @property
    def can_consume(self) -> bool:
        """Whether the channel wants messages."""
        return bool(self._callbacks) and (
            not self._prefetch or len(self._unsettled) < self._prefetch
        )

    @property
    def settles_at_once(self) -> bool:
        """Whether no consumer of this channel acknowledges."""
        return all(no_ack for _, _, no_ack in self._callbacks.values())

    async def fetch(self, seconds: float) -> list[Delivery]:
        """Take what may be handed over; on the connection's loop."""
        assert self._consumer is not None
        limit = UNACKNOWLEDGED_BATCH if self.settles_at_once else 1
        return await self._consumer.fetch(limit, seconds)

    async def settle_at_once(self, deliveries: list[Delivery]) -> None:
        """Acknowledge before handing over; on the connection's loop."""
        assert self._consumer is not None
        await self._consumer.settle([Settlement(d, Action.ACK) for d in deliveries])

    def hand_over(self, delivery: Delivery, *, settled: bool) -> bool:
        """Call the callback with a message; False if it is dropped or nobody wants it any more."""
        consumer = self._consumer
        assert consumer is not None
        wanted = [entry for entry in self._callbacks.values() if entry[0] == delivery.queue]
        if not wanted:
            if not settled:
                self._settle(consumer, delivery, Action.REQUEUE)
            return False
        _, callback, no_ack = wanted[0]
        if self._is_stale(delivery):
            if not settled:
                self._settle(consumer, delivery, Action.REJECT)
            return False
        if no_ack and not settled:
            self._settle(consumer, delivery, Action.ACK)
        callback(self._message(consumer, delivery, settled=settled or no_ack))
        return True

    def message_to_python(self, message: KombuMessage) -> KombuMessage:
        """Messages are handed over as they are to be."""
        return message

    def _message(self, consumer: Consumer, delivery: Delivery, *, settled: bool) -> KombuMessage:
        tag = next(self._tags)
        if not settled:
            self._unsettled[tag] = (consumer, delivery)
        return KombuMessage(
            body=delivery.body,
            delivery_tag=tag,
            content_type=delivery.content_type,
            content_encoding=delivery.content_encoding,
            delivery_info=delivery.delivery_info,
            properties=delivery.properties,
            headers=delivery.headers,
            channel=self,
        )

    def _is_stale(self, delivery: Delivery) -> bool:
        """Whether the message's time is over."""
        published = delivery.properties.get("timestamp")
        if not isinstance(published, (int, float)):
            return False
        limits = [self.connection.queue(delivery.queue).message_ttl]
        if "expiration" in delivery.properties:
            limits.append(float(delivery.properties["expiration"]) / 1000)
        age = time.time() - published
        return any(limit is not None and age > limit for limit in limits)

    # -- settling

    def basic_ack(self, delivery_tag: int, multiple: bool = False) -> None:
        """Done with the message, or with all up to it. Unknown tags are no error."""
        known = [tag for tag in self._unsettled if tag <= delivery_tag]
        for tag in known if multiple else [delivery_tag]:
            self._settle_tag(tag, Action.ACK)

    def basic_reject(self, delivery_tag: int, requeue: bool = False) -> None:
        """Refuse the message."""
        self._settle_tag(delivery_tag, Action.REQUEUE if requeue else Action.REJECT)

    def basic_recover(self, requeue: bool = False) -> None:
        """Put back everything that is unsettled."""
        for tag in list(self._unsettled):
            self._settle_tag(tag, Action.REQUEUE)

    def _settle_tag(self, tag: int, action: Action) -> None:
        consumer, delivery = self._unsettled.pop(tag, (None, None))
        if consumer is not None and delivery is not None:
            self._settle(consumer, delivery, action)

    def _settle(self, consumer: Consumer, delivery: Delivery, action: Action) -> None:
        self.connection.run(consumer.settle([Settlement(delivery, action)]))

    # -- life

    def close(self) -> None:
        """Stop consuming; what is unsettled goes back. Safe twice."""
        connection, self.connection = self.connection, None
        if connection is None:
            return
        consumers = [*self._getters.values()]
        if self._consumer is not None:
            consumers.append(self._consumer)
        self._getters.clear()
        self._callbacks.clear()
        self._unsettled.clear()
        self._consumer = None
        connection.drop(self)
        if consumers:
            connection.run(_stop(consumers))

    def after_reply_message_received(self, queue: str) -> None:
        """Reply queues are temporary: they went with their consumer."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise AMQPNotImplementedError("this broker has no such operation")

    queue_unbind = exchange_bind = exchange_unbind = flow = _refuse


async def _stop(consumers: list[Consumer]) -> None:
    await asyncio.gather(*(consumer.stop() for consumer in consumers))
