"""Finding a pool; calling a target in this thread; the base of all pools."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from billiard.exceptions import WorkerLostError

from celery import concurrency, signals
from celery.concurrency import prefork, solo, thread
from celery.concurrency.base import BasePool, apply_target
from celery.exceptions import ImproperlyConfigured, WorkerShutdown, WorkerTerminate


class TestFinding:
    @pytest.mark.parametrize(
        ("name", "cls"),
        [
            ("prefork", prefork.TaskPool),
            ("processes", prefork.TaskPool),
            ("solo", solo.TaskPool),
            ("threads", thread.TaskPool),
            ("celery.concurrency.solo:TaskPool", solo.TaskPool),
            (solo.TaskPool, solo.TaskPool),
        ],
    )
    def test_by_name(self, name: Any, cls: type[BasePool]) -> None:
        assert concurrency.get_implementation(name) is cls

    def test_custom_is_named_by_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CELERY_CUSTOM_WORKER_POOL", "celery.concurrency.solo:TaskPool")
        assert concurrency.get_implementation("custom") is solo.TaskPool

    def test_custom_without_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("CELERY_CUSTOM_WORKER_POOL", raising=False)
        with pytest.raises(ModuleNotFoundError, match="custom"):
            concurrency.get_implementation("custom")

    @pytest.mark.parametrize("name", ["gevent", "eventlet"])
    def test_pools_to_come_say_what_to_use(self, name: str) -> None:
        with pytest.raises(ImportError, match="--pool=threads"):
            concurrency.get_implementation(name)

    def test_names(self) -> None:
        assert concurrency.get_available_pool_names() == (
            "prefork", "eventlet", "gevent", "solo", "processes", "threads", "custom",
        )  # fmt: skip


class TestApplyTarget:
    def test_tells_acceptance_then_value(self) -> None:
        log: list[Any] = []
        before = time.monotonic()
        apply_target(
            divmod, (7, 2), callback=log.append, accept_callback=lambda *args: log.append(args)
        )
        (pid, when), value = log
        assert (pid, value) == (os.getpid(), (3, 1))
        assert before <= when <= time.monotonic()

    def test_exception_goes_to_the_error_callback(self) -> None:
        log: list[Any] = []
        apply_target(divmod, (7, 0), error_callback=log.append)
        assert isinstance(log[0].exception, ZeroDivisionError)

    def test_exception_is_raised_without_error_callback(self) -> None:
        with pytest.raises(ZeroDivisionError):
            apply_target(divmod, (7, 0))

    @pytest.mark.parametrize("by", ["callback", "error_callback"])
    def test_exit_loses_the_job(self, by: str) -> None:
        def leave() -> None:
            raise SystemExit(3)

        log: list[Any] = []
        apply_target(leave, **{by: log.append})  # type: ignore[arg-type]  # by name
        assert isinstance(log[0].exception, WorkerLostError)

    @pytest.mark.parametrize("error", [WorkerShutdown, WorkerTerminate, KeyError])
    def test_some_exceptions_are_always_raised(self, error: type[BaseException]) -> None:
        def leave() -> None:
            raise error

        with pytest.raises(error):
            apply_target(leave, error_callback=print, propagate=(KeyError,))


class TestBasePool:
    def test_own_pool_needs_on_apply_only(self) -> None:
        class OwnPool(BasePool):
            def on_apply(self, *args: Any, **kwargs: Any) -> Any:
                return apply_target(*args, **kwargs)

        pool = OwnPool(3, colour="red")
        assert (pool.limit, pool.options, pool.active) == (3, {"colour": "red"}, False)
        pool.start()
        log: list[Any] = []
        pool.apply_async(divmod, (7, 2), callback=log.append)
        assert log == [(3, 1)]
        assert pool.active
        pool.close()
        assert not pool.active
        assert pool.info["max-concurrency"] == pool.num_processes == 3

    @pytest.mark.parametrize("verb", ["restart", "grow", "shrink", "terminate_job"])
    def test_what_it_cannot_do(self, verb: str) -> None:
        arguments = (1,) if verb == "terminate_job" else ()
        with pytest.raises(NotImplementedError, match="does not implement"):
            getattr(BasePool(), verb)(*arguments)

    def test_debug_log_bounds_arguments(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG", "celery.pool")
        pool = solo.TaskPool()
        pool.start()
        pool.apply_async(len, ("x" * 100_000,))
        assert "TaskPool: Apply <built-in function len>" in caplog.text
        assert len(caplog.text) < 5000


class TestSolo:
    def test_process_init_is_sent_once(self) -> None:
        nodes: list[Any] = []

        def note(sender: Any, **_: Any) -> None:
            nodes.append(sender)

        signals.worker_process_init.connect(note)
        try:
            pool = solo.TaskPool(9, initargs=(None, "worker@here"))
            pool.start()
        finally:
            signals.worker_process_init.disconnect(note)
        assert nodes == ["worker@here"]
        assert pool.info["processes"] == [os.getpid()]
        assert pool.num_processes == 1


class TestPrefork:
    def test_unknown_start_method(self) -> None:
        with pytest.raises(ImproperlyConfigured, match=r"'forkserver'.*'fork', 'spawn'"):
            prefork.TaskPool(1, start_method="forkserver")

    def test_not_started(self) -> None:
        pool = prefork.TaskPool(3)
        assert not pool.did_start_ok()
        assert (pool.num_processes, pool.info["processes"]) == (3, [])
        with pytest.raises(RuntimeError, match="not started"):
            pool.apply_async(len, ("",))


def test_threads_cancel_what_waits() -> None:
    pool = thread.TaskPool(1)
    log: list[str] = []
    pool._threads.append(pool_thread := _NeverStarted())  # type: ignore[arg-type]  # enough
    waiting = pool.apply_async(len, ("",), callback=log.append, error_callback=log.append)
    pool.stop()
    assert pool_thread.joined
    assert waiting.ready()
    assert log == []


class _NeverStarted:
    joined = False

    def join(self) -> None:
        self.joined = True
