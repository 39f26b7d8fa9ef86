"""How to connect to Redis: the one factory behind the broker and the result backend.

Everything that opens a connection to Redis goes through a `RedisServer`: TCP, TLS, Unix sockets
and sentinels, blocking and asyncio, with the same options. redis-py's connections are used as
they are; its client classes only where convenience matters more than time (`link` is the short
way).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import redis
import redis.asyncio
import redis.sentinel
from kombu.utils.imports import symbol_by_name
from redis.asyncio.connection import AbstractConnection as AsyncConnection
from redis.connection import AbstractConnection as SyncConnection

from celery._stores.redis.address import RedisAddress

__all__ = ["CONNECTION_ERRORS", "ConnectOptions", "RedisServer"]

#: Raised when the server cannot be reached now, or is not the master: the call may be repeated.
CONNECTION_ERRORS: Final[tuple[type[BaseException], ...]] = (
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    redis.exceptions.BusyLoadingError,
    redis.exceptions.ReadOnlyError,
    redis.sentinel.MasterNotFoundError,
    OSError,
)

#: No limit: the pools of this module only make connections, `link` decides how many there are.
_UNLIMITED: Final = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectOptions:
    """How to connect, whatever the address; names as in redis-py, times in seconds.

    Args:
        ssl: True, or redis-py's ``ssl_*`` options, for TLS on an address that does not ask for it.
        credential_provider: a `redis.CredentialProvider`, its class, or the dotted path of one;
            user name and password are then left out.
        master_name, sentinel_kwargs, min_other_sentinels: for sentinels.
        max_connections: bound of the pool behind `RedisServer.client`; None for redis-py's.
    """

    socket_timeout: float | None = None
    socket_connect_timeout: float | None = None
    socket_keepalive: bool | None = None
    socket_keepalive_options: Mapping[int, int | bytes] | None = None
    health_check_interval: float = 25
    retry_on_timeout: bool = False
    client_name: str | None = None
    max_connections: int | None = None
    ssl: bool | Mapping[str, Any] = False
    credential_provider: Any = None
    master_name: str | None = None
    sentinel_kwargs: Mapping[str, Any] | None = None
    min_other_sentinels: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, options: Mapping[str, Any], **defaults: Any) -> ConnectOptions:
        """Pick from `options` what concerns connecting; `defaults` stand where it says nothing."""
        known = {name for name in cls.__slots__ if name != "extra"}
        said = {name: options[name] for name in known if options.get(name) is not None}
        return cls(**{**defaults, **said})


class RedisServer:
    """One address and how to connect to it. Thread-safe; may be used after a fork.

    Connections handed out by `connection` and `async_connection` belong to the caller, who
    disconnects them; they connect when first used.
    """

    def __init__(self, address: RedisAddress, options: ConnectOptions) -> None:
        self.address = address
        self.options = options

    @cached_property
    def client(self) -> redis.Redis:
        """A redis-py client over a pool of its own; safe to share between threads and forks."""
        return redis.Redis(connection_pool=self._sync_pool(self.options.max_connections))

    def connection(self) -> SyncConnection:
        """A new blocking connection."""
        made: SyncConnection = self._connections.make_connection()  # type: ignore[assignment]  # it is one
        return made

    async def async_connection(self, *, protocol: int = 2, timeout: bool = True) -> AsyncConnection:
        """A new asyncio connection, to be used on one loop.

        Args:
            protocol: 2, or 3 to receive push messages.
            timeout: whether the configured socket timeout bounds reads; not for connections that
                wait for messages.
        """
        kwargs = {**self.connection_kwargs(), "protocol": protocol}
        if not timeout:
            kwargs |= {"socket_timeout": None, "health_check_interval": 0}
        if self.address.kind == "sentinel":
            # Asked in a thread: a client of the sentinels on the loop would be bound to that loop.
            kwargs["host"], kwargs["port"] = await asyncio.to_thread(
                self._sentinels.discover_master, self._master_name()
            )
        classes: dict[str, type[AsyncConnection]] = {
            "tcp": redis.asyncio.Connection,
            "tls": redis.asyncio.SSLConnection,
            "unix": redis.asyncio.UnixDomainSocketConnection,
        }
        return classes[self._transport()](**kwargs)

    def close(self) -> None:
        """Close what is kept open here. Safe twice; the server may be used again afterwards."""
        client: redis.Redis | None = self.__dict__.get("client")
        if client is not None:
            client.connection_pool.disconnect()
        sentinels: redis.sentinel.Sentinel | None = self.__dict__.get("_sentinels")
        for sentinel in sentinels.sentinels if sentinels is not None else ():
            sentinel.connection_pool.disconnect()

    @cached_property
    def _connections(self) -> redis.ConnectionPool:
        return self._sync_pool(_UNLIMITED)

    @cached_property
    def _sentinels(self) -> redis.sentinel.Sentinel:
        given = self.options.sentinel_kwargs
        return redis.sentinel.Sentinel(
            self.address.sentinels,
            min_other_sentinels=self.options.min_other_sentinels,
            sentinel_kwargs=None if given is None else dict(given),
            **self.connection_kwargs(),
        )

    def _sync_pool(self, max_connections: int | None) -> redis.ConnectionPool:
        if self.address.kind == "sentinel":
            client = self._sentinels.master_for(
                self._master_name(),
                redis.Redis,
                ssl=self._transport() == "tls",
                max_connections=max_connections,
            )
            pool: redis.ConnectionPool = client.connection_pool
            return pool
        classes: dict[str, Any] = {
            "tcp": redis.Connection,
            "tls": redis.SSLConnection,
            "unix": redis.UnixDomainSocketConnection,
        }
        return redis.ConnectionPool(
            connection_class=classes[self._transport()],
            max_connections=max_connections,
            **self.connection_kwargs(),
        )

    def connection_kwargs(self) -> dict[str, Any]:
        """What a redis-py connection class is constructed with."""
        address, options = self.address, self.options
        kwargs: dict[str, Any] = {
            "db": address.db,
            "username": address.username,
            "password": address.password,
            "protocol": 2,
            "socket_timeout": options.socket_timeout,
            "socket_connect_timeout": options.socket_connect_timeout,
            "health_check_interval": options.health_check_interval,
            "retry_on_timeout": options.retry_on_timeout,
            "client_name": options.client_name,
        }
        if options.socket_keepalive is not None:
            kwargs["socket_keepalive"] = options.socket_keepalive
        if options.socket_keepalive_options is not None:
            kwargs["socket_keepalive_options"] = _keepalive(options.socket_keepalive_options)
        if address.kind in ("tcp", "tls"):
            kwargs |= {"host": address.host, "port": address.port}
        kwargs |= options.extra
        kwargs |= self._tls_kwargs()
        kwargs |= {k: v for k, v in address.options.items() if not k.startswith("ssl_")}
        if address.kind == "unix":
            kwargs["path"] = address.path
            for tcp_only in ("socket_keepalive", "socket_keepalive_options"):
                kwargs.pop(tcp_only, None)
        provider = kwargs.pop("credential_provider", None) or options.credential_provider
        if provider is not None:
            kwargs["credential_provider"] = _credential_provider(provider)
            kwargs |= {"username": None, "password": None}
        return kwargs

    def _tls_kwargs(self) -> dict[str, Any]:
        if self._transport() != "tls":
            return {}
        configured = dict(self.options.ssl) if isinstance(self.options.ssl, Mapping) else {}
        said = {k: v for k, v in self.address.options.items() if k.startswith("ssl_")}
        tls = {**configured, **said}
        if tls.get("ssl_cert_reqs") in (0, "none", "CERT_NONE"):
            # Python refuses to check names of certificates that it was told not to verify.
            tls.setdefault("ssl_check_hostname", False)
        return tls

    def _transport(self) -> str:
        """``tcp``, ``tls`` or ``unix``: how the server itself is spoken to."""
        if self.address.kind in ("tcp", "sentinel"):
            return "tls" if self.options.ssl else "tcp"
        return self.address.kind

    def _master_name(self) -> str:
        name = self.options.master_name
        if not name:
            raise ValueError(
                "A sentinel:// URL needs the transport option 'master_name': "
                "the name of the master that the sentinels watch."
            )
        return name


def _keepalive(options: Mapping[Any, int | bytes]) -> dict[int, int | bytes]:
    """Keepalive options by number; names such as ``TCP_KEEPIDLE`` are looked up."""
    return {
        getattr(socket, name) if isinstance(name, str) else name: value
        for name, value in options.items()
    }


def _credential_provider(given: Any) -> redis.CredentialProvider:
    provider = symbol_by_name(given) if isinstance(given, str) else given
    if isinstance(provider, type):
        provider = provider()
    if not isinstance(provider, redis.CredentialProvider):
        raise ValueError(f"Not a redis.CredentialProvider: {given!r}")
    return provider
