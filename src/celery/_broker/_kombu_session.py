"""One connection of a consumer, and the thread that alone touches it.

::

    start --> connecting --> open --(stop)--------------> closed, without an error
                  |            |---(the broker is gone)--> closed, with the error
                  '------------'

The loop's side hands over calls and gets futures; the thread hands over deliveries. AMQP's lease is
the channel: when the thread has ended, everything unsettled is back in its queues.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, assert_never

import amqp
from amqp.exceptions import RecoverableConnectionError

from celery._broker._kombu_link import reach
from celery._broker._kombu_message import Tag, to_delivery
from celery._broker._kombu_pump import Pump, pump_for
from celery._broker.base import Action, Settlement

if TYPE_CHECKING:
    from kombu import Queue

    from celery._broker.delivery import Delivery

__all__ = ["Lane", "Session"]

logger = logging.getLogger(__name__)

R = TypeVar("R")

#: Seconds after which the thread looks around if it has nothing to do and no heartbeat to send.
IDLE_S = 30.0
#: Heartbeats are checked so many times in their interval.
BEATS = 4

_numbers = count(1)


class Lane:
    """A channel, what came on it, and which of that is not settled.

    Args:
        channel: of kombu's.
        shared: whether its consumers share one prefetch limit; else each has the limit for itself.
        ordered: whether the channel numbers its deliveries, so that one acknowledgement can stand
            for many. Other channels give a message the same tag each time it comes.
    """

    def __init__(self, channel: Any, *, shared: bool, ordered: bool) -> None:
        self.channel = channel
        self.shared = shared
        self.ordered = ordered
        #: By our number of the delivery its tag on the channel; in the order in which they came.
        self.unsettled: dict[int, Any] = {}
        self._count = count(1)

    def receive(self, tag: Any, *, settled: bool) -> int:
        """Take note of a delivery; returns its number."""
        number: int = tag if self.ordered else next(self._count)
        if not settled:
            self.unsettled[number] = tag
        return number

    def acknowledge(self, numbers: set[int]) -> None:
        """Acknowledge deliveries, all of them unsettled; the oldest of all with one call."""
        if self.ordered:
            oldest = self._oldest(numbers)
            if len(oldest) > 1:
                self.channel.basic_ack(oldest[-1], multiple=True)
                numbers = numbers.difference(oldest)
                for number in oldest:
                    del self.unsettled[number]
        for number in numbers:
            self.channel.basic_ack(self.unsettled[number])
            del self.unsettled[number]

    def _oldest(self, numbers: set[int]) -> list[int]:
        """Those before which nothing is unsettled but others of them."""
        return list(takewhile(numbers.__contains__, self.unsettled))

    def reject(self, number: int, *, requeue: bool) -> None:
        """Refuse an unsettled delivery."""
        self.channel.basic_reject(self.unsettled[number], requeue=requeue)
        del self.unsettled[number]


class _Call(NamedTuple):
    """What the thread is to do, and who waits for it."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    future: asyncio.Future[Any]


