"""What happens when the connection is lost: how often to try again, and when to give up."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from celery.utils.log import get_logger

if TYPE_CHECKING:
    from celery._settings import Settings

__all__ = ["Patience", "RestartGuard", "connect", "is_out_of_descriptors"]

logger = get_logger("celery.worker.consumer.consumer")

#: The wait before the next announced attempt grows by this many seconds, up to the ceiling.
STEP_S = 2.0
CEILING_S = 30.0
#: Within a wait the broker is tried this often without a word, so that a broker that is back is
#: noticed soon however long it was away.
PROBE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a broker that cannot be reached is waited for.

    Args:
        retry: try again at all.
        max_retries: attempts after the first; None: for ever.
    """

    retry: bool = True
    max_retries: int | None = 100

    @classmethod
    def from_settings(cls, conf: Settings, *, starting: bool) -> Patience:
        """What the settings say for the first connection, or for those after a loss."""
        retry = conf.broker_connection_retry
        if starting and conf.broker_connection_retry_on_startup is not None:
            retry = conf.broker_connection_retry_on_startup
        return cls(retry=bool(retry), max_retries=conf.broker_connection_max_retries)

    def wait(self, attempts: int) -> float | None:
        """Seconds to wait after so many failed attempts; None: give up."""
        if not self.retry:
            return None
        if self.max_retries is not None and attempts > self.max_retries:
            return None
        return min(attempts * STEP_S, CEILING_S)


async def connect(
    attempt: Callable[[], Awaitable[Any]],
    errors: tuple[type[BaseException], ...],
    patience: Patience,
    *,
    url: str,
    sleep: Callable[[float], Awaitable[bool]],
) -> None:
    """Attempt until it succeeds.

    Args:
        attempt: connects.
        errors: what it raises when the broker is not there.
        url: for the log.
        sleep: waits so many seconds; returns True when the worker is to stop instead.

    Raises:
        BaseException: one of `errors`: there is no more patience.
    """
    failures = 0
    while True:
        try:
            await attempt()
        except errors as exc:
            failures += 1
            wait = patience.wait(failures)
            if wait is None or is_out_of_descriptors(exc):
                raise
            _log_failure(url, exc, wait, failures, patience.max_retries)
            if await _wait_probing(attempt, errors, wait, sleep):
                return
        else:
            return


async def _wait_probing(
    attempt: Callable[[], Awaitable[Any]],
    errors: tuple[type[BaseException], ...],
    wait: float,
    sleep: Callable[[float], Awaitable[bool]],
) -> bool:
    """Wait, trying quietly now and then; True if there is nothing more to do."""
    while wait > PROBE_S:
        if await sleep(PROBE_S):
            return True
        wait -= PROBE_S
        try:
            await attempt()
        except errors:
            continue
        return True
    return await sleep(wait)


def _log_failure(
    url: str, exc: BaseException, wait: float, failures: int, limit: int | None
) -> None:
    logger.error(
        "consumer: Cannot connect to %s: %s.\nTrying again in %.2f seconds... (%s/%s)\n",
        url,
        exc,
        wait,
        failures,
        "inf" if limit is None else limit,
    )


def is_out_of_descriptors(exc: BaseException) -> bool:
    """Whether the process has no file descriptors left: trying again cannot help."""
    return isinstance(exc, OSError) and exc.errno == errno.EMFILE


class RestartGuard:
    """Notices a consumer that restarts again and again.

    Args:
        limit: restarts within a second that are still normal.
        clock: seconds.
    """

    def __init__(self, limit: int = 5, clock: Callable[[], float] = monotonic) -> None:
        self.limit = limit
        self.clock = clock
        self._restarts: list[float] = []

    def too_often(self) -> bool:
        """Count a restart; whether there were too many within the last second."""
        now = self.clock()
        self._restarts = [when for when in self._restarts if now - when < 1.0]
        self._restarts.append(now)
        return len(self._restarts) > self.limit
