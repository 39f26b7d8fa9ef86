"""The one place that knows about tracebacks: exceptions as values that travel and can be kept."""

from __future__ import annotations

import sys
from types import TracebackType

from billiard.einfo import ExceptionInfo

from celery.utils.serialization import get_pickleable_exception, get_pickleable_etype

__all__ = ["capture", "release_frames"]


def capture(exc: BaseException) -> ExceptionInfo:
    """The exception with its traceback as text, safe to pickle.

    An exception whose ``__repr__`` or ``__str__`` raises is captured all the same.
    """
    einfo = ExceptionInfo((type(exc), exc, exc.__traceback__))
    einfo.exception = get_pickleable_exception(einfo.exception)
    einfo.type = get_pickleable_etype(einfo.type)
    return einfo


def release_frames(traceback: TracebackType | None) -> None:
    """Forget the local variables of a traceback's finished frames.

    What a failed task held on to is free at once, instead of when the traceback is collected.
    """
    current = sys._getframe()
    running = set()
    frame = current
    while frame is not None:
        running.add(frame)
        frame = frame.f_back  # type: ignore[assignment]  # the loop ends at None
    while traceback is not None:
        if traceback.tb_frame not in running:
            traceback.tb_frame.clear()
        traceback = traceback.tb_next
