"""Being told when a list changes, without polling it and without taking anything out.

The server remembers which keys a tracking connection has read (CLIENT TRACKING, Redis >= 6) and
sends it one message when such a key changes. So: ask whether the lists exist; if not, the next
push into one of them rings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import ResponseError

from celery._stores.redis.client import RedisServer
from celery._stores.redis.listener import Listener

__all__ = ["Doorbell"]


class Doorbell:
    """Rings when one of the watched lists has, or gets, something.

    It may ring without a reason, never fail to ring while `watch` says it will (except that the
    connection has just died, which takes some time to be noticed).

    Args:
        server: what to connect to.
        ring: called on the loop.
    """

    def __init__(self, server: RedisServer, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._refused = False
        self._listener = Listener(
            server,
            protocol=3,
            greeting=lambda: [("CLIENT", "TRACKING", "ON")],
            hear=self._hear,
        )

    def start(self) -> None:
        """Connect, in the background."""
        self._listener.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._listener.stop()

    async def watch(self, lists: Sequence[str]) -> bool:
        """Ring once when one of the lists is not empty; False if that cannot be promised."""
        if self._refused:
            return False
        return await self._listener.send(("EXISTS", *lists))

    def _hear(self, heard: Any) -> None:
        if isinstance(heard, ResponseError):
            self._refused = True
        elif heard is None or (isinstance(heard, int) and heard > 0) or isinstance(heard, list):
            self._ring()
