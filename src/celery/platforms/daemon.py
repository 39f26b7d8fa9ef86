"""Leaving the terminal: becoming a process of its own in the background."""

import os
import sys
from collections.abc import Callable
from typing import Any, Final, Self

from celery.platforms._signals import signals
from celery.platforms.pidfile import Pidfile, create_pidlock
from celery.platforms.privileges import maybe_drop_privileges
from celery.platforms.process import close_open_fds, resource

__all__ = ("DaemonContext", "detached")

_WORKDIR: Final = "/"


class DaemonContext:
    """The process becomes a daemon when this is opened; see :func:`detached`.

    Args:
        pidfile: Kept for the signature's sake: take the lock after opening, as the process id
            changes.
        workdir: Directory to change to; the root if not given.
        umask: Mask for the files it creates: a number, or text (octal if it starts with 0).
        fake: Stay in the foreground, for debugging.
        after_chdir: Called when the directory is changed and the mask set: the last chance to
            fail where the user can see it.
        after_forkers: Run what was registered with :func:`os.register_at_fork`.  Python always
            does; kept for the signature's sake.
        **kwargs: Accepted and ignored.
    """

    def __init__(
        self,
        pidfile: str | None = None,
        workdir: str | None = None,
        umask: int | str | None = None,
        fake: bool = False,
        after_chdir: Callable[[], Any] | None = None,
        after_forkers: bool = True,
        **kwargs: Any,
    ) -> None:
        self.workdir = workdir or _WORKDIR
        if isinstance(umask, str):
            umask = int(umask, 8 if umask.startswith("0") else 10)
        self.umask = umask
        self.fake = fake
        self.after_chdir = after_chdir
        self.after_forkers = after_forkers
        self.stdfds = (0, 1, 2)
        self._is_open = False

    def open(self) -> None:
        """Become a daemon: this returns in the daemon, and the calling process exits."""
        if self._is_open:
            return
        self._is_open = True
        if not self.fake:
            self._detach()
        os.chdir(self.workdir)
        if self.umask is not None:
            os.umask(self.umask)
        if self.after_chdir is not None:
            self.after_chdir()
        if not self.fake:
            close_open_fds(self.stdfds)
            for fd in self.stdfds:
                self.redirect_to_null(fd)

    def close(self, *exc_info: Any) -> None:
        """Allow to open again; the process stays what it is."""
        self._is_open = False

    def __enter__(self) -> Self:
        self.open()
        return self

    __exit__ = close

    def _detach(self) -> None:
        """Fork twice: the grandchild has no terminal, and cannot get one."""
        sys.stdout.flush()  # what is buffered would be written by the daemon too, later
        sys.stderr.flush()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                return
        os._exit(0)

    def redirect_to_null(self, fd: int) -> None:
        """Make the descriptor read nothing, and write to nowhere."""
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, fd)
        if null != fd:
            os.close(null)


def detached(
    logfile: str | None = None,
    pidfile: str | None = None,
    uid: str | int | None = None,
    gid: str | int | None = None,
    umask: int | str = 0,
    workdir: str | None = None,
    fake: bool = False,
    **opts: Any,
) -> DaemonContext:
    """Prepare to become a daemon, which happens when the returned context is opened::

        with detached(logfile="/var/log/app.log", pidfile="/var/run/app.pid", uid="nobody"):
            serve()

    Args:
        logfile: Checked to be writable, while somebody can still see the error.
        pidfile: Checked to be free, likewise; the daemon then takes it itself.
        uid: User to become, at once.
        gid: Group to become a member of, at once.
        umask: See :class:`DaemonContext`.
        workdir: Directory to change to; the current one if not given.
        fake: Stay in the foreground, for debugging.
        **opts: Passed on.

    Raises:
        RuntimeError: This system has no daemons.
        SystemExit: `pidfile` is held by a running process.
    """
    if resource is None:
        raise RuntimeError("This platform does not support detach.")
    signals.reset("SIGCLD")  # an inherited handler would reap the children of the daemon
    maybe_drop_privileges(uid=uid, gid=gid)

    def check_files() -> None:
        if logfile:
            with open(logfile, "a"):
                pass
        if pidfile:
            _check_free(pidfile)

    return DaemonContext(
        umask=umask,
        workdir=os.getcwd() if workdir is None else workdir,
        fake=fake,
        after_chdir=check_files,
        **opts,
    )


def _check_free(pidfile: str) -> Pidfile:
    """Take the lock and give it back, so that an error is seen before the terminal is left."""
    lock = create_pidlock(pidfile)
    lock.release()
    return lock
