"""Bounded pools of kombu connections and producers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kombu import Connection
from kombu.pools import ProducerPool

from celery._broker.url import scheme_of, urls_of

__all__ = ["Pools", "open_connection"]

#: Schemes whose kombu transport is a bridge to our own broker.
_BRIDGED = {"memory", "sqlite"}
_BRIDGE = "celery._broker.kombu_bridge:Transport"


def open_connection(url: str | Sequence[str] | None, **options: Any) -> Any:
    """A kombu connection for a broker URL, not connected yet.

    Our own brokers are shown to kombu through the bridge; Redis and all others have a transport
    of kombu's, which shares our messages because the layout is the same.
    """
    urls = urls_of(url)
    if scheme_of(urls[0]) in _BRIDGED:
        transport_options = {**options.pop("transport_options", {}), "url": urls[0]}
        options.pop("transport", None)
        return Connection(transport=_BRIDGE, transport_options=transport_options, **options)
    return Connection(";".join(urls), **options)


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
        self._limit = limit or 0
        self._acquire_timeout = acquire_timeout
        self.connections: Any = connect().Pool(limit=self._limit or None)
        self.producers: Any = ProducerPool(self.connections, limit=self._limit or None)

    def close(self) -> None:
        """Close every pooled connection."""
        self.producers.force_close_all()
        self.connections.force_close_all()

    def forget(self) -> None:
        """In a forked child: drop the pools without touching the sockets of the parent."""
        self.producers = self.connections = None
