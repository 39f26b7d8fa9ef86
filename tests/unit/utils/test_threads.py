"""State of threads and coroutines; background threads."""

import asyncio
import contextvars
import socket
import subprocess
import sys
import threading
from typing import Any

import pytest

from celery.utils.threads import (
    Local,
    LocalManager,
    LocalStack,
    bgThread,
    default_socket_timeout,
    get_ident,
    release_local,
)


def in_a_thread(fun: Any) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(fun()))
    thread.start()
    thread.join()
    return found[0]


class TestLocalStack:
    def test_push_and_pop(self) -> None:
        stack: LocalStack[int] = LocalStack()
        assert stack.top is None
        assert stack.pop() is None
        stack.push(1)
        assert stack.push(2) == [1, 2]
        assert (stack.top, len(stack), stack.stack) == (2, 2, [1, 2])
        assert [stack.pop(), stack.pop(), stack.pop()] == [2, 1, None]

    def test_threads_do_not_share(self) -> None:
        stack: LocalStack[int] = LocalStack()
        stack.push(1)
        assert in_a_thread(lambda: stack.top) is None

    def test_coroutines_see_where_they_come_from_and_nothing_else(self) -> None:
        stack: LocalStack[str] = LocalStack()

        async def task(name: str, others: asyncio.Barrier) -> list[str]:
            stack.push(name)
            await others.wait()  # all have pushed
            seen = stack.stack
            stack.pop()
            return seen

        async def main() -> tuple[list[list[str]], str | None]:
            stack.push("main")
            barrier = asyncio.Barrier(3)
            seen = await asyncio.gather(*(task(name, barrier) for name in "abc"))
            return seen, stack.top

        seen, top = asyncio.run(main())
        assert seen == [["main", "a"], ["main", "b"], ["main", "c"]]
        assert top == "main"
        assert stack.top is None

    def test_contexts_keep_what_was_when_they_were_copied(self) -> None:
        stack: LocalStack[int] = LocalStack()
        stack.push(1)
        context = contextvars.copy_context()
        stack.push(2)
        assert context.run(lambda: stack.top) == 1

    def test_proxy_of_the_top(self) -> None:
        stack: LocalStack[str] = LocalStack()
        proxy = stack()
        stack.push("abc")
        assert proxy.upper() == "ABC"
        release_local(stack)
        with pytest.raises(RuntimeError, match="unbound"):
            proxy.upper()


class TestLocal:
    def test_attributes(self) -> None:
        local = Local()
        local.x = 1
        assert (local.x, list(local)) == (1, [("x", 1)])
        assert not in_a_thread(lambda: hasattr(local, "x"))
        del local.x
        with pytest.raises(AttributeError):
            del local.x

    def test_proxy_of_an_attribute(self) -> None:
        local = Local()
        proxy = local("name")
        local.name = "abc"
        assert proxy.upper() == "ABC"

    def test_manager(self) -> None:
        local, stack = Local(), LocalStack[int]()
        local.x = 1
        stack.push(1)
        manager = LocalManager([local, stack])
        assert repr(manager) == "<LocalManager storages: 2>"
        assert manager.get_ident() == get_ident()
        manager.cleanup()
        assert (list(local), stack.top) == ([], None)
        assert LocalManager().locals == []
        assert LocalManager(local).locals == [local]


class TestBgThread:
    def test_works_until_stopped(self) -> None:
        class Worker(bgThread):
            rounds = 0
            worked = threading.Event()

            def body(self) -> None:
                self.rounds += 1
                self.worked.set()

        worker = Worker()
        assert (worker.name, worker.daemon) == ("Worker", True)
        worker.stop()
        worker = Worker()
        worker.start()
        assert worker.worked.wait(5)
        worker.stop()
        worker.stop()
        assert not worker.is_alive()
        assert worker.rounds

    def test_a_crash_ends_the_process(self) -> None:
        program = (
            "from celery.utils.threads import bgThread\n"
            "class Bad(bgThread):\n"
            "    def body(self): raise ValueError('boom')\n"
            "bad = Bad(); bad.start(); bad.join(); print('still here')\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.returncode == 1
        assert done.stdout == ""
        assert "'Bad' crashed: ValueError('boom')" in done.stderr


def test_default_socket_timeout() -> None:
    before = socket.getdefaulttimeout()
    with default_socket_timeout(3.0):
        assert socket.getdefaulttimeout() == 3.0
    assert socket.getdefaulttimeout() == before
