"""The programs of Celery's tutorials, unchanged, with a real worker on each broker.

Each directory of `programs/` is what a reader of a tutorial has typed: the task modules, and
`session.py` with what is typed into the Python shell. It is copied, the documented command line
starts the worker there, and the session's output is compared.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from amqp.exceptions import NotFound
from kombu import Connection
from redis import Redis
from tests.support.workers import Worker, run_script, workers

PROGRAMS = Path(__file__).parent / "programs"
REDIS_DB = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A broker and a result store, as the environment of a program names them.

    Args:
        env: for programs that keep to results of single calls.
        chord_env: for programs that use chords too.
    """

    env: dict[str, str]
    chord_env: dict[str, str]


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("redis", marks=pytest.mark.redis),
        pytest.param("rabbitmq", marks=[pytest.mark.rabbitmq, pytest.mark.redis]),
    ]
)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Each broker in turn; SQLite is what there is without any setting."""
    if request.param == "sqlite":
        yield Place(env={}, chord_env={})
        return
    redis = f"{request.getfixturevalue('redis_server')}/{REDIS_DB}"
    prefix = f"tutorial-{uuid.uuid4().hex[:8]}:"
    on_redis = {"CELERY_BROKER_URL": redis, "CELERY_RESULT_BACKEND": redis, "PREFIX": prefix}
    if request.param == "redis":
        yield Place(env=on_redis, chord_env=on_redis)
        return
    broker = f"{request.getfixturevalue('rabbitmq_server')}//"
    env = {"CELERY_BROKER_URL": broker, "CELERY_RESULT_BACKEND": "rpc://"}
    yield Place(env=env, chord_env={**env, "CELERY_RESULT_BACKEND": redis})
