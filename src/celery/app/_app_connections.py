"""The part of the application that is about its broker and its result backend."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from kombu.common import oid_from
from kombu.utils.objects import cached_property

from celery.app.backends import by_url

if TYPE_CHECKING:
    from celery._broker.base import Broker
    from celery.app._connections import Connections

__all__ = ["AppConnections"]


class AppConnections:
    """Broker, kombu connections, result backend and addresses. Base of `Celery`."""

    backend_cls: Any = None
    conf: Any
    loader: Any
    _connections: Connections
    _local: threading.local
    _shared_backend: Any

    def broker_for_read(self) -> Broker:
        """The broker that workers of this app fetch from."""
        return self._connections.broker_for_read()

    def broker_for_write(self) -> Broker:
        """The broker that this app publishes to."""
        return self._connections.broker_for_write()

    def connection_for_read(self, url: Any = None, **kwargs: Any) -> Any:
        """A kombu connection to consume with."""
        return self._connections.connection_for_read(url, **kwargs)

    def connection_for_write(self, url: Any = None, **kwargs: Any) -> Any:
        """A kombu connection to publish with."""
        return self._connections.connection_for_write(url, **kwargs)

    def connection(self, hostname: Any = None, **kwargs: Any) -> Any:
        """A kombu connection; prefer `connection_for_read` and `connection_for_write`."""
        return self._connections.connection_for_write(hostname, **kwargs)

    broker_connection = connection

    def connection_or_acquire(
        self, connection: Any = None, pool: bool = True, *_: Any, **__: Any
    ) -> AbstractContextManager[Any]:
        """For ``with``: the connection given, or one from the pool."""
        return self._connections.acquired_connection(connection, pool)

    default_connection = connection_or_acquire

    def producer_or_acquire(self, producer: Any = None) -> AbstractContextManager[Any]:
        """For ``with``: the producer given, or one from the pool."""
        return self._connections.acquired_producer(producer)

    default_producer = producer_or_acquire

    @property
    def pool(self) -> Any:
        """Pool of kombu connections."""
        return self._connections.pools.connections

    @property
    def producer_pool(self) -> Any:
        """Pool of kombu producers."""
        return self._connections.pools.producers

    # -- results

    @property
    def backend(self) -> Any:
        """The result backend: one per thread, or one for all if the settings say it is safe."""
        if self._shared_backend is not None:
            return self._shared_backend
        try:
            return self._local.backend
        except AttributeError:
            backend = self._get_backend()
        if getattr(backend, "thread_safe", False):
            self._shared_backend = backend
        else:
            self._local.backend = backend
        return backend

    @backend.setter
    def backend(self, value: Any) -> None:
        self._shared_backend = value

    def _get_backend(self) -> Any:
        cls, url = by_url(self.backend_cls or _result_backend(self.conf), self.loader)
        return cls(app=self, url=url)

    @cached_property
    def oid(self) -> str:
        """Identifies this app in this process."""
        return str(oid_from(self, threads=False))

    @property
    def thread_oid(self) -> str:
        """Identifies this app in this thread: where results sent as messages come back to."""
        try:
            return str(self._local.oid)
        except AttributeError:
            self._local.oid = oid = str(oid_from(self, threads=True))
            return oid


def _result_backend(conf: Any) -> Any:
    """The setting; beside the embedded default broker, when nothing is set, the same file."""
    if conf.result_backend is None and conf.broker_url is None:
        return "sqlite://"
    return conf.result_backend
