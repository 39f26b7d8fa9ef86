"""From global options to the app that the command is for."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from typing import Any, Final

import click

from celery._state import get_current_app
from celery.app.utils import find_app

__all__ = ["export", "find"]

#: Global option -> the variable through which it reaches the settings, here and in children.
_VARIABLES: Final = {
    "broker": "CELERY_BROKER_URL",
    "result_backend": "CELERY_RESULT_BACKEND",
    "loader": "CELERY_LOADER",
    "config": "CELERY_CONFIG_MODULE",
}


def export(options: Mapping[str, Any]) -> None:
    """Put global options where the app, not imported yet, and child processes look for them."""
    for option, variable in _VARIABLES.items():
        if options[option]:
            os.environ[variable] = options[option]
    if options["skip_checks"]:
        os.environ["CELERY_SKIP_CHECKS"] = "true"
    if options["workdir"]:
        os.chdir(options["workdir"])
        sys.path.insert(0, os.getcwd())


def find(name: str | None) -> Any:
    """The app that ``-A`` names; without a name the current one, or one made on the spot.

    Raises:
        click.UsageError: there is no such app, or its module cannot be imported; that error is
            shown with its traceback.
    """
    if not name:
        return get_current_app()
    try:
        app = find_app(name)
    except ModuleNotFoundError as exc:
        module = name.partition(":")[0]
        if exc.name is not None and f"{module}.".startswith(f"{exc.name}."):
            raise _unloadable(f"There is no module {exc.name!r}.") from exc
        raise _unloadable(traceback.format_exc()) from exc
    except AttributeError as exc:
        if _while_importing(exc):
            raise _unloadable(traceback.format_exc()) from exc
        raise _unloadable(str(exc)) from exc
    except Exception as exc:
        raise _unloadable(traceback.format_exc()) from exc
    if isinstance(app, type) or not callable(getattr(app, "send_task", None)):
        raise _unloadable(f"{name!r} is {app!r}, which is no Celery application.")
    app.set_current()
    app.set_default()
    return app


def _while_importing(exc: Exception) -> bool:
    """Whether a module's own code has raised it, rather than the search for an app in it."""
    return any(frame.name == "<module>" for frame in traceback.extract_tb(exc.__traceback__))


def _unloadable(reason: str) -> click.UsageError:
    return click.UsageError(f"Unable to load celery application.\n{reason}")
