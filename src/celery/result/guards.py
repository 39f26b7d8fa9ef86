"""Never wait for a task within a task: both may need the same worker process."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from celery._state import task_join_will_block

__all__ = ("allow_join_result", "assert_will_not_block", "denied_join_result")

E_WOULD_BLOCK: Final = """\
Never call result.get() within a task!

The task would hold its worker process while it waits for one that may need the same process. \
Use a chain, a group or a chord, or a link, to go on with the result; if you know that it cannot \
block, call get(disable_sync_subtasks=False)."""

#: What was said by the caller, here: True is allowed, False denied, None is as the process says.
_allowed: ContextVar[bool | None] = ContextVar("celery_join_allowed", default=None)


def assert_will_not_block() -> None:
    """Raise RuntimeError if waiting for a result here could wait for ever."""
    allowed = _allowed.get()
    if not allowed if allowed is not None else task_join_will_block():
        raise RuntimeError(E_WOULD_BLOCK)


@contextmanager
def allow_join_result() -> Iterator[None]:
    """Allow, within the block, to wait for results in a task."""
    token = _allowed.set(True)
    try:
        yield
    finally:
        _allowed.reset(token)


@contextmanager
def denied_join_result() -> Iterator[None]:
    """Deny, within the block, to wait for results."""
    token = _allowed.set(False)
    try:
        yield
    finally:
        _allowed.reset(token)