def _finish(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


class Session(threading.Thread):
    """Connects, consumes and settles until it is stopped or the connection is lost.

    Args:
        client: a kombu connection of its own.
        name: of the worker; consumers show it at the broker.
        prefetch: unsettled deliveries at most; 0: no limit.
        loop: where the callbacks are called.
        on_batch: given the deliveries that came.
        on_end: called once, when everything is closed, with the error or None.
    """

    def __init__(
        self,
        client: Any,
        *,
        name: str,
        prefetch: int,
        loop: asyncio.AbstractEventLoop,
        on_batch: Callable[[Session, list[Delivery]], None],
        on_end: Callable[[Session, BaseException | None], None],
    ) -> None:
        super().__init__(name="celery-consumer", daemon=True)
        self.number = next(_numbers)
        self.ready: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self._client = client
        self._worker = name
        self._prefetch = prefetch
        self._loop = loop
        self._on_batch = on_batch
        self._on_end = on_end
        self._calls: deque[_Call] = deque()
        self._batch: list[Delivery] = []
        self._lanes: list[Lane] = []
        self._consumers: dict[str, tuple[Lane, str]] = {}
        self._pump: Pump | None = None
        self._next_beat = 0.0
        self._stopping = False

    # -- on the loop's thread

    def call(self, function: Callable[..., R], *args: Any) -> asyncio.Future[R]:
        """Have a method of this object called by the thread.

        The future gets what it returns or raises, or ConnectionError if the session ends before.
        """
        future: asyncio.Future[R] = self._loop.create_future()
        if self.ended.done():
            future.set_exception(ConnectionError("the connection to the broker is closed"))
        else:
            self._calls.append(_Call(function, args, future))
            self._wake()
        return future

    def stop(self) -> None:
        """End soon: await `ended`."""
        self._stopping = True
        self._wake()

    def _wake(self) -> None:
        pump = self._pump
        if pump is not None:
            pump.wake()

    # -- the thread

    def run(self) -> None:
        error: BaseException | None = None
        try:
            self._open()
            self._tell(_finish, self.ready, None, None)
            while not self._stopping:
                self._work()
                self._flush()
                self._listen()
                self._flush()
            self._work()
        except BaseException as exc:
            error = exc
        finally:
            self._close(error)
            self._tell(self._end, error)

    def _open(self) -> None:
        raw = reach(self._client)
        self._pump = pump_for(self._client)
        if isinstance(raw, amqp.Connection) and raw.heartbeat:
            self._next_beat = time.monotonic()

    def _work(self) -> None:
        while self._calls:
            call = self._calls.popleft()
            try:
                result = call.function(*call.args)
            except BaseException as exc:
                self._tell(_finish, call.future, None, exc)
                if isinstance(exc, self._fatal(call.function)):
                    raise
            else:
                self._flush()
                self._tell(_finish, call.future, result, None)

    def _fatal(self, function: Callable[..., Any]) -> tuple[type[BaseException], ...]:
        """What a call may raise that means the end of the connection, or of what was consumed."""
        connection_errors: tuple[type[BaseException], ...] = (
            self._client.recoverable_connection_errors
        )
        if function == self.declare:
            return connection_errors
        # AMQP closes the channel on every error, and with it all consumers and leases are gone.
        channel_errors: tuple[type[BaseException], ...] = self._client.channel_errors
        return connection_errors + channel_errors

    def _listen(self) -> None:
        assert self._pump is not None
        timeout = IDLE_S
        if self._next_beat:
            timeout = max(0.0, self._next_beat - time.monotonic())
        try:
            self._pump.pump(timeout)
        except self._client.channel_errors as exc:
            # Nobody asked for anything: the broker has closed the channel on its own, for example
            # because a delivery was not settled for too long. All of it is redelivered.
            raise RecoverableConnectionError(f"The broker has closed the channel: {exc}") from exc
        if self._next_beat and time.monotonic() >= self._next_beat:
            self._client.heartbeat_check(rate=2)
            interval = self._client.get_heartbeat_interval()
            self._next_beat = time.monotonic() + interval / BEATS

    def _flush(self) -> None:
        if self._batch:
            batch, self._batch = self._batch, []
            self._tell(self._on_batch, self, batch)

    def _tell(self, function: Callable[..., None], *args: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            # The loop was closed without stopping the consumer: nobody listens any more.
            self._stopping = True

    def _close(self, error: BaseException | None) -> None:
        gone = (*self._client.connection_errors, *self._client.channel_errors)
        try:
            if isinstance(error, gone):
                self._client.collect()
            else:
                # Nothing is pushed any more when the channels are closed.
                for queue in list(self._consumers):
                    self.cancel(queue)
                for lane in self._lanes:
                    lane.channel.close()
                self._client.release()
        except gone as exc:
            logger.debug("The broker was gone when its connection was closed: %r", exc)
            self._client.collect()
        finally:
            if self._pump is not None:
                self._pump.close()

    def _end(self, error: BaseException | None) -> None:
        lost = error or ConnectionError("the connection to the broker is closed")
        self.ended.set_result(None)
        if not self.ready.done():
            self.ready.set_exception(lost)
        while self._calls:
            _finish(self._calls.popleft().future, None, lost)
        self._on_end(self, error)

    # -- what the thread is called to do

    def declare(self, queue: Queue) -> None:
        """Declare a queue.

        Raises:
            Exception: a channel error of the client's: the queue is not as declared here. The
                session goes on.
        """
        lane = self._lane_for(queue)
        if lane.ordered:
            # If AMQP refuses it closes the channel: not one with leases.
            with self._client.channel() as channel:
                queue.bind(channel).declare()
        else:
            queue.bind(lane.channel).declare()

    def consume(self, queue: Queue) -> None:
        """Begin to consume from a declared queue."""
        if queue.name in self._consumers:
            return
        lane = self._lane_for(queue)
        tag = f"{self._worker}.{next(_numbers)}"
        self._consumers[queue.name] = (lane, tag)
        index = self._lanes.index(lane)

        def receive(raw: Any) -> None:
            message = lane.channel.message_to_python(raw)
            number = lane.receive(message.delivery_tag, settled=bool(queue.no_ack))
            place = Tag(self.number, index, number)
            self._batch.append(to_delivery(message, queue=queue.name, tag=place))

        queue.bind(lane.channel).consume(tag, callback=receive)

    def cancel(self, queue: str) -> None:
        """Consume from the queue no more; what came stays unsettled."""
        lane, tag = self._consumers.pop(queue, (None, ""))
        if lane is not None:
            lane.channel.basic_cancel(tag)

    def limit(self, prefetch: int) -> None:
        """Change the prefetch limit, where the broker lets a running consumer's be changed."""
        self._prefetch = prefetch
        for lane in self._lanes:
            if lane.shared or not lane.ordered:
                lane.channel.basic_qos(0, prefetch, lane.shared)

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Carry out the decisions about what came on this session and is not settled."""
        acks: dict[int, set[int]] = {}
        for settlement in settlements:
            tag: Tag = settlement.delivery.delivery_tag
            if tag.session != self.number or tag.number not in self._lanes[tag.lane].unsettled:
                continue
            if settlement.action is Action.ACK:
                acks.setdefault(tag.lane, set()).add(tag.number)
            else:
                self._refuse(self._lanes[tag.lane], tag.number, settlement.action)
        for lane, numbers in acks.items():
            self._lanes[lane].acknowledge(numbers & self._lanes[lane].unsettled.keys())

    def _refuse(self, lane: Lane, number: int, action: Action) -> None:
        match action:
            case Action.REJECT:
                lane.reject(number, requeue=False)
            case Action.REQUEUE:
                lane.reject(number, requeue=True)
            case Action.PARK:
                raise ValueError("this broker does not park messages")
            case Action.ACK:
                lane.acknowledge({number})
            case _:
                assert_never(action)

    # -- channels

    def _lane_for(self, queue: Queue) -> Lane:
        """The lane with the kind of limit that the queue can have.

        RabbitMQ before 4.0 has limits that a channel's consumers share and that can be changed
        while they run; quorum queues, and other brokers, have one for each consumer.
        """
        raw = self._client.connection
        ordered = isinstance(raw, amqp.Connection)
        arguments: dict[str, Any] = getattr(queue, "queue_arguments", None) or {}
        quorum = arguments.get("x-queue-type") == "quorum"
        shared = ordered and not quorum and not self._client.qos_semantics_matches_spec
        for lane in self._lanes:
            if lane.shared == shared:
                return lane
        channel = self._client.channel()
        # Bodies stay bytes: decoding them is for whoever wants to know.
        channel.auto_decode = False
        if self._prefetch:
            channel.basic_qos(0, self._prefetch, shared)
        self._lanes.append(Lane(channel, shared=shared, ordered=ordered))
        return self._lanes[-1]
