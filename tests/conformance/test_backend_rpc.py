"""Results as messages pass the suite, as far as it is about one reader of each result."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from celery.app.base import Celery
from celery.backends.rpc import RPCBackend
from celery.contrib.testing.conformance._backend_results import ResultTests
from celery.contrib.testing.conformance._backend_waiting import WaitingTests
from celery.contrib.testing.conformance.backend import BackendOpener


class SelfAddressed(RPCBackend):
    """Sends all results to the thread that has opened it, as the suite knows no callers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on_task_call(None, "")
        self.destination = self.oid

    def destination_for(self, task_id: str, request: Any) -> tuple[str, str]:
        return self.destination, task_id


class RPC(ResultTests, WaitingTests):
    saves_groups = False
    counts_chords = False
    many_readers = False

    @pytest.fixture
    def broker_url(self) -> str:
        return f"memory://{uuid4().hex}"

    @pytest.fixture
    def app(self, broker_url: str) -> Iterator[Any]:
        name = f"conformance.{uuid4().hex}"
        app = Celery(name, broker=broker_url, set_as_current=False, fixups=())
        yield app
        app.backend.result_consumer.stop()
        app.close()

    @pytest.fixture
    def open_backend(self, app: Any) -> BackendOpener:
        return partial(SelfAddressed, app=app)


class TestMemory(RPC):
    pass


class TestSQLite(RPC):
    @pytest.fixture
    def broker_url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/celery.db"


@pytest.mark.redis
class TestRedis(RPC):
    @pytest.fixture
    def broker_url(self, redis_server: str) -> str:
        return f"{redis_server}/11"


@pytest.mark.rabbitmq
class TestRabbitMQ(RPC):
    @pytest.fixture
    def broker_url(self, rabbitmq_server: str) -> str:
        return rabbitmq_server
