"""One worker's receiving end on Redis.

States: idle --start--> consuming --stop--> idle.

Fetching is one call of a script, which moves messages into this consumer's lease. An idle
consumer waits for its doorbell: the server tells a tracking connection when one of the ready
lists changes (CLIENT TRACKING, Redis >= 6), so nothing is polled and nothing is taken out before
a lease holds it. Where tracking is refused (older servers, some proxies) it polls, gently.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import random
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import uuid4

from kombu.utils.scheduling import cycle_by_name, round_robin_cycle

from celery._broker._redis_fanout import FanoutSubscriptions
from celery._broker._redis_keeper import Keeper, LeaseOptions
from celery._broker._redis_leases import age, give_back
from celery._broker._redis_message import decode
from celery._broker._redis_topology import QueueSpec, describe
from celery._broker.base import Action, Consumer, Settlement
from celery._stores.redis.client import CONNECTION_ERRORS, RedisServer
from celery._stores.redis.doorbell import Doorbell
from celery._stores.redis.keys import BrokerKeys
from celery._stores.redis.link import AsyncLink, Command
from celery._stores.redis.scripts import load

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kombu import Queue

    from celery._broker.delivery import Delivery

__all__ = ["RedisConsumer"]

logger = logging.getLogger(__name__)

#: How long stopping waits for a fetch under way.
_STOP_S: Final = 2.0
#: Messages per fetch at most, so that no call holds up the server.
_MOST_AT_ONCE: Final = 1000
#: An idle consumer looks for itself that often, should the doorbell fail without a word.
_LOOK_ANYWAY_S: Final = 5.0
#: Pauses while there is no doorbell: the first, and the longest.
_POLL_S: Final = (0.005, 0.1)
#: The longest pause of a consumer that keeps being woken for messages which others get.
_BEATEN_S: Final = 0.02

_fetch = load("fetch")
_park = load("park")


class _Declares(Protocol):
    """What the consumer needs of its broker."""

    def declare(self, queues: Iterable[Queue]) -> None: ...

    def delete_queue(self, queue: str) -> None: ...


class RedisConsumer(Consumer):
    """See `Consumer` for the contract, and the module for how it is kept.

    Args:
        order: ``queue_order_strategy``: which queue goes first among those of one priority.
        broker: declares the queues and deletes those that vanish with their consumer.
    """

    def __init__(
        self,
        server: RedisServer,
        keys: BrokerKeys,
        *,
        worker: str,
        options: LeaseOptions,
        order: Any,
        broker: _Declares,
    ) -> None:
        self._keys = keys
        self._options = options
        self._broker = broker
        self._token = uuid4().hex[:12]
        self._name = f"{worker}.{self._token}"
        self._queues: dict[str, QueueSpec] = {}
        self._cycle = cycle_by_name(order)() if isinstance(order, str) else order()
        self._fair = type(self._cycle) is round_robin_cycle
        self._wake = asyncio.Event()
        self._fetching = AsyncLink(server)
        self._settling = AsyncLink(server)
        self._doorbell = Doorbell(server, self._wake.set)
        self._fanout = FanoutSubscriptions(server, keys, self._hear_fanout)
        self._keeper = Keeper(server, keys, self._name, options, self._expiring)
        self._started = False
        self._batches = itertools.count()
        self._ready: deque[Delivery] = deque()
        self._held: set[str] = set()
        self._filling: asyncio.Task[None] | None = None
        self._reply_lost = False
        self._woken = False  # the last wait ended because something changed
        self._beaten = 0  # times in a row that this something was gone already
        self._poll_s = _POLL_S[0]

    async def start(self) -> None:
        """Take the lease and begin to recover those of the dead."""
        if self._started:
            return
        await asyncio.to_thread(self._keeper.start)
        self._doorbell.start()
        self._started = True

    async def stop(self) -> None:
        """Give back everything that is held; if Redis is gone, the lease's end does it later."""
        started, self._started = self._started, False
        await asyncio.to_thread(self._keeper.stop)
        await self._doorbell.stop()
        await self._fanout.stop()
        await self._end_filling()
        try:
            if started:
                await self._leave()
        except CONNECTION_ERRORS as exc:
            logger.warning("Unsettled messages go back when the lease ends: %s", exc)
        finally:
            self._ready.clear()
            self._held.clear()
            self._queues.clear()
            await self._fetching.close()
            await self._settling.close()

    async def _leave(self) -> None:
        # Marked as redelivered, as kombu does at shutdown, but not counted: most of these were
        # prefetched and never started, and restarting workers must not make a message suspect.
        count = await self._settling.talk(give_back(self._keys, self._name))
        await self._settling.run(("ZREM", self._keys.consumers, self._name))
        if count:
            logger.info("Restored %d unsettled message(s).", count)
        for spec in self._queues.values():
            if spec.auto_delete and spec.fanouts:
                await asyncio.to_thread(self._broker.delete_queue, spec.name)

    async def add_queue(self, queue: Queue) -> None:
        """Declare the queue and fetch from it."""
        spec = describe(queue)
        await asyncio.to_thread(self._broker.declare, [queue])
        self._queues[spec.name] = spec
        await self._fanout.add(spec)
        self._cycle.update(self._stored_queues())
        self._wake.set()

    async def cancel_queue(self, name: str) -> None:
        """Fetch no more from the queue."""
        spec = self._queues.pop(name, None)
        if spec is None:
            return
        self._cycle.update(self._stored_queues())
        await self._fanout.remove(spec)
        if spec.auto_delete and spec.fanouts:
            await asyncio.to_thread(self._broker.delete_queue, spec.name)

    async def fetch(self, limit: int, timeout: float) -> list[Delivery]:
        """Lease up to `limit` messages; wait for the first one only."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            self._wake.clear()
            if not self._ready:
                await self._fill(min(limit, _MOST_AT_ONCE))
            if self._ready:
                self._woken, self._beaten, self._poll_s = False, 0, _POLL_S[0]
                return [self._ready.popleft() for _ in range(min(limit, len(self._ready)))]
            remaining = deadline - loop.time()
            if remaining <= 0:
                return []
            await self._wait(remaining)

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """One round trip; one or two more if something is to be put back."""
        if not self._started:
            return  # stopping has given everything back
        stored = [s for s in settlements if not self._fanout.settle(s)]
        parked = [s for s in stored if s.action is Action.PARK]
        back = [s.delivery.delivery_tag for s in stored if s.action is Action.REQUEUE]
        done = [s.delivery.delivery_tag for s in stored if s.action in (Action.ACK, Action.REJECT)]
        commands: list[Command] = []
        if done:
            commands.append(("HDEL", self._keys.lease(self._name), *done))
        if parked:
            commands.append(self._park(parked))
        if commands:
            await self._settling.run(*commands)
        if parked:
            soonest = min(s.until or 0.0 for s in parked) - time.time()
            self._keeper.release_in(max(soonest, 0.0))
        if back:
            await self._settling.talk(
                give_back(self._keys, self._name, tags=back, to_end=True, counted=True)
            )
        self._held.difference_update(s.delivery.delivery_tag for s in stored)

    def _park(self, parked: Sequence[Settlement]) -> Command:
        """Times go to the server as delays, so that its clock need not be ours."""
        now = time.time()
        rows: list[Any] = []
        for settlement in parked:
            delay_ms = math.ceil(max((settlement.until or 0.0) - now, 0.0) * 1000)
            rows += (settlement.delivery.delivery_tag, settlement.delivery.queue, delay_ms)
        keys = [self._keys.lease(self._name), self._keys.parked_queues]
        return _park(keys, self._keys.parked(""), *rows)

    def _stored_queues(self) -> list[str]:
        return [name for name, spec in self._queues.items() if spec.stored]

    def _expiring(self) -> list[QueueSpec]:
        return [spec for spec in list(self._queues.values()) if spec.expires_ms is not None]

    def _ready_lists(self, queues: Sequence[str]) -> list[str]:
        """Step-major: the first step of every queue, then the second."""
        return [self._keys.ready(queue, step) for step in self._keys.steps for queue in queues]

    async def _fill(self, limit: int) -> None:
        """Fetch into `_ready`. The call goes on when the caller is cancelled: nothing is lost."""
        if self._filling is None:
            self._filling = asyncio.create_task(self._lease_some(limit))
            self._filling.add_done_callback(_retrieve)
        filling = self._filling
        try:
            await asyncio.shield(filling)
        finally:
            if filling.done() and self._filling is filling:
                self._filling = None

    async def _end_filling(self) -> None:
        filling, self._filling = self._filling, None
        if filling is not None:
            await asyncio.wait([filling], timeout=_STOP_S)
            filling.cancel()
            await asyncio.wait([filling])

    async def _lease_some(self, limit: int) -> None:
        queues = self._cycle.consume(len(self._queues))
        if not queues:
            return
        try:
            if self._reply_lost:
                await self._find_unheard()
                self._reply_lost = False
            taken = await self._take(queues, limit)
        except BaseException:
            self._reply_lost = True
            raise
        used = dict.fromkeys(self._accept(taken))
        for queue in used:
            self._cycle.rotate(queue)

    async def _take(self, queues: Sequence[str], limit: int) -> list[bytes]:
        keys = self._keys
        (taken,) = await self._fetching.run(
            _fetch(
                [keys.consumers, keys.lease(self._name), *self._ready_lists(queues)],
                self._name,
                self._options.lease_ms,
                limit,
                len(queues),
                int(self._fair),
                f"{self._token}.{next(self._batches)}.",
                *(self._queues[queue].expires_ms or 0 for queue in queues),
            )
        )
        found: list[bytes] = taken
        return found

    def _accept(self, taken: Sequence[bytes]) -> list[str]:
        """Turn tags and messages into deliveries; returns the queues they came from."""
        queues = []
        for tag_bytes, message in zip(taken[::2], taken[1::2], strict=True):
            tag = tag_bytes.decode()
            queue = self._keys.queue_of(tag.partition(":")[2])
            self._held.add(tag)
            self._ready.append(decode(message, queue=queue, tag=tag))
            queues.append(queue)
        return queues

    async def _find_unheard(self) -> None:
        """Deliver what was leased by a call whose reply was lost with its connection."""
        (leased,) = await self._fetching.run(("HGETALL", self._keys.lease(self._name)))
        pairs = [(leased[i], leased[i + 1]) for i in range(0, len(leased), 2)]
        unheard = [pair for pair in pairs if pair[0].decode() not in self._held]
        unheard.sort(key=lambda pair: age(pair[0].decode()))
        self._accept(list(itertools.chain.from_iterable(unheard)))

    def _hear_fanout(self, delivery: Delivery) -> None:
        self._ready.append(delivery)
        self._wake.set()

    async def _wait(self, remaining: float) -> None:
        """Until something may be there."""
        self._beaten = self._beaten + 1 if self._woken else 0
        lists = self._ready_lists(self._stored_queues())
        pause = min(remaining, _LOOK_ANYWAY_S)
        if lists and not await self._doorbell.watch(lists):
            self._poll_s = min(self._poll_s * 2, _POLL_S[1])
            pause = min(pause, self._poll_s)
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            self._woken = False
            return
        self._woken = True
        if self._beaten and not self._ready:
            # Woken before for a message that another consumer got: stand back a little, so that
            # many idle workers do not all run to the server for each message.
            longest = min(0.001 * 2 ** min(self._beaten, 10), _BEATEN_S, remaining)
            await asyncio.sleep(random.uniform(0, longest))


def _retrieve(task: asyncio.Task[None]) -> None:
    """Look at the outcome, so that one nobody waits for any more is no complaint."""
    if not task.cancelled():
        task.exception()
