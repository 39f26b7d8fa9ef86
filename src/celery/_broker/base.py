"""The broker port: what the publisher and the worker need of any message broker.

Two objects. A `Broker` is one opened URL: it publishes, declares and administers queues; it is
thread-safe and survives a fork (a child opens its own connections on first use). A `Consumer` is
one worker's way to receive: it leases deliveries, settles them, parks them until a time. It
belongs to one asyncio loop, and none of its coroutines may block that loop.

The life of a delivery::

    ready --fetch--> leased --settle(ACK)-------------> gone
                       |  \\--settle(REJECT)-----------> gone (or the queue's dead letters)
                       |  \\--settle(REQUEUE)----------> ready, at the end
                       |  \\--settle(PARK, until)------> parked --time comes--> ready
                       \\--the consumer's lease expires--> ready, at the front, marked redelivered,
                          |                                  delivery count + 1
                          \\--the consumer stops--> the same, but not counted as a delivery

What every adapter guarantees (the conformance suite holds it):

* fetch moves a message from *ready* to *leased* in one atomic step: whoever is killed at any
  point, the message is in exactly one of the two places;
* settling is idempotent; settling a delivery whose lease was lost does nothing;
* within one queue and priority messages are fetched in the order they were published;
* a message may be delivered twice only after its consumer lost its lease, its connection, or
  was stopped without settling.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kombu import Queue

    from celery._broker.delivery import Delivery
    from celery._message.envelope import Envelope

__all__ = ["Action", "Broker", "Capabilities", "Consumer", "Publication", "Settlement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one adapter can do; the layers above ask these instead of the adapter's name.

    Args:
        leases: an unsettled delivery comes back by itself when its worker dies.
        leases_outlive_connection: after a lost connection, `Consumer.start` takes up what was
            leased before; if false the broker delivers all of it again.
        parks: `Action.PARK` is kept by the broker; if false the worker holds the message in memory.
        priorities: messages of one queue are ordered by priority.
        fanout: fan-out exchanges reach every bound queue (remote control and events need it).
        exchange_types: the exchange types that may be declared.
    """

    leases: bool = True
    leases_outlive_connection: bool = True
    parks: bool = True
    priorities: bool = True
    fanout: bool = True
    exchange_types: frozenset[str] = frozenset({"direct", "topic", "fanout"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One envelope and where it goes.

    Args:
        exchange: name; the empty string is the anonymous exchange, whose routing key is a queue.
        exchange_type: ``direct``, ``topic``, ``fanout`` or ``headers``.
        not_before: epoch seconds before which no consumer should get it; None for at once. Only
            set when the publisher asks the broker for the delay (native delayed delivery).
        mandatory, confirm_timeout: as in AMQP; adapters without these notions ignore them.
    """

    envelope: Envelope
    exchange: str = ""
    exchange_type: str = "direct"
    routing_key: str = ""
    not_before: float | None = None
    mandatory: bool = False
    confirm_timeout: float | None = None


class Action(Enum):
    """What is to become of a leased delivery."""

    ACK = "ack"
    REJECT = "reject"
    REQUEUE = "requeue"
    PARK = "park"


@dataclass(frozen=True, slots=True)
class Settlement:
    """One decision about one delivery.

    Args:
        delivery: the leased delivery.
        action: what becomes of it.
        until: for `Action.PARK` the epoch seconds at which it becomes ready again.
    """

    delivery: Delivery
    action: Action
    until: float | None = None


class Broker(ABC):
    """One opened broker URL. Thread-safe; may be used after a fork.

    Every method blocks; every method may raise one of `connection_errors` when the broker cannot
    be reached, after which the next call connects anew.
    """

    #: Name of the driver family as kombu reports it: "redis", "amqp", "memory", "sqlite" ...
    driver_type: str
    capabilities: Capabilities
    #: Exceptions that mean "not reachable now": the call may be repeated.
    connection_errors: tuple[type[BaseException], ...] = ()

    @abstractmethod
    def connect(self) -> None:
        """Reach the broker now, or raise one of `connection_errors`."""

    @abstractmethod
    def close(self) -> None:
        """Release connections. Safe twice; the broker may be used again afterwards."""

    @abstractmethod
    def as_uri(self, *, include_password: bool = False) -> str:
        """The URL for people: password masked unless asked for."""

    @abstractmethod
    def publish(self, publications: Sequence[Publication]) -> None:
        """Hand all publications to the broker, in order, in as few round trips as it allows.

        When it returns each message is where a consumer will find it. When it raises, a prefix of
        the publications may have been accepted (all or nothing where the broker has transactions).
        """

    @abstractmethod
    def declare(self, queues: Iterable[Queue]) -> None:
        """Make sure that the queues, their exchanges and bindings exist. Cheap when repeated."""

    @abstractmethod
    def length(self, queue: str) -> int:
        """How many messages are ready in the queue (parked and leased ones are not counted)."""

    @abstractmethod
    def purge(self, queue: str) -> int:
        """Delete the queue's ready and parked messages; returns how many there were."""

    @abstractmethod
    def delete_queue(self, queue: str) -> None:
        """Delete the queue, its bindings and its messages. No error if it does not exist."""

    @abstractmethod
    def bindings(self) -> list[tuple[str, str, str]]:
        """Every (queue, exchange, routing key) that the broker knows."""

    @abstractmethod
    def consumer(self, *, worker: str, prefetch: int = 0) -> Consumer:
        """A consumer for the worker of that node name; starts idle, on no queue.

        Args:
            worker: node name; leases are held under it together with a token of this consumer.
            prefetch: hint for brokers that push: unsettled deliveries at most; 0 is no limit.
        """


class Consumer(ABC):
    """One worker's receiving end; used from one asyncio loop, never blocks it.

    Lifecycle: `start`, then `fetch` / `settle` at will, then `stop`. Each is safe twice, and stop
    is safe after a failed start. The lease is renewed by a thread of the consumer's own, so that
    task code that holds the loop or the interpreter's lock for long does not lose it.
    """

    @abstractmethod
    async def start(self) -> None:
        """Connect, take the lease, begin to recover the expired leases of dead workers."""

    @abstractmethod
    async def stop(self) -> None:
        """Return every unsettled delivery to the front of its queue, give up the lease, close."""

    @abstractmethod
    async def add_queue(self, queue: Queue) -> None:
        """Declare the queue and fetch from it from now on."""

    @abstractmethod
    async def cancel_queue(self, name: str) -> None:
        """Fetch no more from this queue. Unknown names are no error."""

    @abstractmethod
    async def fetch(self, limit: int, timeout: float) -> list[Delivery]:
        """Lease up to `limit` deliveries.

        Waits up to `timeout` seconds for the first one (0: only what is there now), never for
        more. Waiting costs no polling where the broker can notify. Cancelling it loses nothing.
        """

    @abstractmethod
    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Carry out the decisions in as few round trips as the broker allows."""

    async def set_prefetch(self, count: int) -> None:  # noqa: B027  # a hint, not a duty
        """Change the prefetch hint (0: no limit). Brokers that do not push need not care."""
