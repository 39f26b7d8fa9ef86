"""Where the embedded store lies: the default file, and the file a URL names."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

__all__ = ["default_path", "path_of", "prepare_file"]

#: Names the directory of the default file.
DATA_DIR_VARIABLE = "CELERY_DATA_DIR"

_DEFAULT_DIRECTORY = ".celery"
_DEFAULT_NAME = "celery.sqlite3"


def default_path() -> Path:
    """The file used when no URL names one; broker and result store share it.

    ``$CELERY_DATA_DIR/celery.sqlite3`` if that variable is set, else ``.celery/celery.sqlite3``
    below the current directory. The path is absolute: a later change of directory moves nothing.
    """
    directory = os.environ.get(DATA_DIR_VARIABLE) or _DEFAULT_DIRECTORY
    return Path(directory).expanduser().absolute() / _DEFAULT_NAME


def path_of(url: str | None) -> Path:
    """The file that a ``sqlite://`` URL names.

    ``sqlite://`` and None are the default file, ``sqlite:///name.db`` is relative to the current
    directory, ``sqlite:////var/lib/name.db`` is absolute.

    Raises:
        ValueError: the URL names a host, or a database in memory: only a file can be shared.
    """
    _, _, rest = (url or "").partition("://")
    host, _, path = rest.partition("/")
    if host:
        raise ValueError(
            f"{url!r} names a host; write sqlite:///relative/path or sqlite:////absolute/path"
        )
    if path == ":memory:":
        raise ValueError("an SQLite database in memory cannot be shared; use memory:// instead")
    return Path(unquote(path)).expanduser().absolute() if path else default_path()


def prepare_file(path: Path) -> None:
    """Make the file readable and writable by its owner alone, if it does not exist yet.

    Tasks are code and data of this user: whoever can write the file can start them. Missing
    directories are made with mode 0700, the file with 0600; SQLite gives the files it makes beside
    it the same mode. What exists keeps its mode, so that a file may be shared on purpose.
    """
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
