"""One connection to publish and administer with, and the bounded pool of them.

A thread gets the link that it used last, so that what one thread publishes stays in order. Only
when there are more threads than links they share.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import amqp
from kombu.exceptions import OperationalError

from celery._broker._kombu_fork import call_in_children
from celery._broker._kombu_message import publish

if TYPE_CHECKING:
    from kombu import Queue

    from celery._broker.base import Publication

__all__ = ["Link", "LinkPool", "reach"]

#: Seconds that the broker may take for the rest of a frame: then the connection counts as lost.
STALLED_S = 15.0


def reach(client: Any) -> Any:
    """Connect, trying each alternative of the URL once; returns the underlying connection.

    Raises:
        Exception: one of the client's connection errors, that of the last alternative.
    """
    for left in reversed(range(len(client.alt) or 1)):
        try:
            client.ensure_connection(max_retries=0, reraise_as_library_errors=False)
        except client.recoverable_connection_errors:
            if not left:
                raise
            client.maybe_switch_next()
        else:
            break
    return client.connection


class Link:
    """A connection with one channel, for one thread at a time; connects when it is used.

    Args:
        client: a kombu connection.
        confirm: whether publishing waits for the broker's word (only py-amqp can).
    """

    def __init__(self, client: Any, *, confirm: bool = False) -> None:
        self.client = client
        self._confirm = confirm
        self._channel: Any = None
        self._confirms: _Confirms | None = None
        self._declared: dict[int, Queue] = {}

    @property
    def channel(self) -> Any:
        """The open channel."""
        if self._channel is None or not self.client.connected:
            reach(self.client)
            self._declared.clear()
            self._channel = channel = self.client.channel()
            self._confirms = _Confirms(channel) if isinstance(channel, amqp.Channel) else None
        return self._channel

    def declare(self, queues: Iterable[Queue]) -> None:
        """Declare the queues that this connection has not declared yet."""
        channel = self.channel
        for queue in queues:
            if self._declared.get(id(queue)) is queue:
                continue
            queue.bind(channel).declare()
            if queue.can_cache_declaration:
                self._declared[id(queue)] = queue

    def publish(self, publications: Sequence[Publication]) -> None:
        """Publish in order; with confirms, return when the broker has them all.

        Raises:
            amqp.exceptions.MessageNacked: the broker refused one.
            Exception: one was mandatory, and reaches no queue.
        """
        channel = self.channel
        if self._confirms is None:
            for publication in publications:
                publish(channel, publication)
        else:
            self._confirms.publish(publications, confirm=self._confirm)

    def length(self, queue: str) -> int:
        """Ready messages."""
        return int(self.channel.queue_declare(queue=queue, passive=True).message_count)

    def purge(self, queue: str) -> int:
        """Delete the ready messages; returns how many there were."""
        return int(self.channel.queue_purge(queue) or 0)

    def delete(self, queue: str) -> None:
        """Delete the queue and its messages."""
        channel = self.channel
        if self._confirms is None:
            # Most transports delete only what is bound to an exchange.
            channel.queue_purge(queue)
        channel.queue_delete(queue)

    def reset(self) -> None:
        """Drop the connection without another word; the next use connects anew."""
        self._channel = self._confirms = None
        self._declared.clear()
        self.client.collect()

    def close(self) -> None:
        """Close the connection; what was published before has arrived then."""
        self._channel = self._confirms = None
        self._declared.clear()
        self.client.release()


class _Confirms:
    """Publishes on a channel of py-amqp, and hears what became of it.

    py-amqp itself would wait for each message; here a whole batch costs one round trip.
    """

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        # py-amqp would listen before each message; see `_listen`.
        capabilities = channel.connection.client_properties.get("capabilities", {})
        capabilities["connection.blocked"] = False
        self._poll = select.poll()
        self._poll.register(channel.connection.sock, select.POLLIN)
        self._selected = False
        self._published = 0
        self._open: set[int] = set()
        self._refused = False
        self._returned: list[Exception] = []
        channel.events["basic_return"].add(self._on_return)

    def publish(self, publications: Sequence[Publication], *, confirm: bool) -> None:
        self._listen()
        if confirm and not self._selected:
            self._select()
        mandatory = False
        for publication in publications:
            if self._selected:
                self._published += 1
                self._open.add(self._published)
            mandatory = mandatory or publication.mandatory
            publish(self._channel, publication)
        if self._selected:
            limits = [p.confirm_timeout for p in publications if p.confirm_timeout]
            self._wait(max(limits) if limits else None)
        elif mandatory:
            # Any answer will do: what could not be routed has come back before it.
            self._channel.basic_qos(0, 0, False)
        if self._returned:
            returned, self._returned = self._returned, []
            raise returned[0]

    def _listen(self) -> None:
        """Hear what the broker has said since, above all that it has closed the connection."""
        while self._poll.poll(0):
            self._channel.connection.blocking_read(timeout=STALLED_S)

    def _select(self) -> None:
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._selected = True

    def _wait(self, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._open:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.001)
            self._channel.connection.drain_events(timeout=left)
        if self._refused:
            self._refused = False
            raise amqp.exceptions.MessageNacked

    def _on_ack(self, number: int, multiple: bool) -> None:
        if multiple:
            self._open = {n for n in self._open if n > number}
        else:
            self._open.discard(number)

    def _on_nack(self, number: int, multiple: bool) -> None:
        self._refused = True
        self._on_ack(number, multiple)

    def _on_return(self, exc: Exception, *_: Any) -> None:
        self._returned.append(exc)


class LinkPool:
    """The links of one broker.

    Args:
        make: makes a link.
        limit: how many at most; 0 or None: each use has its own.
        timeout: seconds that waiting for one may take; None: for ever.
    """

    def __init__(
        self, make: Callable[[], Link], *, limit: int | None, timeout: float | None
    ) -> None:
        self._make = make
        self._limit = limit or 0
        self._timeout = timeout
        self._forget()
        call_in_children(self._forget)

    def _forget(self) -> None:
        self._free = threading.Condition()
        self._idle: dict[int, Link] = {}  # by the thread that used it last
        self._count = 0
        self._closings = 0

    @contextmanager
    def take(self) -> Iterator[Link]:
        """A link for the ``with`` block; if that raises, its connection is dropped.

        Raises:
            kombu.exceptions.OperationalError: all are in use for too long.
        """
        link, closings = self._acquire(), self._closings
        try:
            yield link
        except BaseException:
            link.reset()  # Nobody knows what is still under way on it.
            raise
        finally:
            self._release(link, keep=bool(self._limit) and closings == self._closings)

    def close(self) -> None:
        """Close the idle links, and those in use when they come back."""
        with self._free:
            self._closings += 1
            idle, self._idle = self._idle, {}
            self._count -= len(idle)
            self._free.notify_all()
        for link in idle.values():
            link.close()

    def _acquire(self) -> Link:
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        with self._free:
            while True:
                link = self._idle.pop(threading.get_ident(), None)
                if link is None and (not self._limit or self._count < self._limit):
                    self._count += 1
                    link = self._make()
                elif link is None and self._idle:
                    link = self._idle.popitem()[1]
                if link is not None:
                    return link
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise OperationalError(
                        f"All {self._limit} connections to the broker were in use for "
                        f"{self._timeout} seconds: raise broker_pool_limit or "
                        "broker_pool_acquire_timeout"
                    )
                self._free.wait(left)

    def _release(self, link: Link, *, keep: bool) -> None:
        with self._free:
            if keep:
                self._idle[threading.get_ident()] = link
            else:
                self._count -= 1
            self._free.notify()
        if not keep:
            link.close()
