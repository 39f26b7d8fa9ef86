"""A connection that waits for messages on channels: the blocking side."""

from __future__ import annotations

import threading
from typing import Any, Final, NamedTuple

from redis.connection import AbstractConnection as SyncConnection
from redis.exceptions import ConnectionError as RedisConnectionError

from celery._stores.redis.client import CONNECTION_ERRORS, RedisServer

__all__ = ["Heard", "Subscriber"]

_FOR_EVER_S: Final = 1e6


class Heard(NamedTuple):
    """What the server said: ``subscribe``, ``unsubscribe`` or ``message``, where, and what."""

    kind: str
    channel: bytes
    data: Any


class Subscriber:
    """Subscriptions over one connection, which is opened with the first.

    Threads may subscribe and unsubscribe while one thread waits in `hear`. When the connection is
    lost every call raises until `reconnect` has succeeded; the channels are kept.
    """

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._connection: SyncConnection | None = None
        self._lock = threading.RLock()
        self.channels: set[bytes] = set()

    def subscribe(self, channel: bytes) -> None:
        """Listen to the channel; that the server does so is heard as ``subscribe``."""
        with self._lock:
            self.channels.add(channel)
            if self._connection is None:
                self.reconnect()
            else:
                self._connection.send_command("SUBSCRIBE", channel, check_health=False)

    def unsubscribe(self, channel: bytes) -> None:
        """Listen to it no longer; no error if the connection is lost, which comes to the same."""
        with self._lock:
            if channel not in self.channels:
                return
            self.channels.discard(channel)
            if self._connection is None:
                return
            try:
                self._connection.send_command("UNSUBSCRIBE", channel, check_health=False)
            except CONNECTION_ERRORS:
                self._drop()

    def reconnect(self) -> None:
        """Connect anew and subscribe to all channels.

        Raises:
            redis.exceptions.ConnectionError: the server cannot be reached.
        """
        with self._lock:
            self._drop()
            connection = self._server.connection()
            connection.connect()
            if self.channels:
                connection.send_command("SUBSCRIBE", *self.channels, check_health=False)
            self._connection = connection

    def hear(self, timeout: float | None) -> Heard | None:
        """The next thing the server says; None if it says nothing in so many seconds.

        Raises:
            redis.exceptions.ConnectionError: there is no connection (any more).
        """
        with self._lock:
            # Another thread may be connecting at this moment.
            connection = self._connection
        if connection is None:
            raise RedisConnectionError("not connected")
        try:
            if not connection.can_read(_FOR_EVER_S if timeout is None else timeout):
                return None
            reply = connection.read_response()
        except CONNECTION_ERRORS:
            with self._lock:
                if self._connection is connection:
                    self._drop()
            raise
        kind, channel, data = reply
        return Heard(kind.decode(), channel, data)

    def close(self) -> None:
        """Disconnect and forget the channels. Safe twice."""
        with self._lock:
            self.channels.clear()
            self._drop()

    def forget_parent(self) -> None:
        """In a forked child: leave the parent's connection alone."""
        self._lock = threading.RLock()
        self._connection = None
        self.channels = set()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()
