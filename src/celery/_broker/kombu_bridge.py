"""Our memory and SQLite brokers as a transport of kombu's.

With it ``app.connection()``, ``kombu.Consumer`` and ``Producer``, ``kombu.simple``, mailboxes and
event receivers work on them. One message is taken for each that is drained, so that nothing is held
that nobody has asked for; consumers without acknowledgements take batches.

Messages past their ``expiration`` or their queue's ``x-message-ttl`` are dropped when they come, if
they were published through the bridge, which notes the time. Without a counterpart in our brokers,
and refused: unbinding, exchange-to-exchange bindings, flow control.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from kombu.exceptions import ChannelError, OperationalError
from kombu.transport import base

from celery._broker._kombu_bridge_channel import Channel as BridgeChannel
from celery._broker._kombu_bridge_connection import BridgeConnection
from celery._broker._topology import EXCHANGE_TYPES
from celery._broker.options import BrokerOptions
from celery._broker.url import open_broker, scheme_of
from celery._version import __version__

if TYPE_CHECKING:
    from celery._broker.base import Broker

__all__ = ["Transport"]


class Transport(base.Transport):
    """The transport; the option ``url`` says which broker, the others are the broker's own."""

    Channel = BridgeChannel
    can_parse_url = True
    driver_name = "celery-bridge"
    connection_errors: tuple[Any, ...] = (
        OperationalError,
        ConnectionError,
        sqlite3.OperationalError,
    )
    recoverable_connection_errors = connection_errors
    channel_errors = (ChannelError,)
    recoverable_channel_errors = ()
    implements = base.Transport.implements.extend(
        asynchronous=False, heartbeats=False, exchange_type=EXCHANGE_TYPES
    )

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)  # type: ignore[no-untyped-call]  # kombu's
        self.client: Any = client
        self.driver_type = scheme_of(self._url)

    @property
    def _url(self) -> str:
        url: str = self.client.transport_options["url"]
        return url

    def _open_broker(self) -> Broker:
        options = {k: v for k, v in self.client.transport_options.items() if k != "url"}
        return open_broker(self._url, BrokerOptions(transport_options=options))

    def driver_version(self) -> str:
        """This package's version."""
        return __version__

    def as_uri(self, uri: str, include_password: bool = False, mask: str = "**") -> str:
        """The broker's URL."""
        return self._open_broker().as_uri(include_password=include_password)

    def establish_connection(self) -> BridgeConnection:
        """Reach the broker."""
        broker = self._open_broker()
        broker.connect()
        return BridgeConnection(self.client, broker)

    def close_connection(self, connection: BridgeConnection) -> None:
        """Close all channels."""
        connection.close()

    def create_channel(self, connection: BridgeConnection) -> BridgeChannel:
        """A new channel."""
        channel = self.Channel(connection)
        connection.channels.append(channel)
        return channel

    def close_channel(self, channel: BridgeChannel) -> None:
        """Close the channel."""
        channel.close()

    def drain_events(self, connection: BridgeConnection, **kwargs: Any) -> None:
        """Hand one message to its consumer; see `BridgeConnection.drain_events`."""
        connection.drain_events(**kwargs)

    def verify_connection(self, connection: BridgeConnection) -> bool:
        """There is nothing that could be lost."""
        return True

    def _collect(self, connection: BridgeConnection | None) -> None:
        if connection is not None:
            connection.close()
