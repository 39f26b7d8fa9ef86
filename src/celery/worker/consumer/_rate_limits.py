"""Rate limits: one token bucket a task type, and the requests that wait in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from kombu.utils.limits import TokenBucket

from celery.utils.time import rate

if TYPE_CHECKING:
    from celery.worker._timer import Timer

__all__ = ["RateLimits"]

#: Requests that may begin at once after a pause: the limit is a pace, not an allowance.
CAPACITY = 1


class RateLimits:
    """The buckets of one worker.

    A request that may not begin yet waits in its bucket, in order; while any waits, one timer
    entry is pending for that bucket.

    Args:
        timer: where the wait is entered.
        release: called with a request whose turn has come.
    """

    def __init__(self, timer: Timer, release: Callable[[Any], Any]) -> None:
        self.timer = timer
        self.release = release
        #: By task name; None: not limited.
        self.buckets: dict[str, TokenBucket | None] = {}

    @staticmethod
    def bucket_for(task: Any) -> TokenBucket | None:
        """A new bucket for a task's `rate_limit`; None if it has none, or it is zero."""
        per_second = rate(task.rate_limit) if task.rate_limit is not None else 0
        return TokenBucket(per_second, capacity=CAPACITY) if per_second else None

    def reset(self, tasks: Iterable[Any]) -> None:
        """Make the buckets anew, from the tasks' limits as they are now.

        What waited in an old bucket keeps its order: it waits in the new one, or, if there is no
        limit any more, begins at once.
        """
        old, self.buckets = dict(self.buckets), self.buckets
        self.buckets.clear()
        self.buckets.update({task.name: self.bucket_for(task) for task in tasks})
        for name, bucket in old.items():
            waiting = [] if bucket is None else list(bucket.contents)
            if bucket is not None:
                bucket.clear_pending()
            self._move(waiting, self.buckets.get(name))

    def _move(self, waiting: list[tuple[Any, int]], bucket: TokenBucket | None) -> None:
        for request, tokens in waiting:
            if bucket is None:
                self.release(request)
            else:
                self.admit(request, bucket, tokens)

    def admit(self, request: Any, bucket: TokenBucket, tokens: int = 1) -> None:
        """Let a request begin, now or when its turn comes."""
        if not bucket.contents and bucket.can_consume(tokens):
            self.release(request)
            return
        bucket.add((request, tokens))
        if len(bucket.contents) == 1:
            self._wait(bucket, tokens)

    def _wait(self, bucket: TokenBucket, tokens: int) -> None:
        self.timer.call_after(bucket.expected_time(tokens), self._on_turn, (bucket,))

    def _on_turn(self, bucket: TokenBucket) -> None:
        while bucket.contents:
            request, tokens = bucket.contents[0]
            if not bucket.can_consume(tokens):
                self._wait(bucket, tokens)
                return
            bucket.pop()
            self.release(request)

    def clear(self) -> list[Any]:
        """Empty the buckets; returns the requests that waited."""
        dropped: list[Any] = []
        for bucket in self.buckets.values():
            if bucket is not None:
                dropped.extend(request for request, _ in bucket.contents)
                bucket.clear_pending()
        return dropped
