"""A connection that listens: push messages and subscriptions on the asyncio side."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from celery._stores.redis.client import CONNECTION_ERRORS, RedisServer
from celery._stores.redis.link import Command

__all__ = ["Listener"]

logger = logging.getLogger(__name__)

_RECONNECT_S: Final = (0.05, 2.0)


class Listener:
    """Reads whatever the server sends on one connection and hands it to a function.

    States: stopped -> connecting <-> listening -> stopped. A lost connection is made anew, with
    growing pauses; `greeting` is sent after each connect. What the server sends in between is
    lost, as subscriptions are.

    Args:
        server: what to connect to.
        protocol: 2, or 3 for push messages.
        greeting: gives the commands to send after connecting.
        hear: called with each message or reply; an error reply comes as the exception itself,
            and None means that something may have been missed.
        health_interval: seconds of silence after which a sign of life is asked for; a connection
            silent for as long again is dropped.
    """

    def __init__(
        self,
        server: RedisServer,
        *,
        protocol: int,
        greeting: Callable[[], Sequence[Command]],
        hear: Callable[[Any], None],
        health_interval: float = 25.0,
    ) -> None:
        self._server = server
        self._protocol = protocol
        self._greeting = greeting
        self._hear = hear
        self._health_interval = health_interval
        self._connection: AbstractConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._greeted = False

    @property
    def listening(self) -> bool:
        """Whether there is a connection now."""
        return self._connection is not None

    def start(self) -> None:
        """Connect and listen, in the background. Safe twice."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Close the connection. Safe twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def send(self, *commands: Command) -> bool:
        """Send without waiting for replies (they come through `hear`); False if not connected."""
        connection = self._connection
        if connection is None:
            return False
        try:
            await connection.send_packed_command(connection.pack_commands(commands))
        except CONNECTION_ERRORS as exc:
            logger.debug("Listening connection is gone: %s", exc)
            return False  # the reading task notices too, and reconnects
        return True

    async def _run(self) -> None:
        pause, longest = _RECONNECT_S
        while True:
            try:
                connection = await self._server.async_connection(
                    protocol=self._protocol, timeout=False
                )
                await self._connect_and_listen(connection)
            except ResponseError as refused:
                self._hear(refused)  # the server does not speak this protocol: it never will
                return
            except CONNECTION_ERRORS as exc:
                logger.debug("Listening connection lost, connecting again: %s", exc)
                self._hear(None)
            await asyncio.sleep(pause)
            pause = _RECONNECT_S[0] if self._greeted else min(pause * 2, longest)

    async def _connect_and_listen(self, connection: AbstractConnection) -> None:
        self._greeted = False
        try:
            await connection.connect()
            self._connection = connection
            greeting = self._greeting()
            if greeting:
                await connection.send_packed_command(connection.pack_commands(greeting))
            self._greeted = True
            await self._listen(connection)
        finally:
            self._connection = None
            await connection.disconnect(nowait=True)

    async def _listen(self, connection: AbstractConnection) -> None:
        options: dict[str, Any] = {"push_request": True} if self._protocol == 3 else {}
        asked = False
        while True:
            reading = asyncio.ensure_future(connection.read_response(**options))
            try:
                while not reading.done():
                    await asyncio.wait([reading], timeout=self._health_interval)
                    if reading.done():
                        break
                    if asked:
                        raise RedisConnectionError("no sign of life")
                    asked = True
                    await connection.send_packed_command(connection.pack_command("PING"))
            finally:
                if not reading.done():
                    reading.cancel()
                    await asyncio.wait([reading])
            asked = False
            try:
                heard = reading.result()
            except ResponseError as refused:
                heard = refused
            self._hear(heard)
