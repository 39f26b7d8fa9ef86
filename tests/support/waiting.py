"""Waiting for a condition, with a deadline instead of a guess."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL_S = 0.01


def wait_until(
    condition: Callable[[], T], timeout: float = 10.0, what: str | Callable[[], str] = ""
) -> T:
    """Return what the condition returns, as soon as that is true.

    Args:
        condition: called again and again.
        timeout: seconds after which to give up.
        what: what is waited for, for the message; called when time is up, if it can be.

    Raises:
        AssertionError: it did not become true in time.
    """
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            reason = what() if callable(what) else what or condition
            raise AssertionError(f"Not within {timeout} seconds: {reason}")
        time.sleep(INTERVAL_S)
    return value
