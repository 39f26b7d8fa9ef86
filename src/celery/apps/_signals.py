"""The signals of the worker program.

======  ==========================================================================
TERM    warm shutdown (``REMAP_SIGTERM=SIGQUIT`` in the environment: as QUIT)
INT     the first time warm, then as QUIT
QUIT    cold shutdown; again: stop waiting; again: exit now
HUP     start anew in the same process (not at a terminal, not on macOS)
USR1    log a stack dump of all threads
USR2    remote debugger, with ``CELERY_RDBSIG`` in the environment
======  ==========================================================================

A handler notes what is asked for, tells the person at the terminal, and returns; the worker's
loop does the rest.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from celery import signals
from celery.exceptions import WorkerTerminate
from celery.platforms import EX_FAILURE, IS_macOS, close_open_fds, isatty, signal_name
from celery.platforms import signals as handlers
from celery.utils.debug import cry
from celery.utils.log import get_logger, in_sighandler, set_in_sighandler
from celery.worker._shutdown import Cause, Reaction

__all__ = ["install", "restart", "restore"]

logger = get_logger("celery.apps.worker")

Handler = Callable[[int, Any], None]

#: Signals whose handlers `install` replaces, and `restore` puts back.
NAMES = ("TERM", "INT", "QUIT", "HUP", "USR1", "USR2")

HINT = "worker: Hitting Ctrl+C again will {0}, terminating all running tasks!"
_NEXT = {
    Reaction.WARM_ARMED: HINT.format("initiate cold shutdown"),
    Reaction.COLD: HINT.format("terminate all running tasks").replace(
        ", terminating all running tasks!", "!"
    ),
    Reaction.WAITING: "Waiting gracefully for cold shutdown to complete...",
}


def install(worker: Any) -> dict[str, Any]:
    """Install the worker's handlers; returns what they replace, for `restore`."""
    previous = {name: handlers[name] for name in NAMES if handlers.supported(name)}
    term = Cause.QUIT if os.environ.get("REMAP_SIGTERM") == "SIGQUIT" else Cause.TERM
    handlers["TERM"] = _shutdown(worker, term)
    handlers["INT"] = _shutdown(worker, Cause.INT)
    handlers["QUIT"] = _shutdown(worker, Cause.QUIT)
    handlers["USR1"] = _on_cry
    if IS_macOS or isatty(sys.stdin):
        handlers["HUP"] = _ignore_hangup if not isatty(sys.stdin) else previous.get("HUP")
    else:
        handlers["HUP"] = _on_restart(worker)
    if os.environ.get("CELERY_RDBSIG"):
        handlers["USR2"] = _on_debug
    return previous


def restore(previous: dict[str, Any]) -> None:
    """Put back what `install` has replaced."""
    handlers.update(previous)


def _shutdown(worker: Any, cause: Cause) -> Handler:
    def on_signal(signum: int, frame: Any) -> None:
        with in_sighandler():
            reaction = worker.on_signal(cause)
            _announce(worker, reaction, signum)
        if reaction is Reaction.HARD:
            raise WorkerTerminate(EX_FAILURE)

    on_signal.__name__ = f"on_{cause.name.lower()}"
    return on_signal


def _announce(worker: Any, reaction: Reaction, signum: int) -> None:
    """Say on standard error what will happen, and tell the receivers of the signal."""
    if reaction in (Reaction.WAITING, Reaction.HARD):
        _say(worker, _NEXT.get(reaction))
        return
    how = "Cold" if reaction is Reaction.COLD else "Warm"
    _say(worker, f"worker: {how} shutdown (MainProcess)")
    _say(worker, _NEXT.get(reaction))
    signals.worker_shutting_down.send(
        sender=worker.hostname,
        sig=signal_name(signum),
        how=how,
        exitcode=worker.shutdown.exitcode,
    )


def _say(worker: Any, text: str | None) -> None:
    if text and sys.__stderr__ is not None:
        sys.__stderr__.write(f"\n{text}\n")
        sys.__stderr__.flush()


def _on_cry(signum: int, frame: Any) -> None:
    with in_sighandler():
        logger.critical("\n%s", cry())


def _ignore_hangup(signum: int, frame: Any) -> None:
    logger.warning("SIGHUP does not restart the worker on this system: ignored")


def _on_restart(worker: Any) -> Handler:
    def on_hup(signum: int, frame: Any) -> None:
        """Shut down warmly; the program starts anew when that is done."""
        set_in_sighandler(True)
        _say(worker, f"Restarting celery worker ({' '.join(sys.argv)})")
        set_in_sighandler(False)
        worker.restart_wanted = True
        worker.on_signal(Cause.TERM)

    return on_hup


def restart() -> None:
    """Start this very program anew, in place of the process. Does not return."""
    close_open_fds([sys.__stdin__, sys.__stdout__, sys.__stderr__])
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _on_debug(signum: int, frame: Any) -> None:
    import_module("celery.contrib.rdb").set_trace(frame)
