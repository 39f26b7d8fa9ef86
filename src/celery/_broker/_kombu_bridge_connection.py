"""What the bridge keeps for one kombu connection: its broker, channels, and declarations.

kombu's calls block while our consumers are coroutines. They run on a loop in a thread that the
connection starts with its first consumer and ends when it is closed. Whoever drains blocks in that
loop's answer: waiting is the broker's own, with its notifications, and costs no polling here.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from kombu import Exchange, Queue, binding

if TYPE_CHECKING:
    from celery._broker._kombu_bridge_channel import Channel
    from celery._broker.base import Broker, Consumer
    from celery._broker.delivery import Delivery

__all__ = ["BridgeConnection", "DeclaredQueue"]

R = TypeVar("R")

#: A delivery, the channel it is for, and whether it is settled already.
Arrival: TypeAlias = "tuple[Channel, Delivery, bool]"

#: Seconds of one wait when the caller would wait for ever.
LONG_WAIT_S = 3600.0
#: Seconds without a consumer after which draining without a timeout gives up.
NOTHING_TO_DRAIN_S = 1.0


@dataclass(slots=True)
class DeclaredQueue:
    """A queue as it was declared through one connection; kombu declares and binds in steps.

    Args:
        exclusive: it goes when the connection is closed.
        bindings: by exchange and routing key the exchange's type.
    """

    name: str
    durable: bool = True
    exclusive: bool = False
    auto_delete: bool = False
    arguments: dict[str, Any] = field(default_factory=dict)
    bindings: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def message_ttl(self) -> float | None:
        """Seconds after which its messages are stale."""
        milliseconds = self.arguments.get("x-message-ttl")
        return None if milliseconds is None else float(milliseconds) / 1000

    def to_queue(self) -> Queue:
        """The queue with all its bindings."""
        return Queue(
            self.name,
            durable=self.durable,
            exclusive=self.exclusive,
            auto_delete=self.auto_delete,
            queue_arguments=self.arguments or None,
            bindings=[
                binding(Exchange(exchange, type=kind), routing_key=key)
                for (exchange, key), kind in self.bindings.items()
            ],
        )


class _LoopThread:
    """An asyncio loop in a thread, from the first coroutine it is given until `close`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """What the coroutine returns; if waiting for it is interrupted, it is cancelled."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._running())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=loop.run_forever, name="celery-kombu-bridge", daemon=True
                )
                self._thread.start()
            return self._loop

    def close(self) -> None:
        with self._lock:
            loop, self._loop = self._loop, None
            thread, self._thread = self._thread, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


class BridgeConnection:
    """The connection behind a kombu connection to one of our brokers.

    Args:
        client: the kombu connection.
        broker: ours; others of this process may use it as well.
    """

    def __init__(self, client: Any, broker: Broker) -> None:
        self.client = client
        self.broker = broker
        self.channels: list[Channel] = []
        self.exchanges: dict[str, str] = {}
        self.queues: dict[str, DeclaredQueue] = {}
        self._arrived: deque[Arrival] = deque()
        self._loop = _LoopThread()
        self._pid = os.getpid()

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Run a coroutine of one of this connection's consumers.

        Raises:
            ConnectionError: the connection was opened before a fork, by the parent process.
        """
        if self._pid != os.getpid():
            coroutine.close()
            raise ConnectionError("this connection belongs to the parent process")
        return self._loop.run(coroutine)

    def new_consumer(self) -> Consumer:
        """A started consumer; to be used with `run` alone."""
        consumer = self.broker.consumer(worker=f"kombu.{os.getpid()}@{socket.gethostname()}")
        self.run(consumer.start())
        return consumer

    def queue(self, name: str) -> DeclaredQueue:
        """The queue as declared here, or as it is when nothing else is said."""
        return self.queues.get(name) or DeclaredQueue(name)

    def drain_events(self, timeout: float | None = None) -> None:
        """Hand one message to its consumer; waits for it up to `timeout` seconds.

        Raises:
            TimeoutError: nothing came.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            if not self._arrived:
                self._receive(deadline)
            while self._arrived:
                channel, delivery, settled = self._arrived.popleft()
                if channel.hand_over(delivery, settled=settled):
                    return
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError("timed out")

    def _receive(self, deadline: float | None) -> None:
        seconds = LONG_WAIT_S if deadline is None else max(0.0, deadline - time.monotonic())
        channels = [channel for channel in self.channels if channel.can_consume]
        if channels:
            self._arrived.extend(self.run(_receive(channels, seconds)))
        elif deadline is None:
            time.sleep(NOTHING_TO_DRAIN_S)
            raise TimeoutError("nobody consumes from this connection")
        else:
            time.sleep(seconds)

    def drop(self, channel: Channel) -> None:
        """The channel is closed."""
        if channel in self.channels:
            self.channels.remove(channel)
        self._arrived = deque(item for item in self._arrived if item[0] is not channel)

    def close(self) -> None:
        """Give back what is unsettled; exclusive queues go. In a forked child only forget."""
        if self._pid != os.getpid():
            self.channels.clear()
            return
        for channel in list(self.channels):
            channel.close()
        self._loop.close()
        for queue in self.queues.values():
            if queue.exclusive:
                self.broker.delete_queue(queue.name)
        self.queues.clear()


async def _receive(channels: list[Channel], seconds: float) -> list[Arrival]:
    """What came first, and what came together with it."""
    arrivals: list[Arrival] = []
    for channel, deliveries in await _first(channels, seconds):
        if deliveries and channel.settles_at_once:
            await channel.settle_at_once(deliveries)
            arrivals.extend((channel, delivery, True) for delivery in deliveries)
        else:
            arrivals.extend((channel, delivery, False) for delivery in deliveries)
    return arrivals


async def _first(channels: list[Channel], seconds: float) -> list[tuple[Channel, list[Delivery]]]:
    if len(channels) == 1:
        return [(channels[0], await channels[0].fetch(seconds))]
    fetching = {asyncio.ensure_future(channel.fetch(seconds)): channel for channel in channels}
    try:
        await asyncio.wait(fetching, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in fetching:
            task.cancel()
        # A fetch that is cancelled loses nothing; one that was just done has its deliveries.
        await asyncio.wait(fetching)
    return [(channel, task.result()) for task, channel in fetching.items() if not task.cancelled()]
