"""Making the standard library cooperative, before anything else is imported.

The eventlet and gevent pools need sockets, locks and the rest of the standard library replaced.
That only works for modules imported later, so the command line is searched for ``-P`` before
the rest of the package is touched.
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Final

from celery._late import late

__all__ = ("find_option", "maybe_patch_concurrency")


def maybe_patch_concurrency(
    argv: Sequence[str] | None = None,
    short_opts: Iterable[str] | None = None,
    long_opts: Iterable[str] | None = None,
    patches: Mapping[str, Callable[[], None]] | None = None,
) -> None:
    """Patch the standard library for the pool the command line asks for, if that needs it.

    Args:
        argv: The command line; ``sys.argv`` if not given.
        short_opts: Options naming the pool, as in ``-P gevent``.
        long_opts: Options naming the pool, as in ``--pool=gevent``.
        patches: Pool -> what to do for it; eventlet and gevent if not given.

    Raises:
        ImportError: The pool's library is not installed.
    """
    pool = find_option(
        sys.argv if argv is None else argv,
        ("-P",) if short_opts is None else short_opts,
        ("--pool",) if long_opts is None else long_opts,
    )
    patch = (_PATCHES if patches is None else patches).get(pool or "")
    if patch is None:
        return
    patch()
    if pool in _PATCHES:
        late("celery.concurrency:get_implementation")(pool)


def find_option(
    argv: Sequence[str], short_opts: Iterable[str], long_opts: Iterable[str]
) -> str | None:
    """Return the value of the first of these options in `argv`, or None.

    >>> find_option(["celery", "worker", "--pool=gevent"], ["-P"], ["--pool"])
    'gevent'
    """
    shorts, longs = tuple(short_opts), tuple(long_opts)
    for at, arg in enumerate(argv):
        if arg in shorts or arg in longs:
            return argv[at + 1] if at + 1 < len(argv) else None
        name, assigned, value = arg.partition("=")
        if assigned and name in longs:
            return value
        if arg[:2] in shorts and not arg.startswith("--"):
            return arg[2:]
    return None


def _patch_eventlet() -> None:
    import_module("eventlet").monkey_patch()
    limit_s = float(os.environ.get("EVENTLET_NOBLOCK", 0))
    if limit_s:
        import_module("eventlet.debug").hub_blocking_detection(limit_s, limit_s)


def _patch_gevent() -> None:
    import_module("gevent.monkey").patch_all()


_PATCHES: Final[Mapping[str, Callable[[], None]]] = {
    "eventlet": _patch_eventlet,
    "gevent": _patch_gevent,
}
