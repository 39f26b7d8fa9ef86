"""The short way to Redis: commands over a connection, one round trip for all of them.

redis-py's client classes spend three times as long on a command as the server does. A link packs
commands with redis-py's (hiredis') packer, writes them at once and reads as many replies. What
takes several steps is written once as a generator, a `Talk`, which yields commands and is sent
their replies; `SyncLink.talk` and `AsyncLink.talk` drive it.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Generator, Sequence
from typing import Any, TypeVar

from redis.asyncio.connection import AbstractConnection as AsyncConnection
from redis.connection import AbstractConnection as SyncConnection
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError

from celery._stores.redis.client import RedisServer
from celery._stores.redis.scripts import as_eval

__all__ = ["AsyncLink", "Command", "SyncLink", "Talk"]

Command = tuple[Any, ...]
T = TypeVar("T")
#: Yields the commands of one round trip, is sent their replies, returns what it found.
Talk = Generator[Sequence[Command], list[Any], T]

#: A connection idle for longer may have been closed by the server: look before using it.
_SURELY_OPEN_S = 0.2


class SyncLink:
    """Blocking commands; thread-safe, and safe to use after a fork.

    Each call takes an idle connection or opens one. A command that may have been executed is
    never repeated here: when a call raises a connection error the caller decides.

    Args:
        server: what to connect to.
        keep: idle connections kept open at most.
    """

    def __init__(self, server: RedisServer, *, keep: int = 10) -> None:
        self._server = server
        self._keep = keep
        self._idle: deque[tuple[SyncConnection, float]] = deque()
        self._pid = os.getpid()
        self._lock = threading.Lock()

    def run(self, *commands: Command) -> list[Any]:
        """Execute the commands in order, in one round trip; returns their replies.

        Raises:
            redis.exceptions.ResponseError: of the first command that the server refused (the
                others were executed).
            redis.exceptions.ConnectionError, TimeoutError: it is unknown what was executed.
        """
        connection = self._take()
        try:
            replies = _exchange(connection, commands)
            missing = _unknown_scripts(replies)
            if missing:
                again = _exchange(connection, [as_eval(commands[i]) for i in missing])
                _fill_in(replies, missing, again)
        except BaseException:
            connection.disconnect()
            raise
        if _demoted(replies):
            connection.disconnect()
        else:
            self._put_back(connection)
        return _checked(replies)

    def talk(self, conversation: Talk[T]) -> T:
        """Drive a conversation to its end."""
        try:
            commands = next(conversation)
            while True:
                commands = conversation.send(self.run(*commands))
        except StopIteration as end:
            result: T = end.value
            return result

    def close(self) -> None:
        """Close the idle connections. Safe twice; the link may be used again afterwards."""
        while self._idle:
            try:
                self._idle.pop()[0].disconnect()
            except IndexError:  # another thread took the last one
                return

    def _take(self) -> SyncConnection:
        if self._pid != os.getpid():
            self._forget_parent()
        try:
            connection, since = self._idle.pop()
        except IndexError:
            connection = self._server.connection()
        else:
            if time.monotonic() - since < _SURELY_OPEN_S or not _looks_closed(connection):
                return connection
            connection.disconnect()
        connection.connect()  # sending would connect as well, but not ask the sentinels
        return connection

    def _put_back(self, connection: SyncConnection) -> None:
        if len(self._idle) < self._keep:
            self._idle.append((connection, time.monotonic()))
        else:
            connection.disconnect()

    def _forget_parent(self) -> None:
        """Leave the parent's connections alone: a forked child must not speak on them."""
        with self._lock:
            if self._pid != os.getpid():
                self._idle = deque()
                self._pid = os.getpid()


class AsyncLink:
    """Commands over one connection on one asyncio loop; calls take turns.

    Cancelling a call closes the connection, since replies would no longer match; what was sent
    may have been executed.
    """

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()

    async def run(self, *commands: Command) -> list[Any]:
        """Execute the commands in order, in one round trip; see `SyncLink.run`."""
        async with self._turn:
            if self._connection is None:
                self._connection = await self._server.async_connection()
            connection = self._connection
            try:
                replies = await _aexchange(connection, commands)
                missing = _unknown_scripts(replies)
                if missing:
                    again = await _aexchange(connection, [as_eval(commands[i]) for i in missing])
                    _fill_in(replies, missing, again)
            except BaseException:
                self._connection = None
                await connection.disconnect(nowait=True)
                raise
            if _demoted(replies):
                self._connection = None
                await connection.disconnect(nowait=True)
        return _checked(replies)

    async def talk(self, conversation: Talk[T]) -> T:
        """Drive a conversation to its end."""
        try:
            commands = next(conversation)
            while True:
                commands = conversation.send(await self.run(*commands))
        except StopIteration as end:
            result: T = end.value
            return result

    async def close(self) -> None:
        """Close the connection. Safe twice; the link may be used again afterwards."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect()


def _exchange(connection: SyncConnection, commands: Sequence[Command]) -> list[Any]:
    if len(commands) == 1:
        connection.send_command(*commands[0])
    else:
        connection.send_packed_command(connection.pack_commands(commands))
    replies: list[Any] = []
    for _ in commands:
        try:
            replies.append(connection.read_response())
        except ResponseError as refused:
            replies.append(refused)
    return replies


async def _aexchange(connection: AsyncConnection, commands: Sequence[Command]) -> list[Any]:
    await connection.connect()
    if await _alooks_closed(connection):
        await connection.disconnect(nowait=True)
        await connection.connect()
    if len(commands) == 1:
        await connection.send_command(*commands[0])
    else:
        await connection.send_packed_command(connection.pack_commands(commands))
    replies: list[Any] = []
    for _ in commands:
        try:
            replies.append(await connection.read_response())
        except ResponseError as refused:
            replies.append(refused)
    return replies


def _looks_closed(connection: SyncConnection) -> bool:
    """Whether there is something to read where nothing should be: an end of file, or garbage."""
    try:
        return bool(connection.can_read(timeout=0))
    except (RedisError, OSError):
        return True


async def _alooks_closed(connection: AsyncConnection) -> bool:
    # redis-py < 8 has it under the other name.
    can_read = getattr(connection, "can_read", None) or connection.can_read_destructive
    try:
        return bool(await can_read())
    except (RedisError, OSError):
        return True


def _unknown_scripts(replies: list[Any]) -> list[int]:
    return [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]


def _fill_in(replies: list[Any], places: list[int], values: list[Any]) -> None:
    for place, value in zip(places, values, strict=True):
        replies[place] = value


def _demoted(replies: list[Any]) -> bool:
    """Whether the server is a replica by now: the next connection may find the new master."""
    return any(isinstance(reply, ReadOnlyError) for reply in replies)


def _checked(replies: list[Any]) -> list[Any]:
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise reply
    return replies
