"""Heartbeats: events by which others see that the worker lives, and how busy it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery.signals import heartbeat_sent
from celery.utils.sysinfo import load_average
from celery.worker import state

__all__ = ["Heart"]

#: Seconds between two heartbeats.
INTERVAL_S = 2.0


class Heart:
    """Sends an event every few seconds, from `start` to `stop`.

    Args:
        timer: calls repeatedly.
        eventer: sends events; while it is disabled nothing is sent.
        interval: seconds.
        send: sends one event, instead of the eventer's own `send`.
    """

    def __init__(
        self,
        timer: Any,
        eventer: Any,
        interval: float | None = None,
        send: Callable[..., Any] | None = None,
    ) -> None:
        self.timer = timer
        self.eventer = eventer
        self._send_event = send or eventer.send
        self.interval = float(interval or INTERVAL_S)
        self.tref: Any = None
        # To tell at once when events become enabled, and that they are disabled.
        self.eventer.on_enabled.add(self.start)
        self.eventer.on_disabled.add(self.stop)

    def start(self) -> None:
        """Say that the worker is there, and go on doing so."""
        if self.eventer.enabled and self.tref is None:
            self._send("worker-online")
            self.tref = self.timer.call_repeatedly(self.interval, self._beat)

    def stop(self) -> None:
        """Say no more; the last words are that the worker is gone. Safe twice."""
        tref, self.tref = self.tref, None
        if tref is not None:
            tref.cancel()
            if self.eventer.enabled:
                self._send("worker-offline", retry=False)

    def _beat(self) -> None:
        self._send("worker-heartbeat")
        heartbeat_sent.send(sender=self)

    def _send(self, event: str, retry: bool = True) -> None:
        self._send_event(
            event,
            freq=self.interval,
            active=len(state.active_requests),
            processed=state.all_total_count[0],
            loadavg=load_average(),
            retry=retry,
            **state.SOFTWARE_INFO,
        )
