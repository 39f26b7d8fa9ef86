"""Distributed task queue.

Everything documented can be imported from here.  The names are found when they are first used,
so that ``import celery`` alone costs next to nothing; nothing inside the package imports them from
here.
"""

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from celery._patching import maybe_patch_concurrency
from celery._version import __version__

if TYPE_CHECKING:
    from celery.app import bugreport, shared_task
    from celery.app.base import Celery
    from celery.app.task import Task
    from celery.canvas import (
        Signature,
        chain,
        chord,
        chunks,
        group,
        maybe_signature,
        signature,
        subtask,
        xmap,
        xstarmap,
    )
    from celery.utils import uuid

    current_app: Celery
    current_task: Task

__all__ = (
    "SERIES",
    "VERSION",
    "VERSION_BANNER",
    "Celery",
    "Signature",
    "Task",
    "__version__",
    "bugreport",
    "chain",
    "chord",
    "chunks",
    "current_app",
    "current_task",
    "group",
    "maybe_patch_concurrency",
    "maybe_signature",
    "shared_task",
    "signature",
    "subtask",
    "uuid",
    "version_info",
    "version_info_t",
    "xmap",
    "xstarmap",
)

__author__ = "The contributors to this project"
__contact__ = ""
__homepage__ = ""
__docformat__ = "restructuredtext"

#: Name of the release series.
SERIES: Final = "rhizome"


class version_info_t(NamedTuple):
    """A version, to be compared: ``celery.VERSION >= (5, 3)``."""

    major: int
    minor: int
    micro: int
    releaselevel: str
    serial: str


def _parse_version(version: str) -> version_info_t:
    """Split ``"5.8.0rc1"`` into its parts."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)(.*)", version)
    if found is None:
        raise ValueError(f"not a version: {version!r}")
    major, minor, micro, rest = found.groups()
    return version_info_t(int(major), int(minor), int(micro), rest, "")


VERSION: Final = _parse_version(__version__)
version_info: Final = VERSION
VERSION_BANNER: Final = f"{__version__} ({SERIES})"

#: Name -> the module it lives in.
_ORIGINS: Final = {
    "Celery": "celery.app.base",
    "Signature": "celery.canvas",
    "Task": "celery.app.task",
    "bugreport": "celery.app",
    "chain": "celery.canvas",
    "chord": "celery.canvas",
    "chunks": "celery.canvas",
    "current_app": "celery._state",
    "current_task": "celery._state",
    "group": "celery.canvas",
    "maybe_signature": "celery.canvas",
    "shared_task": "celery.app",
    "signature": "celery.canvas",
    "subtask": "celery.canvas",
    "uuid": "celery.utils",
    "xmap": "celery.canvas",
    "xstarmap": "celery.canvas",
}

#: Modules that may be used as attributes without being imported first.
_SUBMODULES: Final = frozenset(
    {
        "canvas",
        "exceptions",
        "execute",
        "local",
        "log",
        "messaging",
        "registry",
        "result",
        "schedules",
        "signals",
        "states",
        "utils",
    }
)


def __getattr__(name: str) -> Any:
    if name in _ORIGINS:
        value = globals()[name] = getattr(import_module(_ORIGINS[name]), name)
        return value
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ORIGINS, *_SUBMODULES})
