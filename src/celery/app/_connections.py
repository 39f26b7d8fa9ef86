"""The app's ways to its broker: our brokers for tasks, kombu connections for everything else.

Both are opened late, once per process, and opened anew after a fork or when the URL changes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from celery._broker.base import Broker
from celery._broker.options import BrokerOptions
from celery._broker.pools import Pools, open_connection
from celery._broker.url import open_broker

if TYPE_CHECKING:
    from celery.app.base import Celery

__all__ = ["Connections"]


class Connections:
    """Brokers, kombu connections and their pools, of one app."""

    def __init__(self, app: Celery) -> None:
        self.app = app
        self._lock = threading.Lock()
        self._brokers: dict[tuple[Any, ...], Broker] = {}
        self._pools: Pools | None = None

    # -- our own brokers

    def broker_for_read(self) -> Broker:
        """The broker that workers fetch from."""
        return self._broker(self.app.conf.broker_read_url)

    def broker_for_write(self) -> Broker:
        """The broker that messages are published to."""
        return self._broker(self.app.conf.broker_write_url)

    def _broker(self, url: Any) -> Broker:
        key = (str(url), id(self.app.conf.broker_transport_options))
        broker = self._brokers.get(key)
        if broker is None:
            with self._lock:
                broker = self._brokers.get(key)
                if broker is None:
                    broker = self._brokers[key] = open_broker(url, self.options())
        return broker

    def options(self, **overrides: Any) -> BrokerOptions:
        """What the settings say about connecting."""
        conf = self.app.conf
        given = {
            "transport_options": conf.broker_transport_options,
            "ssl": conf.broker_use_ssl,
            "connect_timeout": conf.broker_connection_timeout,
            "heartbeat": conf.broker_heartbeat,
            "login_method": conf.broker_login_method,
            "failover_strategy": conf.broker_failover_strategy,
            "pool_limit": conf.broker_pool_limit,
            "pool_acquire_timeout": conf.broker_pool_acquire_timeout,
        }
        given.update((key, value) for key, value in overrides.items() if value is not None)
        return BrokerOptions(**given)

    # -- kombu

    def connection_for_read(self, url: Any = None, **kwargs: Any) -> Any:
        """A kombu connection to consume with."""
        return self.connection(url or self.app.conf.broker_read_url, **kwargs)

    def connection_for_write(self, url: Any = None, **kwargs: Any) -> Any:
        """A kombu connection to publish with."""
        return self.connection(url or self.app.conf.broker_write_url, **kwargs)

    def connection(self, url: Any = None, **kwargs: Any) -> Any:
        """A kombu connection, not connected yet; keywords stand in for the settings."""
        conf = self.app.conf
        if url is None:
            url = conf.broker_url
        options = {
            "userid": conf.broker_user,
            "password": conf.broker_password,
            "virtual_host": conf.broker_vhost,
            "port": conf.broker_port,
            "transport": conf.broker_transport,
            "ssl": conf.broker_use_ssl,
            "login_method": conf.broker_login_method,
            "connect_timeout": conf.broker_connection_timeout,
            "failover_strategy": conf.broker_failover_strategy,
        }
        transport_options = dict(conf.broker_transport_options)
        transport_options.update(kwargs.pop("transport_options", None) or {})
        options.update((key, value) for key, value in kwargs.items() if value is not None)
        return open_connection(url, transport_options=transport_options, **options)

    @property
    def pools(self) -> Pools:
        """The pools of connections and producers, made when first used."""
        if self._pools is None:
            with self._lock:
                if self._pools is None:
                    conf = self.app.conf
                    self._pools = Pools(
                        lambda: self.connection_for_write(),
                        limit=conf.broker_pool_limit,
                        acquire_timeout=conf.broker_pool_acquire_timeout,
                    )
        return self._pools

    @contextmanager
    def acquired_connection(self, connection: Any = None, pool: bool = True) -> Iterator[Any]:
        """The connection given, or one from the pool, or (`pool` false) a new one."""
        if connection is not None:
            yield connection
        elif pool:
            with self.pools.connections.acquire(block=True) as pooled:
                yield pooled
        else:
            with self.connection_for_write() as fresh:
                yield fresh

    @contextmanager
    def acquired_producer(self, producer: Any = None) -> Iterator[Any]:
        """The producer given, or one from the pool."""
        if producer is not None:
            yield producer
        else:
            with self.pools.producers.acquire(block=True) as pooled:
                yield pooled

    def close(self) -> None:
        """Close everything; what is used afterwards is opened anew."""
        with self._lock:
            brokers, self._brokers = list(self._brokers.values()), {}
            pools, self._pools = self._pools, None
        for broker in brokers:
            broker.close()
        if pools is not None:
            pools.close()

    def after_fork(self) -> None:
        """In a child: forget kombu's pools (our brokers notice a fork by themselves)."""
        self._lock = threading.Lock()
        if self._pools is not None:
            self._pools.forget()
            self._pools = None
