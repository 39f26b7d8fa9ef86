"""A debugger for code without a terminal, such as tasks: pdb on a socket.

Write in the task::

    from celery.contrib import rdb

    @app.task
    def add(x, y):
        result = x + y
        rdb.set_trace()
        return result

and connect with ``telnet`` to the address that the worker prints. The debugger waits for one
client; when the client continues, quits or goes away, the task goes on.

Whoever connects can do anything that the process may: the default is an address of this machine
only. With `CELERY_RDBSIG` in the environment of a worker, the signal SIGUSR2 starts the debugger
in the code that is running.

Environment:
    CELERY_RDB_HOST: address to listen on, by default 127.0.0.1.
    CELERY_RDB_PORT: first port to try, by default 6899; each process of a pool starts at another.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from contextlib import suppress
from pdb import Pdb
from types import FrameType, TracebackType
from typing import Any, Final, TextIO

from billiard.process import current_process

__all__ = (
    "CELERY_RDB_HOST",
    "CELERY_RDB_PORT",
    "DEFAULT_PORT",
    "Rdb",
    "debugger",
    "set_trace",
)

DEFAULT_PORT: Final = 6899
CELERY_RDB_HOST: Final = os.environ.get("CELERY_RDB_HOST") or "127.0.0.1"
CELERY_RDB_PORT: Final = int(os.environ.get("CELERY_RDB_PORT") or DEFAULT_PORT)


class Rdb(Pdb):
    """A pdb whose terminal is the client of a socket; making one waits for that client.

    Args:
        host: address to listen on.
        port: first port to try.
        port_search_limit: how many ports to try.
        port_skew: added to `port`; the number of the pool's process is added besides.
        out: where to say what to connect to.

    Raises:
        OSError: the address cannot be listened on, or all of the ports are in use.
    """

    me = "Remote Debugger"

    def __init__(
        self,
        host: str = CELERY_RDB_HOST,
        port: int = CELERY_RDB_PORT,
        port_search_limit: int = 100,
        port_skew: int = 0,
        out: TextIO | None = None,
    ) -> None:
        self.out = out if out is not None else sys.stdout
        self.active = True
        first = port + port_skew + _pool_index()
        with _listen(host, first, port_search_limit) as server:
            self.host, self.port = server.getsockname()[:2]
            self.ident = f"{self.me}:{self.port}"
            self.say(
                f"{self.ident}: Ready to connect: telnet {self.host} {self.port}\n\n"
                "Type `exit` in session to continue.\n\n"
                f"{self.ident}: Waiting for client...\n"
            )
            self._client, address = server.accept()
        self.remote_addr = ":".join(str(part) for part in address[:2])
        self._stream = self._client.makefile("rw", encoding="utf-8", errors="replace")
        self.say(f"{self.ident}: Now in session with {self.remote_addr}.")
        super().__init__(stdin=self._stream, stdout=self._stream, nosigint=True)

    def __enter__(self) -> Rdb:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close_session()

    def say(self, m: str) -> None:
        """Print to `out`, the worker's own output."""
        self.out.write(f"{m}\n")
        self.out.flush()

    def set_trace(self, frame: FrameType | None = None) -> None:
        """Stop at `frame`, or where this was called."""
        super().set_trace(frame or sys._getframe().f_back)

    def interaction(self, *args: Any) -> None:
        """Let the client give commands; one that has gone away means to go on."""
        try:
            super().interaction(*args)
        except OSError:
            self.do_quit("")

    def do_continue(self, arg: str) -> bool:
        """Go on to the next breakpoint; without one the session ends."""
        if not self.breaks:
            self._close_session()
        self.set_continue()
        return True

    do_c = do_cont = do_continue

    def do_quit(self, arg: str) -> bool:
        """End the session and go on: leaving the debugger does not end the task."""
        self._close_session()
        self.set_quit()
        return True

    do_q = do_exit = do_EOF = do_quit

    def set_quit(self) -> None:
        """Stop tracing. The one of `bdb` would raise `BdbQuit` in the code that is debugged."""
        self.clear_all_breaks()
        self.set_continue()

    def _close_session(self) -> None:
        if not self.active:
            return
        self.active = False
        for end in (self._stream, self._client):
            with suppress(OSError):  # of what could not be sent to a client that has gone
                end.close()
        self.say(f"{self.ident}: Session with {self.remote_addr} ended.")


def _pool_index() -> int:
    """Number of this process in its pool, 0 if it is in none."""
    return getattr(current_process(), "index", None) or 0


def _listen(host: str, first: int, limit: int) -> socket.socket:
    """Listen on the first free port."""
    for port in range(first, first + limit):
        try:
            return socket.create_server((host, port), backlog=1)
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE:
                raise
    raise OSError(
        f"{Rdb.me}: the ports {first} to {first + limit - 1} of {host} are all in use; choose "
        "another with CELERY_RDB_PORT"
    )


_current: Rdb | None = None


def debugger() -> Rdb:
    """Return the debugger in session; wait for a client if there is none."""
    global _current
    if _current is None or not _current.active:
        _current = Rdb()
    return _current


def set_trace(frame: FrameType | None = None) -> None:
    """Start the debugger at `frame`, or where this was called; waits for a client."""
    debugger().set_trace(frame or sys._getframe().f_back)
