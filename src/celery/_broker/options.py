"""How to open a broker: what the settings say, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["BrokerOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOptions:
    """The settings that concern connecting to a broker.

    Args:
        transport_options: the setting ``broker_transport_options``; keys are the adapter's.
        ssl: False, True, or the TLS options of ``broker_use_ssl``.
        connect_timeout: seconds an attempt to connect may take.
        heartbeat: seconds between AMQP heartbeats, or None.
        login_method: SASL mechanism for AMQP, or None.
        failover_strategy: ``round-robin``, ``shuffle`` or a callable; for URL lists.
        pool_limit: connections at most; None or 0: a new connection for each use.
        pool_acquire_timeout: seconds to wait for a pooled connection; None: for ever.
    """

    transport_options: Mapping[str, Any] = field(default_factory=dict)
    ssl: bool | Mapping[str, Any] = False
    connect_timeout: float = 4.0
    heartbeat: float | None = None
    login_method: str | None = None
    failover_strategy: Any = None
    pool_limit: int | None = 10
    pool_acquire_timeout: float | None = None
