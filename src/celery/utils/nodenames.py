"""Names of workers: ``name@host``, and text that has parts of them filled in."""

import os
import socket
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final

from kombu.entity import Exchange, Queue

from celery.utils.log import current_process_index
from celery.utils.text import simple_format

__all__ = (
    "anon_nodename",
    "default_nodename",
    "gethostname",
    "host_format",
    "node_format",
    "nodename",
    "nodesplit",
    "worker_direct",
)

NODENAME_SEP: Final = "@"
NODENAME_DEFAULT: Final = "celery"

#: Exchange of the queues only one worker consumes from (``worker_direct``).
WORKER_DIRECT_EXCHANGE: Final = Exchange("C.dq2")
WORKER_DIRECT_QUEUE_FORMAT: Final = "{hostname}.dq2"

#: Name of this machine; asked once, for the name is part of the identity of what runs here.
gethostname: Final[Callable[[], str]] = cache(socket.gethostname)


def worker_direct(hostname: "str | Queue") -> Queue:
    """Return the queue of one worker; what is a queue already is returned as it is."""
    if isinstance(hostname, Queue):
        return hostname
    return Queue(
        WORKER_DIRECT_QUEUE_FORMAT.format(hostname=hostname), WORKER_DIRECT_EXCHANGE, hostname
    )


def nodename(name: str, hostname: str) -> str:
    """Return ``name@hostname``."""
    return f"{name}{NODENAME_SEP}{hostname}"


def anon_nodename(hostname: str | None = None, prefix: str = "gen") -> str:
    """Return a name for a process that is no worker: a client."""
    return nodename(f"{prefix}{os.getpid()}", hostname or gethostname())


def nodesplit(name: str) -> tuple[str | None, str]:
    """Return name and host of a node; the name is ``None`` if there is only a host."""
    head, sep, tail = name.partition(NODENAME_SEP)
    return (head, tail) if sep else (None, name)


def default_nodename(hostname: str | None, default_name: str = NODENAME_DEFAULT) -> str:
    """Return the name of a node, completed where name or host are missing."""
    name, host = nodesplit(hostname or "")
    return nodename(name or default_name, host or gethostname())


def node_format(s: str, name: str, **extra: Any) -> str:
    """Fill in parts of the node name `name`: see :func:`host_format`; ``%p`` is all of it."""
    short, host = nodesplit(name)
    return host_format(s, host, short or NODENAME_DEFAULT, p=name, **extra)


def host_format(s: str, host: str | None = None, name: str | None = None, **extra: Any) -> str:
    """Fill in the fields of a text about a node.

    ``%h`` host, ``%n`` name, ``%d`` domain, ``%i`` number of the child process (0 in the worker's
    main process), ``%I`` the same after a dash, nothing in the main process; ``%%`` is ``%``.

    Args:
        s: The text.
        host: The host, by default this machine.
        name: The name, by default the host without its domain.
        **extra: Further fields, by letter.

    Raises:
        ValueError: The text has a field there is none of.
    """
    host = host or gethostname()
    short, _, domain = host.partition(".")
    fields: dict[str, str | Callable[[], str]] = {
        "h": host,
        "n": name or short,
        "d": domain,
        "i": _process_index,
        "I": partial(_process_index, "-", ""),
    }
    return simple_format(s, {**fields, **extra})


def _process_index(prefix: str = "", default: str = "0") -> str:
    index = current_process_index()
    return f"{prefix}{index}" if index else default
