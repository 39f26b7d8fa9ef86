"""Kombu connections for a broker URL, and bounded pools of them and of producers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kombu import Connection
from kombu.connection import ConnectionPool, PooledConnection
from kombu.exceptions import LimitExceeded, OperationalError
from kombu.pools import ProducerPool

from celery._broker._kombu_fork import forget_in_children
from celery._broker.url import scheme_of, urls_of

__all__ = ["Pools", "open_connection"]

#: Schemes whose kombu transport is a bridge to our own broker.
_BRIDGED = {"memory", "sqlite"}
_BRIDGE = "celery._broker.kombu_bridge:Transport"


def open_connection(url: str | Sequence[str] | None, **options: Any) -> Any:
    """A kombu connection for a broker URL, not connected yet.

    Our own brokers are shown to kombu through the bridge; Redis and all others have a transport
    of kombu's, which shares our messages because the layout is the same. A forked child starts
    with the connection closed, and leaves its parent's alone.
    """
    urls = urls_of(url)
    if scheme_of(urls[0]) in _BRIDGED:
        transport_options = {**options.pop("transport_options", {}), "url": urls[0]}
        options.pop("transport", None)
        bridged = Connection(transport=_BRIDGE, transport_options=transport_options, **options)
        return forget_in_children(bridged)
    return forget_in_children(Connection(";".join(urls), **options))


class _PatientPool:
    """Mixed in front of a pool of kombu's: who waits for a resource waits for so long only."""

    #: kombu would close the parent's connections in a child, and wait there for replies that are
    #: the parent's (`_kombu_fork`).
    close_after_fork = False

    acquire_timeout: float | None
    limit: int | None

    def acquire(self, block: bool = False, timeout: float | None = None) -> Any:
        """A resource of the pool.

        Args:
            block: wait if all are in use.
            timeout: seconds to wait, instead of the pool's own.

        Raises:
            kombu.exceptions.OperationalError: all were in use for so long.
            kombu.exceptions.LimitExceeded: all are in use, and `block` is false.
        """
        if timeout is None:
            timeout = self.acquire_timeout
        try:
            return super().acquire(block=block, timeout=timeout)  # type: ignore[misc]  # kombu's
        except LimitExceeded as exc:
            if not block:
                raise
            raise OperationalError(
                f"All {self.limit} pooled connections to the broker were in use for {timeout} "
                "seconds: raise broker_pool_limit or broker_pool_acquire_timeout"
            ) from exc


class _Connections(_PatientPool, ConnectionPool):
    def __init__(self, connection: Any, *, limit: int | None, timeout: float | None) -> None:
        self.acquire_timeout = timeout
        super().__init__(connection, limit=limit)  # type: ignore[no-untyped-call]  # kombu's

    def new(self) -> Any:
        """A connection like the first, that knows what to do after a fork."""
        settings = dict(self.connection._info(resolve=False))
        return forget_in_children(PooledConnection(self, **settings))


class _Producers(_PatientPool, ProducerPool):
    def __init__(self, connections: Any, *, limit: int | None, timeout: float | None) -> None:
        self.acquire_timeout = timeout
        super().__init__(connections, limit=limit)  # type: ignore[no-untyped-call]  # kombu's


class Pools:
    """A pool of connections and a pool of producers over it, for one app and process.

    Args:
        connect: makes a new connection.
        limit: how many at most; 0 or None: no pooling, each use has its own.
        acquire_timeout: seconds that waiting for a free one may take; None: for ever.
    """

    def __init__(
        self, connect: Callable[[], Any], *, limit: int | None, acquire_timeout: float | None
    ) -> None:
        self.connections: Any = _Connections(
            connect(), limit=limit or None, timeout=acquire_timeout
        )
        self.producers: Any = _Producers(
            self.connections, limit=limit or None, timeout=acquire_timeout
        )

    def close(self) -> None:
        """Close every pooled connection."""
        self.producers.force_close_all()
        self.connections.force_close_all()

    def forget(self) -> None:
        """In a forked child: drop the pools; their connections are let go of by themselves."""
        self.producers = self.connections = None
