"""Repeating an operation on a store that fails for a moment."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from celery.utils.time import get_exponential_backoff_interval

__all__ = ("RetryPolicy", "call_with_retries")

#: The logger of the public module: what it says is looked for there.
logger: Final = logging.getLogger("celery.backends.base")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, and after which pauses, an operation on the store is repeated.

    Args:
        always_retry: Repeat at all (setting ``result_backend_always_retry``).
        max_retries: Repetitions after the first attempt; may be infinite.
        base_sleep_ms: Milliseconds from which the pauses grow, twice as long each time.
        max_sleep_ms: Milliseconds a pause lasts at most.
    """

    always_retry: bool
    max_retries: float
    base_sleep_ms: int
    max_sleep_ms: int

    def pause_s(self, retries: int) -> float:
        """Return the seconds to wait before repetition number `retries`, the first being 0.

        Chosen at random up to the bound, so that many workers do not come back at one moment.
        """
        milliseconds = get_exponential_backoff_interval(
            self.base_sleep_ms, retries, self.max_sleep_ms, True
        )
        return milliseconds / 1000


def call_with_retries(
    operation: Callable[[], T],
    policy: RetryPolicy,
    *,
    name: str,
    is_transient: Callable[[Exception], bool],
    on_retry: Callable[[Exception], object],
    sleep: Callable[[float], object],
    give_up: Callable[[], Exception] | None = None,
) -> T:
    """Return what `operation` returns, calling it again after errors that are transient.

    Args:
        operation: What to do; it must be safe to do twice.
        policy: How often, how fast.
        name: What the log calls the operation.
        is_transient: Whether it makes sense to try again after this exception.
        on_retry: Told the exception before each pause: drop broken connections here.
        sleep: Waits that many seconds.
        give_up: Makes the exception raised, from the last one, when the repetitions are used up;
            without it that is the last one itself.

    Raises:
        Exception: The first that is not transient, or see `give_up`.
    """
    retries = 0
    while True:
        try:
            return operation()
        except Exception as exc:
            if not (policy.always_retry and is_transient(exc)):
                raise
            if retries >= policy.max_retries:
                if give_up is None:
                    raise
                raise give_up() from exc
            on_retry(exc)
            left = policy.max_retries - retries - 1
            logger.warning("Failed operation %s. Retrying %s more times.", name, left, exc_info=exc)
            sleep(policy.pause_s(retries))
            retries += 1
