"""Names of the states a task passes through, and which of two states is the more final.

A task is ``PENDING`` until something is known about it; a worker makes it ``RECEIVED`` and, when
asked to track it, ``STARTED``; it ends in one of :data:`READY_STATES`, or goes round through
``RETRY``.  A task may also report states of its own (``"PROGRESS"``): they rank between the ends
and everything that comes before them.
"""

from typing import Final

__all__ = (
    "ALL_STATES",
    "EXCEPTION_STATES",
    "FAILURE",
    "IGNORED",
    "NONE_PRECEDENCE",
    "PENDING",
    "PRECEDENCE",
    "PRECEDENCE_LOOKUP",
    "PROPAGATE_STATES",
    "READY_STATES",
    "RECEIVED",
    "REJECTED",
    "RETRY",
    "REVOKED",
    "STARTED",
    "SUCCESS",
    "UNREADY_STATES",
    "precedence",
    "state",
)

#: Nothing is known: not sent, waiting in a queue, or forgotten.
PENDING: Final = "PENDING"
#: A worker holds the message (seen in events only).
RECEIVED: Final = "RECEIVED"
#: The body is running; stored when ``task_track_started`` is on.
STARTED: Final = "STARTED"
#: The body returned.
SUCCESS: Final = "SUCCESS"
#: The body raised.
FAILURE: Final = "FAILURE"
#: Revoked, terminated or expired.
REVOKED: Final = "REVOKED"
#: The worker refused the message (seen in events only).
REJECTED: Final = "REJECTED"
#: The task will be run again.
RETRY: Final = "RETRY"
#: The task asked for its outcome not to be recorded.
IGNORED: Final = "IGNORED"

#: From the most to the least final.  ``None`` stands for every state not listed.
PRECEDENCE: Final[list[str | None]] = [
    SUCCESS,
    FAILURE,
    None,
    REVOKED,
    STARTED,
    RECEIVED,
    REJECTED,
    RETRY,
    PENDING,
]
PRECEDENCE_LOOKUP: Final[dict[str | None, int]] = {s: rank for rank, s in enumerate(PRECEDENCE)}
NONE_PRECEDENCE: Final[int] = PRECEDENCE_LOOKUP[None]

#: The task has ended.
READY_STATES: Final[frozenset[str]] = frozenset({SUCCESS, FAILURE, REVOKED})
#: The task may still do something.
UNREADY_STATES: Final[frozenset[str]] = frozenset({PENDING, RECEIVED, STARTED, REJECTED, RETRY})
#: The stored result is an exception.
EXCEPTION_STATES: Final[frozenset[str]] = frozenset({RETRY, FAILURE, REVOKED})
#: The stored exception is raised to whoever waits for the result.
PROPAGATE_STATES: Final[frozenset[str]] = frozenset({FAILURE, REVOKED})
#: What a result store may be asked about.
ALL_STATES: Final[frozenset[str]] = frozenset(
    {PENDING, RECEIVED, STARTED, SUCCESS, FAILURE, RETRY, REVOKED}
)


def precedence(state: str | None) -> int:
    """Return how final `state` is: the lower the number, the more final.

    >>> precedence(SUCCESS) < precedence("PROGRESS") < precedence(PENDING)
    True
    """
    return PRECEDENCE_LOOKUP.get(state, NONE_PRECEDENCE)


class state(str):
    """A state that compares by how final it is, while still being its own string.

    >>> state(STARTED) > state(PENDING)
    True
    >>> state("PROGRESS") > state(SUCCESS)
    False
    """

    __slots__ = ()

    def __gt__(self, other: str) -> bool:
        return precedence(self) < precedence(other)

    def __ge__(self, other: str) -> bool:
        return precedence(self) <= precedence(other)

    def __lt__(self, other: str) -> bool:
        return precedence(self) > precedence(other)

    def __le__(self, other: str) -> bool:
        return precedence(self) >= precedence(other)
