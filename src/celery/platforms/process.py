"""This process: its title, its open files, its terminal, and errors by number."""

import ctypes
import errno
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import current_process
from typing import Any, Final

from celery.local import try_import
from celery.platforms._signals import signals

__all__ = (
    "close_open_fds",
    "fd_by_path",
    "get_errno_name",
    "get_fdmax",
    "ignore_errno",
    "isatty",
    "set_mp_process_title",
    "set_pdeathsig",
    "set_process_title",
    "strargv",
)

resource = try_import("resource")
setproctitle = try_import("setproctitle")

_PR_SET_PDEATHSIG: Final = 1
_FD_MAX: Final = 2048


# -- title


def set_process_title(progname: str, info: str | None = None) -> str:
    """Set what ``ps`` shows, if ``setproctitle`` is installed, and return it.

    >>> set_process_title("celery worker", info="-Q mail")
    '[celery worker] -Q mail'
    """
    title = f"[{progname}]"
    if info:
        title = f"{title} {info}"
    if setproctitle is not None:
        setproctitle.setproctitle(title)
    return title


def set_mp_process_title(
    progname: str, info: str | None = None, hostname: str | None = None
) -> str | None:
    """Set what ``ps`` shows to program, node name and process name, and return it.

    Args:
        progname: The program.
        info: Anything else to be shown.
        hostname: Node name; shown up to its first dot.

    Does nothing if ``NOSETPS`` is set in the environment.
    """
    if os.environ.get("NOSETPS"):
        return None
    if hostname:
        progname = f"{progname}: {hostname.split('.')[0]}"
    return set_process_title(f"{progname}:{current_process().name}", info=info)


def strargv(argv: Sequence[str]) -> str:
    """Return the arguments of a command line as one text, without the program.

    >>> strargv(["celery", "worker", "-l", "INFO"])
    'worker -l INFO'
    """
    return " ".join(argv[1:])


def set_pdeathsig(name: str | int) -> None:
    """Have this process sent the signal `name` when its parent dies (on Linux)."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signals.signum(name)) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")


# -- files


def get_fdmax(default: int | None = None) -> int | None:
    """Return how many files the process may have open, or `default` if there is no limit."""
    if resource is None:
        return default
    limit: int = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return default if limit == resource.RLIM_INFINITY else limit


def close_open_fds(keep: Iterable[Any] | None = None) -> None:
    """Close every file descriptor but those of `keep` (files or descriptors)."""
    kept = sorted(fd for fd in map(_fileno, keep or ()) if fd is not None)
    start = 0
    for fd in [*kept, get_fdmax(_FD_MAX) or _FD_MAX]:
        if start < fd:  # CPython takes closerange(0, 0) to mean all of them
            os.closerange(start, fd)
        start = fd + 1


def _fileno(file: Any) -> int | None:
    """Return the descriptor of a file, or None if it has none."""
    if isinstance(file, int):
        return file
    with suppress(AttributeError, OSError, ValueError):
        return int(file.fileno())
    return None


def fd_by_path(paths: Iterable[str]) -> list[int]:
    """Return the descriptors under which the files `paths` are open in this process."""
    wanted = {_identity(os.stat(path)) for path in paths if os.path.exists(path)}
    found = []
    for fd in range(1, get_fdmax(_FD_MAX) or _FD_MAX):
        with suppress(OSError):
            if _identity(os.fstat(fd)) in wanted:
                found.append(fd)
    return found


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def isatty(file: Any) -> bool:
    """Say whether `file` is a terminal."""
    try:
        return bool(file.isatty())
    except (AttributeError, ValueError):  # not a file, or closed
        return False


# -- errors by number


def get_errno_name(n: int | str) -> int:
    """Return the number of an error, given by name (``"ENOENT"``) or number."""
    return int(getattr(errno, n)) if isinstance(n, str) else n


@contextmanager
def ignore_errno(
    *errnos: int | str, types: tuple[type[BaseException], ...] = (Exception,)
) -> Iterator[None]:
    """Pass over errors with these numbers.

    >>> with ignore_errno("ENOENT"):
    ...     open("/no/such/file")

    Args:
        *errnos: Numbers, or names as in :mod:`errno`.
        types: Classes of the errors to look at.
    """
    ignored = {get_errno_name(n) for n in errnos}
    try:
        yield
    except types as exc:
        if getattr(exc, "errno", None) not in ignored:
            raise
