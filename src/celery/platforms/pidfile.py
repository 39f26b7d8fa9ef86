"""A file with the id of the process that holds it: one program at a time."""

import atexit
import os
import sys
from typing import Final, Self

from celery.platforms.system import EX_CANTCREAT

__all__ = ("LockFailed", "PIDFile", "Pidfile", "create_pidlock")

_FLAGS: Final = os.O_CREAT | os.O_EXCL | os.O_WRONLY
_MODE: Final = 0o644


class LockFailed(Exception):
    """The file exists already, or cannot be created."""


class Pidfile:
    """A lock that is a file with a process id in it; see :func:`create_pidlock`.

    Args:
        path: The file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)

    def acquire(self) -> Self:
        """Create the file.

        Raises:
            LockFailed: It exists, or cannot be created.
        """
        try:
            self.write_pid()
        except OSError as exc:
            raise LockFailed(str(exc)) from exc
        return self

    __enter__ = acquire

    def release(self, *exc_info: object) -> None:
        """Remove the file."""
        self.remove()

    __exit__ = release

    def is_locked(self) -> bool:
        """Say whether the file exists."""
        return os.path.exists(self.path)

    def read_pid(self) -> int | None:
        """Return the process id, or None if there is no file.

        Raises:
            ValueError: Something else stands in the file.
        """
        try:
            with open(self.path) as file:
                line = file.readline()
        except FileNotFoundError:
            return None
        if not line.endswith("\n"):
            raise ValueError(f"Partial or invalid pidfile {self.path}")
        try:
            return int(line)
        except ValueError:
            raise ValueError(f"pidfile {self.path} contents invalid.") from None

    def remove(self) -> None:
        """Remove the file; that it is gone, or not ours to remove, is no error."""
        try:
            os.unlink(self.path)
        except (FileNotFoundError, PermissionError):
            return

    def remove_if_stale(self) -> bool:
        """Remove the file if nobody holds it, and say whether there is none now.

        The own process id counts as nobody: in a container every start may have the same id.
        """
        try:
            pid = self.read_pid()
        except ValueError:
            self._remove_because("Broken pidfile found")
            return True
        if pid is None:
            return True
        if pid == os.getpid() or not _is_alive(pid):
            self._remove_because("Stale pidfile exists")
            return True
        return False

    def _remove_because(self, reason: str) -> None:
        sys.stderr.write(f"{reason} - Removing it.\n")
        self.remove()

    def write_pid(self) -> None:
        """Create the file with the own process id, on disk before this returns.

        Raises:
            FileExistsError: The file exists.
            OSError: It cannot be created.
        """
        fd = os.open(self.path, _FLAGS, _MODE)
        with os.fdopen(fd, "w") as file:
            file.write(f"{os.getpid()}\n")
            file.flush()
            os.fsync(fd)


PIDFile = Pidfile


def _is_alive(pid: int) -> bool:
    """Say whether there is a process `pid`."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def create_pidlock(pidfile: str | os.PathLike[str]) -> Pidfile:
    """Take the lock `pidfile`, to be released when this process exits.

    A file left by a process that no longer exists is replaced.

    Raises:
        SystemExit: The lock is held by a running process, which is said on standard error.
        LockFailed: The file cannot be created.
    """
    lock = Pidfile(pidfile)
    if lock.is_locked() and not lock.remove_if_stale():
        sys.stderr.write(
            f"ERROR: Pidfile ({pidfile}) already exists.\n"
            f"Seems we're already running? (pid: {lock.read_pid()})\n"
        )
        raise SystemExit(EX_CANTCREAT)
    lock.acquire()
    atexit.register(_release_own, lock, os.getpid())
    return lock


def _release_own(lock: Pidfile, owner: int) -> None:
    """Release the lock, unless this is a child of the process that took it."""
    if os.getpid() == owner:
        lock.release()
