"""What becomes of a message when its task has ended: one table, pure.

With early acknowledgement the message was acknowledged when the task began, and nothing is left to
decide.  With late acknowledgement (``acks_late``):

==================  ==========================================================================
end                 verdict
==================  ==========================================================================
succeeded, retried  acknowledge (a retry has published its own message before)
ignored, revoked    acknowledge
failed              acknowledge; reject if not ``acks_on_failure``
timed out           acknowledge; requeue if not ``acks_on_timeout``
lost                run it again: as a counted retry if ``retry_on_worker_lost``, by requeueing
                    if ``reject_on_worker_lost``; else like failed
rejected            reject or requeue, as the task said
cancelled           nothing: the message stays leased, and goes back when the worker stops
==================  ==========================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import assert_never

__all__ = ["AckPolicy", "End", "Verdict", "verdict"]


class End(Enum):
    """How a task ended, as far as its message is concerned."""

    SUCCEEDED = "succeeded"
    RETRIED = "retried"
    IGNORED = "ignored"
    REVOKED = "revoked"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    LOST = "lost"
    REJECTED = "rejected"
    REQUEUED = "requeued"
    CANCELLED = "cancelled"


class Verdict(Enum):
    """What to do with the message."""

    NOTHING = "nothing"
    ACK = "ack"
    REJECT = "reject"
    REQUEUE = "requeue"
    RETRY = "retry"


@dataclass(frozen=True, slots=True, kw_only=True)
class AckPolicy:
    """A task's options about its message; the fields are the task options of these names."""

    late: bool = False
    on_failure: bool = True
    on_timeout: bool = True
    reject_on_worker_lost: bool = False
    retry_on_worker_lost: bool = False

    @classmethod
    def of(cls, task: object) -> AckPolicy:
        """Read the options of a task; an unset one follows ``acks_on_failure_or_timeout``."""

        def option(name: str, default: bool) -> bool:
            value = getattr(task, name, None)
            return default if value is None else bool(value)

        both = option("acks_on_failure_or_timeout", True)
        return cls(
            late=option("acks_late", False),
            on_failure=option("acks_on_failure", both),
            on_timeout=option("acks_on_timeout", both),
            reject_on_worker_lost=option("reject_on_worker_lost", False),
            retry_on_worker_lost=option("retry_on_worker_lost", False),
        )


def verdict(end: End, policy: AckPolicy) -> Verdict:  # noqa: C901  # a table reads best as one
    """Look the table up."""
    if not policy.late:
        return Verdict.RETRY if _resend(end, policy) else Verdict.NOTHING
    match end:
        case End.SUCCEEDED | End.RETRIED | End.IGNORED | End.REVOKED:
            return Verdict.ACK
        case End.FAILED:
            return Verdict.ACK if policy.on_failure else Verdict.REJECT
        case End.TIMED_OUT:
            return Verdict.ACK if policy.on_timeout else Verdict.REQUEUE
        case End.LOST:
            if policy.retry_on_worker_lost:
                return Verdict.RETRY
            if policy.reject_on_worker_lost:
                return Verdict.REQUEUE
            return Verdict.ACK if policy.on_failure else Verdict.REJECT
        case End.REJECTED:
            return Verdict.REJECT
        case End.REQUEUED:
            return Verdict.REQUEUE
        case End.CANCELLED:
            return Verdict.NOTHING
        case _:
            assert_never(end)


def _resend(end: End, policy: AckPolicy) -> bool:
    """Whether an early-acknowledged task is sent anew: its process died and it may be retried."""
    return end is End.LOST and policy.retry_on_worker_lost
