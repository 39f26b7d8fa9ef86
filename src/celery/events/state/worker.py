"""Worker: what its events tell about one worker."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from time import time
from typing import Any, Final

from celery.utils.log import get_logger

__all__ = ("HEARTBEAT_DRIFT_MAX", "HEARTBEAT_EXPIRE_WINDOW", "Worker", "heartbeat_expires")

logger = get_logger("celery.events.state")

#: A heartbeat counts for this much of the time to the next one, in per cent.
HEARTBEAT_EXPIRE_WINDOW: Final = 200

#: Clocks that differ by more seconds than this are warned of.
HEARTBEAT_DRIFT_MAX: Final = 16

DRIFT_WARNING: Final = (
    "Substantial drift from %s may mean clocks are out of sync.  Current drift is %s seconds.  "
    "[orig: %s recv: %s]"
)


def heartbeat_expires(
    timestamp: float | Decimal,
    freq: float | Decimal = 60,
    expire_window: float = HEARTBEAT_EXPIRE_WINDOW,
) -> float:
    """Return when a worker is no longer thought alive.

    Args:
        timestamp: When its last heartbeat came.
        freq: Seconds between two heartbeats.
        expire_window: For how much of that one counts, in per cent.
    """
    return float(timestamp) + float(freq) * (expire_window / 100)


class Worker:
    """One worker, as its events tell.

    Attributes:
        hostname: Node name.
        freq: Seconds between its heartbeats.
        heartbeats: When the last few of its events came, the earliest first.
        clock: Its logical clock.
        active, processed: Tasks that run, and that were run.
        loadavg: Load averages of its machine.
        sw_ident, sw_ver, sw_sys: Its software and operating system.

    Fields of events that are none of these become attributes as well, except where
    they would hide a method or property.
    """

    heartbeat_max = 4
    expire_window = HEARTBEAT_EXPIRE_WINDOW

    _fields = (
        "hostname",
        "pid",
        "freq",
        "heartbeats",
        "clock",
        "active",
        "processed",
        "loadavg",
        "sw_ident",
        "sw_ver",
        "sw_sys",
    )

    def __init__(  # noqa: PLR0913  # the documented fields
        self,
        hostname: str | None = None,
        pid: int | None = None,
        freq: float = 60,
        heartbeats: list[float] | None = None,
        clock: int = 0,
        active: int | None = None,
        processed: int | None = None,
        loadavg: Any = None,
        sw_ident: str | None = None,
        sw_ver: str | None = None,
        sw_sys: str | None = None,
    ) -> None:
        self.hostname = hostname
        self.pid = pid
        self.freq = freq
        self.heartbeats = [] if heartbeats is None else heartbeats
        self.clock = clock
        self.active = active
        self.processed = processed
        self.loadavg = loadavg
        self.sw_ident = sw_ident
        self.sw_ver = sw_ver
        self.sw_sys = sw_sys

    def event(
        self,
        type_: str | None,
        timestamp: float | None = None,
        local_received: float | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        """Take in an event of this worker.

        Args:
            type_: What follows ``worker-`` in its type; `None`: an event about one of its tasks.
            timestamp: When it was sent.
            local_received: When it came.
        """
        self.update(fields or {})
        if type_ == "offline":
            self.heartbeats = []
        elif timestamp and local_received:
            self._warn_of_drift(timestamp, local_received)
            insort(self.heartbeats, local_received)
            del self.heartbeats[: -self.heartbeat_max]

    def update(self, f: Mapping[str, Any], **kw: Any) -> None:
        """Set attributes."""
        own = type(self)
        for name, value in {**f, **kw}.items():
            if not hasattr(own, name):
                setattr(self, name, value)

    def _warn_of_drift(self, timestamp: float, local_received: float) -> None:
        drift = abs(int(local_received) - int(timestamp))
        if drift > HEARTBEAT_DRIFT_MAX and "_drift_known" not in self.__dict__:
            self.__dict__["_drift_known"] = True
            sent, received = (
                datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)
                for moment in (timestamp, local_received)
            )
            logger.warning(DRIFT_WARNING, self.hostname, drift, sent, received)

    @property
    def heartbeat_expires(self) -> float:
        """When it is no longer thought alive.

        Raises:
            IndexError: It has not sent anything yet.
        """
        return heartbeat_expires(self.heartbeats[-1], self.freq, self.expire_window)

    @property
    def alive(self) -> bool:
        """Whether it has been heard of lately."""
        return bool(self.heartbeats) and time() < self.heartbeat_expires

    @property
    def status_string(self) -> str:
        """``ONLINE`` or ``OFFLINE``."""
        return "ONLINE" if self.alive else "OFFLINE"

    @property
    def id(self) -> str:
        """Node name and process."""
        return f"{self.hostname}.{self.pid}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Worker) and self.hostname == other.hostname

    def __hash__(self) -> int:
        return hash(self.hostname)

    def __repr__(self) -> str:
        return f"<Worker: {self.hostname} ({self.status_string} clock:{self.clock})>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self._fields)
