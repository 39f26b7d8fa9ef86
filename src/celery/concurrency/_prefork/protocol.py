"""What the pool and its processes say to each other, as bytes.

The pool writes *messages* to the job socket, which keeps their boundaries; any process that is
idle receives the next one::

    kind (1 byte) | sequence number (8 bytes) | body

A process writes *reports* to a stream of its own::

    kind (1 byte) | sequence number (8 bytes) | length (8 bytes) | body

Both ends are this package in the same version, of the same user, so bodies are pickles.
"""

import pickle
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

__all__ = (
    "MESSAGE_HEADER",
    "MessageKind",
    "Report",
    "ReportDecoder",
    "ReportKind",
    "decode_call",
    "decode_time",
    "encode_call",
    "encode_generation",
    "encode_message",
    "encode_report",
    "encode_time",
)

MESSAGE_HEADER: Final = struct.Struct("<BQ")
REPORT_HEADER: Final = struct.Struct("<BQQ")
_TIME: Final = struct.Struct("<d")
_GENERATION: Final = struct.Struct("<Q")

PICKLE_PROTOCOL: Final = 5


class MessageKind(IntEnum):
    """What the pool asks for."""

    #: Run the call in the body.
    JOB = 1
    #: Run the call in the file that comes with the message.
    JOB_IN_FILE = 2
    #: Nothing: report that it was accepted.
    PROBE = 3
    #: Leave, if you are of the generation in the body or older; else report that it was accepted.
    LEAVE = 4


class ReportKind(IntEnum):
    """What a process tells."""

    #: Set up, ready to take jobs.
    READY = 1
    #: The message was received; if it is a job, its target is called next.  Body: the time.
    ACCEPTED = 2
    #: The target returned.  Body: the pickled value.
    SUCCEEDED = 3
    #: The target raised.  Body: the pickled ``ExceptionInfo``.
    FAILED = 4
    #: It takes no more messages and exits.  Sequence number: the message that asked for it, or 0.
    LEAVING = 5


def encode_message(kind: int, sequence: int, body: bytes) -> bytes:
    """Return one message for the job socket."""
    return MESSAGE_HEADER.pack(kind, sequence) + body


def encode_call(
    target: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> bytes:
    """Return the body of a job.  Raises what pickling raises."""
    return pickle.dumps((target, args, kwargs), PICKLE_PROTOCOL)


def decode_call(
    body: bytes | memoryview,
) -> tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]:
    """Return target, arguments and keyword arguments from the body of a job."""
    call: tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]] = pickle.loads(body)
    return call


def encode_generation(generation: int) -> bytes:
    """Return the body of `MessageKind.LEAVE`."""
    return _GENERATION.pack(generation)


def decode_generation(body: bytes | memoryview) -> int:
    """Return the generation in the body of `MessageKind.LEAVE`."""
    generation: int = _GENERATION.unpack(body)[0]
    return generation


def encode_report(kind: int, sequence: int = 0, body: bytes = b"") -> bytes:
    """Return one report for the stream."""
    return REPORT_HEADER.pack(kind, sequence, len(body)) + body


def encode_time(time: float) -> bytes:
    """Return the body of `ReportKind.ACCEPTED`: seconds of the monotonic clock, which is shared."""
    return _TIME.pack(time)


def decode_time(body: bytes) -> float:
    """Return the time in the body of `ReportKind.ACCEPTED`."""
    time: float = _TIME.unpack(body)[0]
    return time


class Report(NamedTuple):
    """One report as it came from a process."""

    kind: int
    sequence: int
    body: bytes


class ReportDecoder:
    """Cuts the stream of one process into reports, however its bytes arrive."""

    __slots__ = ("_buffer", "_missing")

    def __init__(self) -> None:
        self._buffer = bytearray()
        #: How long the buffer must be before it is worth a look.
        self._missing = REPORT_HEADER.size

    def feed(self, data: bytes) -> Iterator[Report]:
        """Take the next bytes; yield each report that is complete with them.

        To be exhausted: what is not consumed is lost.
        """
        buffer = self._buffer
        if buffer:
            buffer += data
            if len(buffer) < self._missing:
                return
            data = bytes(buffer)
            buffer.clear()
        size = REPORT_HEADER.size
        start, end = 0, len(data)
        self._missing = size
        while end - start >= size:
            kind, sequence, length = REPORT_HEADER.unpack_from(data, start)
            after = start + size + length
            if after > end:
                self._missing = size + length
                break
            yield Report(kind, sequence, data[start + size : after])
            start = after
        if start < end:
            buffer += data[start:]
