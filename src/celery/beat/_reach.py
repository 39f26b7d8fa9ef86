"""Waiting for the broker, so that what is due is sent late rather than never."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from typing import Any, Final

from kombu.exceptions import OperationalError

from celery.utils.log import get_logger

__all__ = ["reach_broker", "sleep"]

logger = get_logger("celery.beat")

#: Seconds to wait: so many more each time, but not more than ...
_STEP_S: Final = 2.0
_MOST_S: Final = 30.0


def reach_broker(app: Any, pause: Callable[[float], bool]) -> bool:
    """Wait until the broker can be reached; false if that was given up.

    Args:
        app: the application.
        pause: waits for a number of seconds; true to give up.

    Raises:
        OperationalError: it could not be reached, as often as the settings say.
    """
    broker = app.broker_for_write()
    most = app.conf.broker_connection_max_retries
    for attempt in count(1):
        try:
            broker.connect()
            return True
        except broker.connection_errors as exc:
            if most is not None and attempt > most:
                raise OperationalError(str(exc)) from exc
            wait_s = min(attempt * _STEP_S, _MOST_S)
            logger.error("beat: Connection error: %s. Trying again in %s seconds...", exc, wait_s)
        if pause(wait_s):
            break
    return False


def sleep(seconds: float) -> bool:
    """Wait that long; never gives up."""
    time.sleep(seconds)
    return False
