"""Events without a server: an app, and kombu's own in-process transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from kombu import Connection

from celery import Celery


@pytest.fixture
def app() -> Iterator[Celery]:
    """An app whose broker is never connected to."""
    with Celery("events", broker="amqp://nowhere", set_as_current=False) as app:
        yield app


@pytest.fixture
def connection() -> Iterator[Connection]:
    """A connection to a broker of its own."""
    with Connection(f"memory://{uuid4().hex}/{uuid4().hex}") as connection:
        yield connection


@pytest.fixture
def make_event() -> Callable[..., dict[str, Any]]:
    """Makes events as a receiver hands them on, each a second after the one before."""
    ticks = count(1)

    def make(type: str, **fields: Any) -> dict[str, Any]:
        tick = next(ticks)
        common = {
            "hostname": "w1",
            "pid": 7,
            "utcoffset": 0,
            "clock": tick,
            "timestamp": 1000.0 + tick,
            "local_received": 1000.5 + tick,
        }
        return {**common, **fields, "type": type}

    return make
