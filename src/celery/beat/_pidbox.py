"""Beat's mailbox, so that it can be asked whether it is well: it answers ``ping``, and only that.

It does so in a thread, with a connection of its own, and falls silent when the loop no longer
ticks: to whoever asks, a beat that hangs looks like one that is gone.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from kombu.common import ignore_errors

from celery.utils.log import get_logger
from celery.utils.nodenames import default_nodename, host_format

if TYPE_CHECKING:
    from celery.beat.service import Service

__all__ = ["NODENAME_DEFAULT", "BeatPidbox", "beat_nodename"]

logger = get_logger("celery.beat")

NODENAME_DEFAULT: Final = "celerybeat"

#: Seconds between two looks at whether to stop.
_LOOK_S: Final = 1.0


def beat_nodename(hostname: str | None = None) -> str:
    """The node name of a beat: ``celerybeat@<host>``, or what is given, completed.

    Raises:
        ValueError: the name has a field, such as ``%x``, there is none of.
    """
    return host_format(default_nodename(hostname, NODENAME_DEFAULT))


class BeatPidbox:
    """The mailbox of a service.

    Args:
        service: whose loop is to be well.
    """

    #: Seconds that `stop` waits for the thread.
    join_timeout = 3.0
    #: Seconds after which a lost connection is opened again.
    retry_interval = 5.0
    #: Least `max_tick_age` that is taken when the settings do not say.
    min_tick_age = 60.0

    def __init__(self, service: Service) -> None:
        self.service = service
        self.app = service.app
        self.hostname = beat_nodename(service.hostname)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # -- is the loop well?

    @property
    def max_tick_age(self) -> float:
        """Seconds without a tick after which nothing is answered."""
        setting = self.app.conf.beat_remote_control_max_tick_age
        if setting is None:
            longest: float = self.service.scheduler.max_interval
            return max(2.0 * longest, self.min_tick_age)
        return float(setting) or math.inf

    def tick_age(self) -> float:
        """Seconds since the last tick."""
        last = self.service.last_tick
        return 0.0 if last is None else time.monotonic() - last

    def is_stale(self) -> bool:
        """Whether the last tick is too long ago."""
        return self.tick_age() > self.max_tick_age

    # -- life

    def start(self) -> None:
        """Listen, if the broker can send one message to everybody. Returns at once. Safe twice."""
        if self._thread is not None:
            return
        if not self.app.broker_for_write().capabilities.fanout:
            logger.warning(
                "beat pidbox: this broker cannot send one message to everybody, so that beat "
                "cannot be asked whether it is well."
            )
            return
        self._thread = threading.Thread(target=self._loop, name="BeatPidbox", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Listen no more; waits, but not longer than `join_timeout`. Safe twice."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(self.join_timeout)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except Exception as exc:  # whatever the transport raises when its connection is lost
                again_s = self.retry_interval
                logger.error("beat pidbox: %r. Trying again in %s seconds...", exc, again_s)
                self._stopping.wait(self.retry_interval)

    def _listen(self) -> None:
        """Answer until it is to stop, or the connection is lost."""
        with self.app.connection_for_read() as connection:
            connection.connect()
            with connection.channel() as channel:
                node = self.app.control.mailbox.Node(
                    self.hostname, handlers={"ping": _pong}, channel=channel
                )
                consumer = node.listen(callback=lambda *message: self.on_message(node, *message))
                logger.info("beat pidbox: Connected to %s.", connection.as_uri())
                try:
                    while not self._stopping.is_set():
                        try:
                            connection.drain_events(timeout=_LOOK_S)
                        except TimeoutError:
                            continue
                finally:
                    ignore_errors(connection, consumer.cancel)

    def on_message(self, node: Any, body: Any, message: Any) -> None:
        """Answer a command if it is ``ping`` and the loop is well."""
        self.app.clock.forward()
        if body.get("method") == "ping" and not self.is_stale():
            node.handle_message(body, message)


def _pong(state: Any, **arguments: Any) -> dict[str, str]:
    return {"ok": "pong"}


BeatPidbox.__module__ = "celery.beat"
