"""The one socket through which every process of a pool gets its jobs.

It is a pair of local sockets that keep message boundaries.  The pool writes at one end and never
blocks; all processes wait in ``recv`` at the other end, and the kernel hands each message to
exactly one of them, in order.  A message that is too large for the socket goes to a file without
a name, of which the descriptor is sent.
"""

import errno
import os
import socket
import struct
import sys
import tempfile
from array import array
from typing import Final, NamedTuple

from celery.concurrency._prefork.protocol import MESSAGE_HEADER, MessageKind, encode_message

__all__ = ("JobReceiver", "JobSocket", "Message")

#: A longer message goes by file: with the smallest socket buffers in use (8 KiB on macOS for
#: datagrams is raised below) several of this length still fit.
INLINE_LIMIT: Final = 32 * 1024

#: The room for messages that wait in the socket, in bytes.
SOCKET_BUFFER: Final = 512 * 1024

#: How often a process looks whether the pool is gone, where that is necessary, in seconds.
LOOK_TIME: Final = 2

#: Out of room or of descriptors for the moment: the same send works later.
_TRY_LATER: Final = frozenset(
    {errno.ENOBUFS, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETOOMANYREFS}
)

_DESCRIPTOR_SIZE: Final = array("i").itemsize

#: Linux has local sockets that keep boundaries and tell the end; macOS has datagrams only, which
#: do not tell the end, so that a process there looks now and then whether the pool is gone.
SOCKET_TYPE: Final = socket.SOCK_DGRAM if sys.platform == "darwin" else socket.SOCK_SEQPACKET


class Message(NamedTuple):
    """One message as a process receives it."""

    kind: int
    sequence: int
    body: bytes | memoryview


class JobSocket:
    """The pool's side."""

    def __init__(self) -> None:
        #: The pool's end; a process that has inherited it closes it, to see when the pool is gone.
        self.pool_end, self.receiving = socket.socketpair(socket.AF_UNIX, SOCKET_TYPE)
        self.pool_end.setblocking(False)
        if SOCKET_TYPE is socket.SOCK_DGRAM:
            self.receiving.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", LOOK_TIME, 0)
            )
        self.pool_end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)

    def fileno(self) -> int:
        """The descriptor to watch for room."""
        return self.pool_end.fileno()

    def send(self, kind: int, sequence: int, body: bytes) -> bool:
        """Send one message.

        Raises:
            BlockingIOError: There is no room; the descriptor becomes writable when there is.
            OSError: The socket is closed.

        Returns:
            Whether it was sent.  False: the system is short of something that no event tells the
            end of; try again in a while.
        """
        try:
            if len(body) <= INLINE_LIMIT:
                self.pool_end.send(encode_message(kind, sequence, body))
            else:
                self._send_by_file(sequence, body)
        except OSError as exc:
            if exc.errno in _TRY_LATER:
                return False
            raise
        return True

    def _send_by_file(self, sequence: int, body: bytes) -> None:
        descriptor = _anonymous_file()
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(body)
            socket.send_fds(
                self.pool_end,
                [encode_message(MessageKind.JOB_IN_FILE, sequence, b"")],
                [descriptor],
            )
        finally:
            os.close(descriptor)

    def oldest(self) -> int | None:
        """The sequence number of the first message that no process has taken, if there is one."""
        try:
            head = self.receiving.recv(MESSAGE_HEADER.size, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        sequence: int = MESSAGE_HEADER.unpack_from(head)[1]
        return sequence

    def close(self) -> None:
        """Close both ends: processes that wait see the end.  Safe twice."""
        self.pool_end.close()
        self.receiving.close()


class JobReceiver:
    """A process's side of the socket.

    Args:
        receiving: the end that all processes share.
        reports: the stream of this process, which ends when the pool is gone.
    """

    def __init__(self, receiving: socket.socket, reports: socket.socket) -> None:
        self._socket = receiving
        self._reports = reports
        self._buffer = memoryview(bytearray(MESSAGE_HEADER.size + INLINE_LIMIT))
        self._ancillary_size = socket.CMSG_SPACE(_DESCRIPTOR_SIZE)

    def receive(self) -> Message | None:
        """Wait for the next message; None when the pool is gone.

        The body is valid until the next call.
        """
        length = 0
        while not length:
            try:
                length, ancillary, _, _ = self._socket.recvmsg_into(
                    [self._buffer], self._ancillary_size
                )
            except ConnectionResetError:
                return None
            except BlockingIOError:
                if self._pool_is_gone():
                    return None
            else:
                if not length:
                    return None
        kind, sequence = MESSAGE_HEADER.unpack_from(self._buffer)
        if kind == MessageKind.JOB_IN_FILE:
            descriptors = array("i", ancillary[0][2][:_DESCRIPTOR_SIZE])
            return Message(kind, sequence, _read_all(descriptors[0]))
        return Message(kind, sequence, self._buffer[MESSAGE_HEADER.size : length])

    def _pool_is_gone(self) -> bool:
        try:
            return not self._reports.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True


def _anonymous_file() -> int:
    """Return the descriptor of a new file without a name, in memory where the system can."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("celery-job")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _read_all(descriptor: int) -> bytes:
    """Return what the file holds, and close it."""
    with open(descriptor, "rb") as file:
        file.seek(0)
        return file.read()
