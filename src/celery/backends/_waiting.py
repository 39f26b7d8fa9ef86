"""Waiting for results by asking the store again and again, with growing pauses."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from celery.exceptions import ImproperlyConfigured, TimeoutError
from celery.states import READY_STATES as READY

__all__ = ("SyncBackendMixin", "poll_pauses")

#: Seconds of the first pause: most tasks one waits for are short.
FIRST_PAUSE_S: Final = 0.005
TIMED_OUT: Final = "The operation timed out."


def poll_pauses(interval: float, timeout: float | None) -> Iterator[float]:
    """Yield, after each fruitless look, how many seconds to pause before the next one.

    The pauses double from a few milliseconds up to `interval`; the last one ends with the time
    allowed, after which there is one more look.

    Args:
        interval: Seconds a pause lasts at most.
        timeout: Seconds to wait altogether; None is for ever, 0 a single look.

    Raises:
        StopIteration: The time is over.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    pause = min(FIRST_PAUSE_S, interval) if interval > 0 else FIRST_PAUSE_S
    while True:
        if deadline is None:
            yield pause
        else:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            yield min(pause, left)
        pause = min(pause * 2, max(interval, FIRST_PAUSE_S))


class SyncBackendMixin:
    """What a backend does that is not told of results and has to look for them.

    Mixed into a :class:`~celery.backends.base.Backend`.
    """

    if TYPE_CHECKING:
        # Of the Backend this is mixed into.
        _ensure_not_eager: Callable[[], None]
        get_task_meta: Callable[..., dict[str, Any]]
        get_many: Callable[..., Iterator[tuple[str, Any]]]
        _poll_interval: Callable[[float], float]
        _pause: Callable[[float], None]

    @property
    def is_async(self) -> bool:
        """Whether results announce themselves: no."""
        return False

    def add_pending_result(self, result: Any, weak: bool = False) -> Any:
        """Return `result`; there is nobody to be told that it is waited for."""
        return result

    def remove_pending_result(self, result: Any) -> Any:
        """Return `result`; the counterpart of :meth:`add_pending_result`."""
        return result

    def wait_for(
        self,
        task_id: str,
        timeout: float | None = None,
        interval: float = 0.5,
        no_ack: bool = True,
        on_interval: Callable[[], Any] | None = None,
    ) -> dict[str, Any]:
        """Wait until the task has ended and return its metadata.

        Args:
            task_id: Of the task.
            timeout: Seconds to wait; None is for ever.
            interval: Seconds between two looks at most; the first ones follow faster.
            no_ack: Of no meaning here.
            on_interval: Called after each look that found the task unfinished.

        Raises:
            celery.exceptions.TimeoutError: It has not ended in time.
        """
        self._ensure_not_eager()
        pauses = poll_pauses(self._poll_interval(interval), timeout)
        while True:
            meta = self.get_task_meta(task_id)
            if meta["status"] in READY:
                return meta
            if on_interval:
                on_interval()
            pause = next(pauses, None)
            if pause is None:
                raise TimeoutError(TIMED_OUT)
            self._pause(pause)

    def wait_for_pending(
        self,
        result: Any,
        timeout: float | None = None,
        interval: float = 0.5,
        no_ack: bool = True,
        on_message: Callable[[Any], Any] | None = None,
        on_interval: Callable[[], Any] | None = None,
        callback: Callable[[str, Any], Any] | None = None,
        propagate: bool = True,
    ) -> Any:
        """Wait until the task of `result` has ended; return its value or raise its error.

        Raises:
            celery.exceptions.TimeoutError: It has not ended in time.
            ImproperlyConfigured: `on_message` is given: there are no messages.
        """
        self._ensure_not_eager()
        refuse_on_message(on_message)
        meta = self.wait_for(
            result.id, timeout=timeout, interval=interval, on_interval=on_interval, no_ack=no_ack
        )
        result._maybe_set_cache(meta)
        return result.maybe_throw(propagate=propagate, callback=callback)

    def iter_native(
        self,
        result: Any,
        timeout: float | None = None,
        interval: float = 0.5,
        no_ack: bool = True,
        on_message: Callable[[Any], Any] | None = None,
        on_interval: Callable[[], Any] | None = None,
    ) -> Iterator[tuple[str, Any]]:
        """Yield id and metadata of the results in the set `result`, as they come in.

        Of a group within it, id and members are yielded at once.

        Raises:
            celery.exceptions.TimeoutError: They have not all come in time.
        """
        self._ensure_not_eager()
        task_ids = []
        for node in result.results:
            if hasattr(node, "results"):
                yield node.id, node.results
            else:
                task_ids.append(node.id)
        if task_ids:
            yield from self.get_many(
                task_ids,
                timeout=timeout,
                interval=interval,
                no_ack=no_ack,
                on_message=on_message,
                on_interval=on_interval,
            )


def refuse_on_message(on_message: object) -> None:
    """Raise if a caller wants to see messages of a backend that has none."""
    if on_message is not None:
        raise ImproperlyConfigured("Backend does not support on_message callback")
