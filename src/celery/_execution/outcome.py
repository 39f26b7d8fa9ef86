"""How a task ended: a closed union; every later decision is a match on it.

::

    call --+--> Succeeded            a value came back
           +--> Failed               an exception got out
           +--> Retried              the task asked to be run again, the new message is out
           +--> Ignored              the task wants nothing recorded
           +--> Rejected             the task refuses the message
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from billiard.einfo import ExceptionInfo

from celery import states
from celery.exceptions import Ignore, Reject, Retry

__all__ = ["Failed", "Ignored", "Outcome", "Rejected", "Retried", "Succeeded", "retval_of"]


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The task returned `value`."""

    value: Any
    state = states.SUCCESS


@dataclass(frozen=True, slots=True)
class Failed:
    """The task, or the recording of its result, raised `exc`."""

    exc: Exception
    einfo: ExceptionInfo
    traceback: Any
    state = states.FAILURE


@dataclass(frozen=True, slots=True)
class Retried:
    """The task raised `Retry`: it will run again."""

    exc: Retry
    einfo: ExceptionInfo
    state = states.RETRY


@dataclass(frozen=True, slots=True)
class Ignored:
    """The task raised `Ignore`: its state stays as it is."""

    exc: Ignore
    einfo: ExceptionInfo
    state = states.IGNORED


@dataclass(frozen=True, slots=True)
class Rejected:
    """The task raised `Reject`: the message is refused or requeued."""

    exc: Reject
    einfo: ExceptionInfo
    state = states.REJECTED


Outcome = Succeeded | Failed | Retried | Ignored | Rejected


def retval_of(outcome: Outcome) -> Any:
    """What handlers and signals see as the return value: the value, or the exception."""
    return outcome.value if isinstance(outcome, Succeeded) else outcome.exc
