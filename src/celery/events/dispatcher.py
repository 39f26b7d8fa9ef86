"""EventDispatcher: sends events, alone or gathered in groups, and keeps what cannot be sent yet.

Every message waits in `_unsent`, in order, until the broker has taken it.  Normally that is at
once.  While the broker is away, they gather there (if `buffer_while_offline`) and go out before the
next event that gets through, or with `flush`.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple, Self

from kombu import Producer
from kombu.exceptions import EncodeError

from celery._ports import AppPort
from celery._state import app_or_default
from celery.events.event import Event, get_exchange, group_from
from celery.utils.log import get_logger
from celery.utils.nodenames import anon_nodename
from celery.utils.time import utcoffset as local_utcoffset

__all__ = ("EventDispatcher",)

logger = get_logger(__name__)

#: Messages that are kept while the broker is away; then the oldest are dropped.
UNSENT_LIMIT: Final = 10_000


class _Message(NamedTuple):
    """One event, or several of a group, with how to send it."""

    body: Any
    routing_key: str
    retry: bool = False
    retry_policy: Mapping[str, Any] | None = None


class EventDispatcher:
    """Sends events.  Threads may share one.

    Args:
        connection: kombu connection to publish on.
        hostname: Node name that events carry; by default one made up for this process.
        enabled: Send from the start; else nothing is sent until `enable`.
        channel: Channel to publish on, instead of one of `connection`.
        buffer_while_offline: Keep events that cannot be sent; otherwise `send` raises.
        serializer: Instead of the setting `event_serializer`.
        groups: Send only events of these groups; empty: all.
        delivery_mode: 1: a broker that restarts forgets unread events; 2: it does not.
        buffer_group: Gather events of these groups, and send them as one message.
        buffer_limit: Send a group at the latest when it has so many.
        on_send_buffered: Called when an event was gathered and is not sent yet.

    Attributes:
        on_enabled, on_disabled: Sets of functions to call when that happens.
    """

    #: Drivers of kombu transports that cannot carry events; there the dispatcher stays disabled.
    DISABLED_TRANSPORTS = {"sql"}

    #: The application, of subclasses that are bound to one.
    app: AppPort | None = None

    def __init__(  # noqa: PLR0913  # the documented arguments
        self,
        connection: Any = None,
        hostname: str | None = None,
        enabled: bool = True,
        channel: Any = None,
        buffer_while_offline: bool = True,
        app: AppPort | None = None,
        serializer: str | None = None,
        groups: Iterable[str] | None = None,
        delivery_mode: int = 1,
        buffer_group: Iterable[str] | None = None,
        buffer_limit: int = 24,
        on_send_buffered: Callable[[], Any] | None = None,
    ) -> None:
        bound = self.app = app_or_default(app or self.app)
        self.channel = channel
        if connection is None and channel is not None:
            connection = channel.connection.client
        self.connection = connection
        self.hostname = hostname or anon_nodename()
        self.headers = {"hostname": self.hostname}
        self.buffer_while_offline = buffer_while_offline
        self.buffer_group = frozenset(buffer_group or ())
        self.buffer_limit = buffer_limit
        self.on_send_buffered = on_send_buffered
        self.groups = set(groups or ())
        self.delivery_mode = delivery_mode
        self.serializer = serializer or bound.conf.event_serializer
        self.clock = bound.clock
        self.on_enabled: set[Callable[[], Any]] = set()
        self.on_disabled: set[Callable[[], Any]] = set()
        self.producer: Any = None
        #: Guards the buffers and the producer, whose connection one thread may use at a time.
        self.mutex = threading.RLock()
        self._unsent: deque[_Message] = deque(maxlen=UNSENT_LIMIT)
        self._offline = False
        self._gathered: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

        where = connection or bound.connection_for_write()
        self.exchange = get_exchange(where, name=bound.conf.event_exchange)
        self.enabled = False
        if enabled and where.transport.driver_type not in self.DISABLED_TRANSPORTS:
            self.enable()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process the events are about; asked each time, for dispatchers made before a fork."""
        return os.getpid()

    @property
    def publisher(self) -> Any:
        """The kombu producer; `None` while disabled."""
        return self.producer

    @publisher.setter
    def publisher(self, producer: Any) -> None:
        self.producer = producer

    # -- on and off

    def enable(self) -> None:
        """Send from now on."""
        self.producer = Producer(
            self.channel or self.connection,
            exchange=self.exchange,
            serializer=self.serializer,
            auto_declare=False,
        )
        self.enabled = True
        for callback in tuple(self.on_enabled):
            callback()

    def disable(self) -> None:
        """Send no more.  Safe twice."""
        if self.enabled:
            self.enabled = False
            self.close()
            for callback in tuple(self.on_disabled):
                callback()

    def close(self) -> None:
        """Send what is gathered and let go of the producer; the connection is not closed."""
        with self.mutex:
            try:
                self.flush(errors=False)
            finally:
                self.producer = None

    # -- sending

    def send(
        self,
        type: str,
        blind: bool = False,
        utcoffset: Callable[[], float] = local_utcoffset,
        retry: bool = False,
        retry_policy: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        """Send an event, or gather it if its group is gathered.

        Nothing happens while disabled, or if the group is not one of `groups`.

        Args:
            type: ``group-subject``.
            blind: Leave the logical clock alone; the event has none.
            utcoffset: Returns the hours that local time is behind UTC.
            retry, retry_policy: Whether and how to try again if the broker cannot be reached.
            **fields: Of the event.

        Raises:
            kombu.exceptions.EncodeError: A field cannot be serialised.
            OSError, kombu.exceptions.OperationalError: The broker cannot be reached, and events
                are not kept: this one is lost.
        """
        if not self.enabled:
            return
        group = group_from(type)
        if self.groups and group not in self.groups:
            return
        event = self._make(type, fields, blind, utcoffset)
        if group not in self.buffer_group:
            with self.mutex:
                self._submit(_Message(event, type.replace("-", "."), retry, retry_policy))
            return
        with self.mutex:
            gathered = self._gathered[group]
            gathered.append(event)
            full = len(gathered) >= self.buffer_limit
            if full:
                self.flush(errors=False, groups=(group,))
        if not full and self.on_send_buffered is not None:
            self.on_send_buffered()

    def publish(
        self,
        type: str,
        fields: Mapping[str, Any],
        producer: Any,
        blind: bool = False,
        utcoffset: Callable[[], float] = local_utcoffset,
        retry: bool = False,
        retry_policy: Mapping[str, Any] | None = None,
    ) -> None:
        """Publish an event with a kombu producer of the caller's, whatever this one is set to.

        Raises:
            kombu.exceptions.EncodeError: A field cannot be serialised.
            OSError, kombu.exceptions.OperationalError: The broker cannot be reached.
        """
        event = self._make(type, fields, blind, utcoffset)
        self._publish(producer, _Message(event, type.replace("-", "."), retry, retry_policy))

    def flush(self, errors: bool = True, groups: bool | Collection[str] = True) -> None:
        """Send what has been kept.

        Args:
            errors: Try again what could not be sent before.
            groups: The groups of gathered events to send; `True`: all.

        Raises:
            OSError, kombu.exceptions.OperationalError: As `send`.
        """
        if self.producer is None:
            return
        with self.mutex:
            if groups:
                for group in list(self._gathered):
                    if groups is True or group in groups:
                        self._submit(_Message(self._gathered.pop(group), f"{group}.multi"))
            if errors:
                self._send_unsent()

    def extend_buffer(self, other: EventDispatcher) -> None:
        """Take over what another dispatcher has not sent; it must not be used afterwards."""
        with self.mutex:
            self._unsent.extend(other._unsent)
            for group, events in other._gathered.items():
                self._gathered[group].extend(events)

    # -- inside

    def _make(
        self, type: str, fields: Mapping[str, Any], blind: bool, utcoffset: Callable[[], float]
    ) -> dict[str, Any]:
        common = {
            "hostname": self.hostname,
            "utcoffset": utcoffset(),
            "pid": self.pid,
            "clock": None if blind else self.clock.forward(),
        }
        return Event(type, common, **fields)

    def _submit(self, message: _Message) -> None:
        self._unsent.append(message)
        self._send_unsent()

    def _send_unsent(self) -> None:
        """Send in order until one fails; that one stays, unless it can never be or must not wait.

        A message leaves the buffer after it was published: one whose fate is unknown goes out twice
        rather than never.
        """
        unsent = self._unsent
        while unsent:
            try:
                self._publish(self.producer, unsent[0])
            except EncodeError:
                unsent.popleft()
                raise
            except Exception as exc:
                if self.buffer_while_offline:
                    self._note_offline(exc)
                    return
                unsent.popleft()
                raise
            self._offline = False
            unsent.popleft()

    def _note_offline(self, exc: Exception) -> None:
        if not self._offline:
            self._offline = True
            logger.warning(
                "Cannot send events: %r.  The last %d are kept until that is possible again.",
                exc,
                UNSENT_LIMIT,
            )

    def _publish(self, producer: Any, message: _Message) -> None:
        exchange = self.exchange
        producer.publish(
            message.body,
            routing_key=message.routing_key,
            exchange=exchange.name,
            retry=message.retry,
            retry_policy=message.retry_policy,
            declare=[exchange],
            serializer=self.serializer,
            headers=self.headers,
            delivery_mode=self.delivery_mode,
        )
