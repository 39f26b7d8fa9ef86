"""Results as messages pass the suite, as far as it is about one reader of each result."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from kombu import Connection, Queue

from celery._message.context import Context
from celery.app.base import Celery
from celery.backends.rpc import RPCBackend
from celery.contrib.testing.conformance._backend_kit import PATIENCE, eventually, new_id
from celery.contrib.testing.conformance._backend_results import ResultTests
from celery.contrib.testing.conformance._backend_waiting import WaitingTests
from celery.contrib.testing.conformance.backend import BackendOpener
from celery.states import FAILURE, PENDING, STARTED, SUCCESS


class SelfAddressed(RPCBackend):
    """Sends all results to the thread that has opened it, as the suite knows no callers."""

    opened: ClassVar[list[SelfAddressed]] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.opened.append(self)
        self.on_task_call(None, "")
        self.destination = self.oid

    def destination_for(self, task_id: str, request: Any) -> tuple[str, str]:
        return self.destination, task_id


class RPC(ResultTests, WaitingTests):
    saves_groups = False
    counts_chords = False
    many_readers = False
    # Replies are in the memory of who has asked for them, and each thread gets its own.
    test_what_has_expired_goes = None
    test_writers_do_not_disturb_each_other = None

    @pytest.fixture
    def broker_url(self) -> str:
        return f"memory://{uuid4().hex}"

    @pytest.fixture
    def app(self, broker_url: str) -> Iterator[Any]:
        name = f"conformance.{uuid4().hex}"
        app = Celery(name, broker=broker_url, set_as_current=False, fixups=())
        yield app
        app.close()

    @pytest.fixture
    def open_backend(self, app: Any) -> Iterator[BackendOpener]:
        yield partial(SelfAddressed, app=app)
        while SelfAddressed.opened:
            SelfAddressed.opened.pop().result_consumer.stop()


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


@pytest.fixture
def app(rabbitmq_server: str) -> Iterator[Any]:
    app = Celery("rpc", broker=rabbitmq_server, backend="rpc://", set_as_current=False, fixups=())
    yield app
    app.backend.result_consumer.stop()
    app.close()


def request_from(app: Any, task_id: str) -> Context:
    return Context(id=task_id, reply_to=app.thread_oid, correlation_id=task_id)


@pytest.mark.rabbitmq
class TestOnTheWire:
    def test_a_result_is_a_message_to_the_caller(self, app: Any, rabbitmq_server: str) -> None:
        with Connection(rabbitmq_server) as connection:
            queue = Queue(f"conformance.{uuid4().hex}", exclusive=True)(connection)
            queue.declare()
            request = Context(id="i", reply_to=queue.name, correlation_id="c")
            app.backend.store_result(
                "i", ValueError("bad"), FAILURE, traceback="tb", request=request
            )
            app.backend.store_result("i", 5, SUCCESS, request=Context(id="i", reply_to=queue.name))
            app.backend.store_result("i", 5, SUCCESS, request=Context(id="i"))  # Nobody asks.
            got: list[Any] = []

            def both() -> bool:
                message = queue.get(no_ack=True)
                got.extend([message] if message is not None else [])
                return len(got) == 2

            eventually(both)
            failure, success = got
            assert queue.get(no_ack=True) is None
        assert failure.properties["correlation_id"] == "c"
        assert failure.properties["delivery_mode"] == 1
        assert (failure.content_type, failure.content_encoding) == ("application/json", "utf-8")
        assert failure.delivery_info["exchange"] == ""
        meta = failure.payload
        assert list(meta) == ["status", "result", "traceback", "children", "date_done", "task_id"]
        assert meta["result"]["exc_type"] == "ValueError"
        assert success.properties["correlation_id"] == "i"

    def test_without_a_request_nobody_knows_the_caller(self, app: Any) -> None:
        with pytest.raises(RuntimeError, match="missing task request for 'x'"):
            app.backend.store_result("x", 1, SUCCESS)

    def test_the_reply_queue_is_there_before_the_task_is_sent(self, app: Any) -> None:
        result = app.send_task("nobody.runs.it", queue=f"conformance.{uuid4().hex}")
        app.backend.store_result(result.id, 1, STARTED, request=request_from(app, result.id))
        eventually(lambda: app.broker_for_write().length(app.thread_oid) == 1)
        assert result.state == STARTED
        app.backend.store_result(result.id, 1, SUCCESS, request=request_from(app, result.id))
        assert result.get(timeout=PATIENCE) == 1
        app.amqp.queues  # noqa: B018
        with app.connection_for_write() as connection:
            for name in app.amqp.queues:
                connection.default_channel.queue_delete(name)

    def test_each_thread_gets_its_own_results(
        self, app: Any, in_threads: Callable[..., Future[Any]]
    ) -> None:
        task_id = new_id()

        def other() -> str:
            backend = app.backend
            backend.on_task_call(None, task_id)
            backend.store_result(task_id, 1, SUCCESS, request=request_from(app, task_id))
            try:
                return str(app.AsyncResult(task_id).get(timeout=PATIENCE))
            finally:
                backend.result_consumer.stop()

        app.backend.on_task_call(None, task_id)
        assert in_threads(other).result(PATIENCE) == "1"
        assert app.AsyncResult(task_id).state == PENDING

    def test_a_lost_connection_is_replaced(self, app: Any) -> None:
        first, second = app.AsyncResult(new_id()), app.AsyncResult(new_id())
        consumer = app.backend.result_consumer
        for result in (first, second):
            app.backend.on_task_call(None, result.id)
            request = request_from(app, result.id)
            threading.Timer(
                0.2, app.backend.store_result, (result.id, 1, SUCCESS), {"request": request}
            ).start()
            assert result.get(timeout=PATIENCE) == 1
            if result is first:
                consumer._connection.connection.sock.shutdown(2)
                assert app.AsyncResult(new_id()).state == PENDING

    def test_a_forked_child_leaves_the_results_to_its_parent(self, app: Any) -> None:
        result = app.AsyncResult(new_id())
        app.backend.on_task_call(None, result.id)
        assert result.state == PENDING  # Now it listens.
        pid = os.fork()
        if not pid:
            try:
                app.backend.on_task_call(None, "child")
                os._exit(0 if app.AsyncResult(result.id).state == PENDING else 1)
            finally:
                os._exit(2)
        assert os.waitpid(pid, 0)[1] == 0
        app.backend.store_result(result.id, 1, SUCCESS, request=request_from(app, result.id))
        assert result.get(timeout=PATIENCE) == 1

    def test_a_copy_is_made_for_the_same_caller(self, app: Any) -> None:
        app.set_current()
        copy = pickle.loads(pickle.dumps(app.backend))
        assert copy.app is app
        assert copy.binding.name == app.backend.binding.name

    def test_what_it_cannot_do(self, app: Any) -> None:
        with pytest.raises(NotImplementedError, match="does not support chords"):
            app.backend.ensure_chords_allowed()
        with pytest.raises(NotImplementedError, match="save_group is not supported"):
            app.GroupResult(new_id(), [app.AsyncResult(new_id())]).save()
        assert app.backend.as_uri() == "rpc://"


@pytest.fixture
def in_threads() -> Iterator[Callable[..., Future[Any]]]:
    with ThreadPoolExecutor(max_workers=4) as pool:
        yield pool.submit
