"""How a consumer's thread waits for what comes from the broker, and for what it is told to do."""

from __future__ import annotations

import selectors
import socket
import threading
from abc import ABC, abstractmethod
from typing import Any

import amqp

__all__ = ["Pump", "pump_for"]

#: Events handled before the thread looks whether there is something else to do.
BATCH = 200
#: Seconds that a frame once begun, or a write, may take: then the connection counts as lost.
STALLED_S = 15.0
#: AMQP's frame type.
HEARTBEAT = 8
#: Bytes that are read at once if they are there.
READ_AHEAD = 16 * 1024
#: Without a socket to watch: seconds between two looks, growing while nothing comes.
SHORTEST_S, LONGEST_S = 0.005, 0.1


class Pump(ABC):
    """Waits for events of a kombu connection and has them handled."""

    @abstractmethod
    def pump(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for events or for `wake`, and handle what is there."""

    @abstractmethod
    def wake(self) -> None:
        """Let `pump` return. Callable from any thread, also after `close`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what waiting needs; the connection is not touched."""


def pump_for(client: Any) -> Pump:
    """The pump for a kombu connection that is connected."""
    raw = client.connection
    return SocketPump(raw) if isinstance(raw, amqp.Connection) else PollingPump(client)


class SocketPump(Pump):
    """Watches the socket of py-amqp, and another one by which it is woken."""

    def __init__(self, raw: amqp.Connection) -> None:
        self._raw = raw
        self._sock = raw.sock
        self._sock.settimeout(STALLED_S)
        _read_ahead(raw.transport)
        self._lock = threading.Lock()
        self._ears, self._mouth = socket.socketpair()
        self._ears.setblocking(False)
        self._mouth.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._sock, selectors.EVENT_READ)
        self._selector.register(self._ears, selectors.EVENT_READ)
        self._closed = False
        self._called = False

    def pump(self, timeout: float) -> None:
        if not self._readable(timeout):
            return
        for _ in range(BATCH):
            self._handle_event()
            if not self._readable(0):
                return

    def _handle_event(self) -> None:
        """Read and handle one method with its content, or a heartbeat.

        `amqp.Connection.drain_events` would go on reading after a heartbeat, and block.
        """
        handled = False
        while not handled:
            frame = self._raw.transport.read_frame()
            handled = self._raw.on_inbound_frame(frame) or frame[0] == HEARTBEAT

    def _readable(self, timeout: float) -> bool:
        if self._has_read():
            return True
        readable = False
        for key, _ in self._selector.select(timeout):
            if key.fileobj is self._sock:
                readable = True
            else:
                self._ears.recv(16)
                self._called = False
        return readable

    def _has_read(self) -> bool:
        """Whether there are bytes that the selector does not see: read already, or decrypted."""
        if getattr(self._raw.transport, "_read_buffer", b""):
            return True
        pending = getattr(self._sock, "pending", None)
        return bool(pending is not None and pending())

    def wake(self) -> None:
        with self._lock:
            if not self._closed and not self._called:
                self._called = True
                self._mouth.send(b"!")

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._selector.close()
            self._ears.close()
            self._mouth.close()


def _read_ahead(transport: Any) -> None:
    """Have py-amqp read what there is, and not the nine parts of each message by themselves.

    Every read lets go of the interpreter's lock, and getting it back may take long while another
    thread works. py-amqp keeps what it has read too much, but does not make use of that.
    """
    receive = getattr(transport, "_quick_recv", None)
    if receive is not None:
        transport._quick_recv = lambda size: receive(max(size, READ_AHEAD))


class PollingPump(Pump):
    """Asks a transport that has no socket to watch; rarely when nothing comes."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._woken = threading.Event()
        self._pause = SHORTEST_S

    def pump(self, timeout: float) -> None:
        if self._drain() or self._woken.wait(min(self._pause, timeout)):
            self._pause = SHORTEST_S
        else:
            self._pause = min(2 * self._pause, LONGEST_S)
        self._woken.clear()

    def _drain(self) -> bool:
        """Whether anything came."""
        for done in range(BATCH):
            try:
                self._client.drain_events(timeout=0)
            except TimeoutError:
                return done > 0
        return True

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        self._woken.set()
