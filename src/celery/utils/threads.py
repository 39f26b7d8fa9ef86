"""State that belongs to a thread or coroutine, and threads that work in the background."""

import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import get_ident
from typing import Any, Final, Generic, TypeVar

from celery.local import Proxy

__all__ = (
    "Local",
    "LocalManager",
    "LocalStack",
    "bgThread",
    "default_socket_timeout",
    "get_ident",
    "release_local",
)

#: The longest time a thread can be waited for, in seconds.
THREAD_TIMEOUT_MAX: Final = threading.TIMEOUT_MAX

T = TypeVar("T")


@contextmanager
def default_socket_timeout(timeout: float | None) -> Iterator[None]:
    """Give sockets made in the block a timeout, in seconds; for the whole process."""
    previous = socket.getdefaulttimeout()
    socket.setdefaulttimeout(timeout)
    try:
        yield
    finally:
        socket.setdefaulttimeout(previous)


class bgThread(threading.Thread):
    """A daemon thread that calls :meth:`body` over and over until it is stopped.

    An error in the body ends the process: whoever counts on the thread's work cannot notice that
    it is gone, and a process that is gone is noticed.
    """

    def __init__(self, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name or type(self).__name__, daemon=True, **kwargs)
        self._is_shutdown = threading.Event()
        self._has_stopped = threading.Event()

    def body(self) -> None:
        """Do one round of work; to be defined by the subclass."""
        raise NotImplementedError(f"{type(self).__name__} must define body()")

    def on_crash(self, msg: str, *fmt: Any, **kwargs: Any) -> None:
        """Report the error being handled to the terminal."""
        sys.stderr.write(msg.format(*fmt, **kwargs) + "\n")
        traceback.print_exc(file=sys.stderr)

    def run(self) -> None:
        """Work until stopped."""
        try:
            while not self._is_shutdown.is_set():
                try:
                    self.body()
                except Exception as exc:
                    self.on_crash("{0!r} crashed: {1!r}", self.name, exc)
                    sys.stderr.flush()
                    os._exit(1)  # no other way ends the process from a thread
        finally:
            self._has_stopped.set()

    def stop(self) -> None:
        """Ask the thread to stop, and wait until it has; nothing if it was never started."""
        self._is_shutdown.set()
        if self.is_alive() and threading.current_thread() is not self:
            self._has_stopped.wait()
            self.join(THREAD_TIMEOUT_MAX)


class LocalStack(Generic[T]):
    """A stack of which every thread and every coroutine sees its own.

    A new thread begins with an empty stack.  A coroutine begins with what the stack was where it
    was started, and what it pushes or pops is not seen there.  The top of the stack is thereby
    the innermost thing going on in the code that asks.
    """

    __slots__ = ("__weakref__", "_items")

    def __init__(self) -> None:
        # A tuple, replaced as a whole: contexts share it without seeing each other's changes.
        self._items: ContextVar[tuple[T, ...]] = ContextVar("LocalStack", default=())

    def push(self, obj: T) -> list[T]:
        """Put an object on top; return the stack."""
        items = (*self._items.get(), obj)
        self._items.set(items)
        return list(items)

    def pop(self) -> T | None:
        """Remove the object on top and return it; ``None`` if there is none."""
        items = self._items.get()
        if not items:
            return None
        self._items.set(items[:-1])
        return items[-1]

    @property
    def top(self) -> T | None:
        """The object on top, ``None`` if there is none."""
        items = self._items.get()
        return items[-1] if items else None

    @property
    def stack(self) -> list[T]:
        """The objects, the top last."""
        return list(self._items.get())

    def __len__(self) -> int:
        return len(self._items.get())

    def __call__(self) -> Proxy:
        """Return a proxy of whatever is on top when it is used."""
        return Proxy(self._bound_top)

    def _bound_top(self) -> T:
        items = self._items.get()
        if not items:
            raise RuntimeError("object unbound")
        return items[-1]

    def __release_local__(self) -> None:
        self._items.set(())


class Local:
    """An object of whose attributes every thread and every coroutine has its own."""

    __slots__ = ("__weakref__", "_values")
    _values: ContextVar[dict[str, Any]]

    def __init__(self) -> None:
        object.__setattr__(self, "_values", ContextVar("Local"))

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values.get({})[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self._values.set({**self._values.get({}), name: value})

    def __delattr__(self, name: str) -> None:
        values = dict(self._values.get({}))
        if name not in values:
            raise AttributeError(name)
        del values[name]
        self._values.set(values)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self._values.get({}).items())

    def __call__(self, proxy: str) -> Proxy:
        """Return a proxy of the attribute `proxy`."""
        return Proxy(self, name=proxy)

    def __release_local__(self) -> None:
        self._values.set({})


def release_local(local: Local | LocalStack[Any]) -> None:
    """Forget what this thread or coroutine has in `local`."""
    local.__release_local__()


class LocalManager:
    """Forgets the contents of several locals at once.

    Args:
        locals: One of them, or several.
        ident_func: Returns what identifies the present thread or coroutine.
    """

    def __init__(
        self,
        locals: Local | LocalStack[Any] | Iterable[Local | LocalStack[Any]] | None = None,
        ident_func: Callable[[], int] | None = None,
    ) -> None:
        if locals is None:
            self.locals: list[Local | LocalStack[Any]] = []
        elif isinstance(locals, Local | LocalStack):
            self.locals = [locals]
        else:
            self.locals = list(locals)
        self._ident_func = ident_func or get_ident

    def get_ident(self) -> int:
        """Return what identifies the present thread."""
        return self._ident_func()

    def cleanup(self) -> None:
        """Forget what this thread or coroutine has in them."""
        for local in self.locals:
            release_local(local)

    def __repr__(self) -> str:
        return f"<LocalManager storages: {len(self.locals)}>"
