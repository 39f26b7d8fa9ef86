"""What a fork does to kombu connections: the child lets go of them and leaves the parent's alone.

Both processes hold the same TCP connection after a fork. Closing it properly, or even shutting its
socket down, in the child would take it from the parent; keeping it would let the broker think that
a dead parent is alive. So the child closes its file descriptor, and nothing else.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any

import amqp

__all__ = ["call_in_children", "forget_in_children"]

_connections: weakref.WeakSet[Any] = weakref.WeakSet()
_methods: list[weakref.WeakMethod[Callable[[], None]]] = []

#: Transports of kombu's whose connections know by themselves what to do in a child.
_FORK_AWARE = "celery-bridge"


def forget_in_children(connection: Any) -> Any:
    """Return the kombu connection; after a fork the child's copy is not connected."""
    _connections.add(connection)
    return connection


def call_in_children(method: Callable[[], None]) -> None:
    """After a fork call the bound method in the child, if its object still lives."""
    _methods[:] = [known for known in _methods if known() is not None]
    _methods.append(weakref.WeakMethod(method))


def _abandon(connection: Any) -> None:
    if not connection.connected:
        return
    raw = connection.connection
    if isinstance(raw, amqp.Connection):
        transport = raw.transport
        os.close(transport.sock.detach())
        transport.sock = None
        transport.connected = False
        connection.collect()
    elif connection.transport.driver_name == _FORK_AWARE:
        connection.collect()


def _after_fork_in_child() -> None:
    for connection in list(_connections):
        _abandon(connection)
    for known in list(_methods):
        if (method := known()) is not None:
            method()


os.register_at_fork(after_in_child=_after_fork_in_child)
