"""Every broker that kombu knows: RabbitMQ first of all, and whatever else has a transport.

Publishing uses a small pool of connections. Each consumer has a connection of its own and a thread
that alone touches it. On AMQP the channel is the lease: what is unsettled when it closes goes back
to the front of its queue. Other transports do what they do; `capabilities` says what to expect.

With the transport option ``confirm_publish`` (py-amqp) `publish` returns when the broker has taken
over the messages: a batch costs one round trip. Without it they have been sent by then, and a
connection that breaks at that moment may lose them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from amqp.exceptions import RecoverableConnectionError

from celery._broker._kombu_consumer import KombuConsumer
from celery._broker._kombu_link import Link, LinkPool, reach
from celery._broker.base import Broker, Capabilities, Publication
from celery._broker.pools import open_connection
from celery.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from kombu import Queue

    from celery._broker.options import BrokerOptions

__all__ = ["KombuBroker"]

#: Kinds of brokers that give an unsettled message to another when its consumer dies.
_LEASING = frozenset({"amqp", "azureservicebus", "gcpubsub", "pgmq", "redis", "sqs"})
_PRIORITISING = frozenset({"amqp", "mongodb", "redis", "zookeeper"})


class KombuBroker(Broker):
    """A broker reached through kombu.

    Args:
        url: as kombu reads it; alternatives are joined by ``;``.
        options: how to connect.

    Raises:
        ImproperlyConfigured: kombu has no such transport, or its library is not installed.
    """

    def __init__(self, url: str, options: BrokerOptions) -> None:
        self._url = url
        self._options = options
        try:
            self._described = client = self._client()
            transport = client.transport
        except (ImportError, KeyError, ValueError) as exc:
            raise ImproperlyConfigured(f"Cannot use the broker URL: {exc}") from exc
        self.driver_type = transport.driver_type
        known = (*client.recoverable_connection_errors, *client.connection_errors)
        own = (RecoverableConnectionError, ConnectionError)
        self.connection_errors = tuple(dict.fromkeys(known + own))
        self._channel_errors: tuple[type[BaseException], ...] = client.channel_errors
        types = frozenset(transport.implements.exchange_type)
        self.capabilities = Capabilities(
            leases=self.driver_type in _LEASING,
            leases_outlive_connection=False,
            parks=False,
            priorities=self.driver_type in _PRIORITISING,
            fanout="fanout" in types,
            exchange_types=types,
        )
        self._bindings: dict[tuple[str, str, str], None] = {}
        confirm = bool(options.transport_options.get("confirm_publish"))
        self._links = LinkPool(
            lambda: Link(self._client(), confirm=confirm),
            limit=options.pool_limit,
            timeout=options.pool_acquire_timeout,
        )

    @classmethod
    def open(cls, url: str | None, options: BrokerOptions) -> KombuBroker:
        """The broker of a URL; without one, RabbitMQ on this machine."""
        return cls(url or "amqp://", options)

    def _client(self, *, heartbeat: float = 0) -> Any:
        options = self._options
        # Links wait for confirms themselves, once for a batch.
        transport_options = {
            key: value
            for key, value in options.transport_options.items()
            if key != "confirm_publish"
        }
        return open_connection(
            self._url,
            transport_options=transport_options,
            ssl=options.ssl,
            connect_timeout=options.connect_timeout,
            login_method=options.login_method,
            failover_strategy=options.failover_strategy,
            heartbeat=heartbeat,
        )

    def connect(self) -> None:
        with self._links.take() as link:
            reach(link.client)

    def close(self) -> None:
        self._links.close()

    def as_uri(self, *, include_password: bool = False) -> str:
        uri: str = self._described.as_uri(include_password=include_password)
        return uri

    def publish(self, publications: Sequence[Publication]) -> None:
        with self._links.take() as link:
            link.publish(publications)

    def declare(self, queues: Iterable[Queue]) -> None:
        queues = list(queues)
        with self._links.take() as link:
            link.declare(queues)
        for queue in queues:
            self._bindings.update(dict.fromkeys(_bindings_of(queue)))

    def length(self, queue: str) -> int:
        try:
            with self._links.take() as link:
                return link.length(queue)
        except self._channel_errors:
            return 0  # There is no such queue.

    def purge(self, queue: str) -> int:
        try:
            with self._links.take() as link:
                return link.purge(queue)
        except self._channel_errors:
            return 0

    def delete_queue(self, queue: str) -> None:
        with self._links.take() as link:
            link.delete(queue)
        self._bindings = {row: None for row in self._bindings if row[0] != queue}
        # The other links believe that the queue is declared.
        self._links.close()

    def bindings(self) -> list[tuple[str, str, str]]:
        """Those declared through this object: AMQP has no way to ask for the others."""
        return list(self._bindings)

    def consumer(self, *, worker: str, prefetch: int = 0) -> KombuConsumer:
        heartbeat = self._options.heartbeat or 0
        return KombuConsumer(
            lambda: self._client(heartbeat=heartbeat), worker=worker, prefetch=prefetch
        )


def _bindings_of(queue: Queue) -> Iterable[tuple[str, str, str]]:
    if queue.exchange and queue.exchange.name:
        yield queue.name, queue.exchange.name, queue.routing_key or ""
    for binding in queue.bindings:
        if binding.exchange and binding.exchange.name:
            yield queue.name, binding.exchange.name, binding.routing_key or ""
