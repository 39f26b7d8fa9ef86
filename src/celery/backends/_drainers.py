"""Who listens while results are waited for: the waiting thread itself, or a greenlet of its own."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, Protocol, TypeVar

__all__ = ("Drainer", "Promise", "drainers", "register_drainer")

#: Name of the environment (``default``, ``gevent``, ``eventlet``) -> class of its drainer.
drainers: Final[dict[str, type["Drainer"]]] = {}

#: Seconds between two looks at whether something else has made a result ready meanwhile.
DRAIN_INTERVAL_S: Final = 1.0

D = TypeVar("D", bound="type[Drainer]")


class _Consumer(Protocol):
    """What is drained."""

    def drain_events(self, timeout: float | None = None) -> Any: ...


class Promise(Protocol):
    """What a drainer waits for."""

    @property
    def ready(self) -> bool: ...


def register_drainer(name: str) -> Callable[[D], D]:
    """Use the decorated class to wait in the environment `name`."""

    def register(cls: D) -> D:
        drainers[name] = cls
        return cls

    return register


@register_drainer("default")
class Drainer:
    """Listens in the thread that waits.

    Args:
        result_consumer: Its ``drain_events`` is called.
    """

    def __init__(self, result_consumer: _Consumer) -> None:
        self.result_consumer = result_consumer
        # Of several threads that wait, the one that has this drains; the others look at their
        # result whenever it is passed on.
        self._turn = threading.Lock()
        self._drained = threading.Condition()

    def start(self) -> None:
        """Begin to listen, where that is not done by who waits."""

    def stop(self) -> None:
        """Stop to listen."""

    def drain_events_until(
        self,
        p: Promise,
        timeout: float | None = None,
        interval: float = DRAIN_INTERVAL_S,
        on_interval: Callable[[], Any] | None = None,
        wait: Callable[..., Any] | None = None,
    ) -> Iterator[None]:
        """Listen until `p` is ready, yielding each time something has come.

        Args:
            p: The promise of a result.
            timeout: Seconds to wait; None is for ever.
            interval: Seconds after which to look, at the latest, whether `p` has become ready.
            on_interval: Called after each time.
            wait: Called with ``timeout=``; instead of the consumer's ``drain_events``.

        Raises:
            TimeoutError: the built-in one; `p` is not ready in time.
        """
        wait = wait or self.result_consumer.drain_events
        deadline = None if timeout is None else time.monotonic() + timeout
        while not p.ready:
            pause = interval
            if deadline is not None:
                pause = min(interval, deadline - time.monotonic())
                if pause <= 0:
                    raise TimeoutError
            with suppress(TimeoutError):
                self.wait_for(p, wait, timeout=pause)
                yield
            if on_interval:
                on_interval()

    def wait_for(self, p: Promise, wait: Callable[..., Any], timeout: float | None = None) -> None:
        """Wait up to `timeout` seconds for something to come.

        Raises:
            TimeoutError: the built-in one; nothing has come.
        """
        if self._turn.acquire(blocking=False):
            try:
                # It may have come with the last turn, before this one was taken.
                if not p.ready:
                    wait(timeout=timeout)
            finally:
                self._turn.release()
                with self._drained:
                    self._drained.notify_all()
        else:
            with self._drained:
                # Released between our two looks: the next round takes the turn.
                if self._turn.locked() and not p.ready:
                    self._drained.wait(timeout)


class greenletDrainer(Drainer):
    """Listens in a greenlet, which wakes those that wait."""

    def __init__(self, result_consumer: _Consumer) -> None:
        super().__init__(result_consumer)
        self._running = False
        self._stopped = False
        self._error: BaseException | None = None
        self._came = self._event()

    def spawn(self, func: Callable[[], Any]) -> Any:
        """Run `func` in a greenlet."""
        raise NotImplementedError("subclasses know how to spawn")

    def _event(self) -> Any:
        """Return an event, with ``set`` and ``wait(timeout)``, for greenlets."""
        raise NotImplementedError("subclasses know their events")

    def run(self) -> None:
        """Drain until stopped, or until the consumer fails: those that wait are told."""
        try:
            while not self._stopped:
                try:
                    self.result_consumer.drain_events(timeout=DRAIN_INTERVAL_S)
                except TimeoutError:
                    continue
                self._announce()
        except Exception as exc:
            self._error = exc
        finally:
            self._running = False
            self._announce()

    def _announce(self) -> None:
        """Wake those that wait; who waits from now on waits for the next event."""
        came, self._came = self._came, self._event()
        came.set()

    def start(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if not self._running:
            # Said before, as spawning lets others run, who may want to start it as well.
            self._running = True
            self._stopped = False
            self.spawn(self.run)

    def stop(self) -> None:
        self._stopped = True

    def wait_for(self, p: Promise, wait: Callable[..., Any], timeout: float | None = None) -> None:
        self.start()
        if not p.ready:
            self._came.wait(timeout=timeout)


@register_drainer("gevent")
class geventDrainer(greenletDrainer):
    """Listens in a greenlet of gevent."""

    def spawn(self, func: Callable[[], Any]) -> Any:
        greenlet = import_module("gevent").spawn(func)
        import_module("gevent").sleep(0)
        return greenlet

    def _event(self) -> Any:
        return import_module("gevent.event").Event()


@register_drainer("eventlet")
class eventletDrainer(greenletDrainer):
    """Listens in a green thread of eventlet."""

    def spawn(self, func: Callable[[], Any]) -> Any:
        eventlet = import_module("eventlet")
        thread = eventlet.spawn(func)
        eventlet.sleep(0)
        return thread

    def _event(self) -> Any:
        return _EventletEvent()


class _EventletEvent:
    """An event of eventlet with the timeout that ``threading.Event.wait`` takes."""

    def __init__(self) -> None:
        self._event = import_module("eventlet.event").Event()
        self._timeout = import_module("eventlet.timeout").Timeout

    def set(self) -> None:
        if not self._event.ready():
            self._event.send(None)

    def wait(self, timeout: float | None = None) -> None:
        with self._timeout(timeout, False):
            self._event.wait()
