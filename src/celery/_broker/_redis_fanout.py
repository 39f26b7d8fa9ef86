"""Fan-out queues on Redis: subscriptions whose messages go straight into this process.

Such a message is stored nowhere: who does not listen does not get it, and what a worker has
received and not settled dies with it.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from typing import Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError

from celery._broker._redis_message import decode
from celery._broker._redis_topology import QueueSpec
from celery._broker.base import Action, Settlement
from celery._broker.delivery import Delivery
from celery._stores.redis.client import RedisServer
from celery._stores.redis.keys import BrokerKeys
from celery._stores.redis.link import Command
from celery._stores.redis.listener import Listener

__all__ = ["FanoutSubscriptions"]

_CONFIRM_S: Final = 10.0


class FanoutSubscriptions:
    """The fan-out queues of one consumer.

    Args:
        deliver: called on the loop with each delivery.
    """

    def __init__(
        self, server: RedisServer, keys: BrokerKeys, deliver: Callable[[Delivery], None]
    ) -> None:
        self._keys = keys
        self._deliver = deliver
        self._listener = Listener(server, protocol=2, greeting=self._greeting, hear=self._hear)
        self._queues: dict[str, list[str]] = {}  # channel pattern -> queues
        self._confirmed: dict[str, asyncio.Event] = {}
        self._numbers = itertools.count()
        self._held: dict[str, bytes] = {}
        self._parked: set[asyncio.TimerHandle] = set()

    async def add(self, spec: QueueSpec) -> None:
        """Subscribe for the queue's fan-out bindings; returns once the server has confirmed.

        Raises:
            redis.exceptions.ConnectionError: it did not confirm in time.
        """
        patterns = self._patterns(spec)
        if not patterns:
            return
        for pattern in patterns:
            self._queues.setdefault(pattern, []).append(spec.name)
        self._listener.start()
        await self._listener.send(("PSUBSCRIBE", *patterns))
        try:
            async with asyncio.timeout(_CONFIRM_S):
                for pattern in patterns:
                    await self._confirmed.setdefault(pattern, asyncio.Event()).wait()
        except TimeoutError:
            raise RedisConnectionError("The server did not confirm a subscription.") from None

    async def remove(self, spec: QueueSpec) -> None:
        """Unsubscribe."""
        for pattern in self._patterns(spec):
            queues = self._queues.get(pattern, [])
            if spec.name in queues:
                queues.remove(spec.name)
            if not queues and self._queues.pop(pattern, None) is not None:
                self._confirmed.pop(pattern, None)
                await self._listener.send(("PUNSUBSCRIBE", pattern))

    async def stop(self) -> None:
        """End all subscriptions and forget what was received."""
        await self._listener.stop()
        for handle in self._parked:
            handle.cancel()
        self._parked.clear()
        self._queues.clear()
        self._confirmed.clear()
        self._held.clear()

    def settle(self, settlement: Settlement) -> bool:
        """Carry out a decision about a fan-out delivery; False if it is not one."""
        tag, queue = settlement.delivery.delivery_tag, settlement.delivery.queue
        if not tag.startswith("fanout."):
            return False
        message = self._held.pop(tag, None)
        if message is None:
            return True
        if settlement.action is Action.REQUEUE:
            self._receive(queue, message)
        elif settlement.action is Action.PARK:
            delay = max((settlement.until or 0.0) - time.time(), 0.0)
            self._receive_later(delay, queue, message)
        return True

    def _patterns(self, spec: QueueSpec) -> list[str]:
        return [
            self._keys.channel(b.exchange, b.routing_key.replace("#", "*")) for b in spec.fanouts
        ]

    def _greeting(self) -> list[Command]:
        return [("PSUBSCRIBE", *self._queues)] if self._queues else []

    def _hear(self, heard: Any) -> None:
        if not isinstance(heard, list):
            return
        if heard[0] == b"psubscribe":
            self._confirmed.setdefault(heard[1].decode(), asyncio.Event()).set()
        elif heard[0] == b"pmessage":
            _, pattern, _, message = heard
            for queue in self._queues.get(pattern.decode(), ()):
                self._receive(queue, message)

    def _receive(self, queue: str, message: bytes) -> None:
        tag = f"fanout.{next(self._numbers)}:{queue}"
        self._held[tag] = message
        self._deliver(decode(message, queue=queue, tag=tag))

    def _receive_later(self, delay: float, queue: str, message: bytes) -> None:
        def receive() -> None:
            self._parked.discard(handle)
            self._receive(queue, message)

        handle = asyncio.get_running_loop().call_later(delay, receive)
        self._parked.add(handle)
