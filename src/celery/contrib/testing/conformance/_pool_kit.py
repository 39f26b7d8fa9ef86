"""The means of the pool suite: a loop as a worker has it, a pool on it, and the record of calls."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery.concurrency._loops import LoopThread
from celery.concurrency.base import BasePool

__all__ = ("Calls", "LoopedPool", "PoolKit")

#: Nothing in the suite takes longer than this many seconds unless it is broken.
PATIENCE = 30.0


class _Hub:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop


class Calls:
    """The callbacks of one job, in the order in which they were called."""

    def __init__(self) -> None:
        self.made: list[tuple[str, Any]] = []
        self.threads: set[int] = set()
        self._news = threading.Condition()

    def options(self) -> dict[str, Any]:
        """The callbacks, as options of `apply_async`."""
        return {
            "accept_callback": lambda pid, when: self._note("accepted", (pid, when)),
            "callback": lambda value: self._note("returned", value),
            "error_callback": lambda info: self._note("failed", info),
            "timeout_callback": lambda soft, timeout: self._note(
                "soft limit" if soft else "hard limit", timeout
            ),
        }

    def _note(self, what: str, value: Any) -> None:
        with self._news:
            self.made.append((what, value))
            self.threads.add(threading.get_ident())
            self._news.notify_all()

    @property
    def names(self) -> list[str]:
        """What was called."""
        return [name for name, _ in self.made]

    def __getitem__(self, name: str) -> Any:
        """The argument of the callback, which must have been called once."""
        (value,) = [value for each, value in self.made if each == name]
        return value

    @property
    def pid(self) -> int:
        """The process that accepted the job; waits for that."""
        pid: int = self.wait("accepted")[0]
        return pid

    def wait(self, *names: str) -> Any:
        """Wait until one of the callbacks was called; returns its argument."""
        with self._news:
            there = self._news.wait_for(lambda: set(names) & set(self.names), PATIENCE)
        assert there, f"none of {names} within {PATIENCE} s, only {self.made}"
        return next(value for name, value in self.made if name in names)

    def end(self) -> Any:
        """Wait until the job has ended; returns what the last callback was given."""
        return self.wait("returned", "failed", "hard limit")


class LoopedPool:
    """A started pool and the loop it calls back on."""

    def __init__(self, pool: BasePool, loop: LoopThread) -> None:
        self.pool = pool
        self.loop = loop

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call the function on the loop's thread, as a worker does; returns what it returns."""

        async def call() -> Any:
            return function(*args, **kwargs)

        return asyncio.run_coroutine_threadsafe(call(), self.loop.loop).result(PATIENCE)

    def apply(self, target: Callable[..., Any], *args: Any, **options: Any) -> Calls:
        """Submit a job; returns its record."""
        calls = Calls()
        self.call(self.pool.apply_async, target, args, {}, **calls.options(), **options)
        return calls


class PoolKit:
    """What differs between pools, and how one is had."""

    #: Does it run jobs while the submitter goes on?  (Set by `ConcurrencyTests`.)
    concurrent = False
    #: Does each job slot have a process of its own?  (Set by `ProcessTests`.)
    processes = False

    def make_pool(self, limit: int, **options: Any) -> BasePool:
        """Return a new pool of the class under test, not started."""
        raise NotImplementedError(f"{type(self)} must define make_pool")

    @contextmanager
    def running(self, limit: int = 2, **options: Any) -> Iterator[LoopedPool]:
        """A started pool on a running loop; stopped in the end."""
        pool = self.make_pool(limit, **options)
        loop = LoopThread("pool-suite")
        looped = LoopedPool(pool, loop)
        try:
            pool.start()
            looped.call(pool.register_with_event_loop, _Hub(loop.loop))
            yield looped
            if pool.active:
                looped.call(pool.close)
                pool.stop()
        finally:
            pool.terminate()
            loop.stop()


def until(condition: Callable[[], Any]) -> None:
    """Wait until the condition holds."""
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, f"not within {PATIENCE} s: {condition}"
        time.sleep(0.002)


def held_by(gate: Path) -> set[int]:
    """The processes in which `hold` waits for the gate, or has waited."""
    return {int(path.suffix[1:]) for path in gate.parent.glob(f"{gate.name}.*")}
