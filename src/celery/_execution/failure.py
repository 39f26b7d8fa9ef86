"""The one place that knows about tracebacks: exceptions as values that travel and can be kept."""

from __future__ import annotations

import sys
from types import FrameType, TracebackType

from billiard.einfo import ExceptionInfo

from celery.utils.serialization import get_pickleable_etype, get_pickleable_exception

__all__ = ["capture", "release_frames"]


def capture(exc: BaseException) -> ExceptionInfo:
    """The exception with its traceback as text, safe to pickle.

    An exception whose ``__repr__`` or ``__str__`` raises is captured all the same.
    """
    einfo = ExceptionInfo((type(exc), exc, exc.__traceback__))
    einfo.exception = get_pickleable_exception(exc)
    einfo.type = get_pickleable_etype(einfo.type)
    return einfo


def release_frames(traceback: TracebackType | None) -> None:
    """Forget the local variables of a traceback's finished frames.

    What a failed task held on to is free at once, instead of when the traceback is collected.
    """
    running = set()
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        running.add(frame)
        frame = frame.f_back
    while traceback is not None:
        if traceback.tb_frame not in running:
            traceback.tb_frame.clear()
        traceback = traceback.tb_next
