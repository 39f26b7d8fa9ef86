"""``celery shell``: Python with the app and its tasks at hand."""

from __future__ import annotations

import code
import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import click

from celery import canvas
from celery._patching import maybe_patch_concurrency
from celery.bin.base import CeleryCommand, handle_preload_options, options_under
from celery.exceptions import CeleryCommandException
from celery.platforms import EX_FAILURE

__all__ = ["shell"]

_option = options_under("Shell Options")
_CANVAS: Final = (
    "chain",
    "chord",
    "chunks",
    "group",
    "signature",
    "subtask",
    "xmap",
    "xstarmap",
)


def _flag(*names: str, text: str) -> Callable[..., Any]:
    return _option(*names, is_flag=True, help=text)


@click.command(cls=CeleryCommand)
@_flag("-I", "--ipython", text="Use IPython.")
@_flag("-B", "--bpython", text="Use bpython.")
@_flag("--python", text="Use Python's own prompt.")
@_flag("-T", "--without-tasks", text="Leave out the names of the tasks.")
@_flag("--eventlet", text="Patch the standard library with eventlet.")
@_flag("--gevent", text="Patch the standard library with gevent.")
@click.pass_context
@handle_preload_options
def shell(
    ctx: click.Context,
    ipython: bool,
    bpython: bool,
    python: bool,
    without_tasks: bool,
    eventlet: bool,
    gevent: bool,
) -> None:
    """Start Python with these names: `app` and `celery`, the application; `Task`, `signature`,
    `chain`, `group`, `chord`, `chunks`, `xmap`, `xstarmap`, `subtask`; and every task.

    Without an option it is IPython or bpython where installed, else Python's own prompt.
    """
    app = ctx.obj.app
    sys.path.insert(0, os.getcwd())
    for library, wanted in (("eventlet", eventlet), ("gevent", gevent)):
        if wanted:
            _patch(library)
    app.loader.import_default_modules()
    names = _names(app, with_tasks=not without_tasks)
    if ipython:
        _ipython(names)
    elif bpython:
        _bpython(names)
    elif python:
        _python(names)
    else:
        _best(names)


def _names(app: Any, *, with_tasks: bool) -> dict[str, Any]:
    names = {"app": app, "celery": app, "Task": app.Task}
    names.update((name, getattr(canvas, name)) for name in _CANVAS)
    if with_tasks:
        tasks = ((name.rpartition(".")[2], task) for name, task in app.tasks.items())
        own = {short: task for short, task in tasks if not task.name.startswith("celery.")}
        names = {**own, **names}
    return names


def _patch(library: str) -> None:
    try:
        maybe_patch_concurrency(["--pool", library])
    except ImportError as exc:
        raise CeleryCommandException(f"--{library} cannot be used: {exc}", EX_FAILURE) from exc


def _best(names: dict[str, Any]) -> None:
    for module, start in (("IPython", _ipython), ("bpython", _bpython)):
        if find_spec(module) is not None:
            start(names)
            return
    _python(names)


def _ipython(names: dict[str, Any]) -> None:
    _module("IPython").start_ipython(argv=[], user_ns=names)


def _bpython(names: dict[str, Any]) -> None:
    _module("bpython").embed(locals_=names)


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as exc:
        raise CeleryCommandException(f"{name} cannot be used: {exc}", EX_FAILURE) from exc


def _python(names: dict[str, Any]) -> None:
    if sys.stdin.isatty() and find_spec("readline") is not None:
        completer = import_module("rlcompleter").Completer(names)
        readline = import_module("readline")
        readline.set_completer(completer.complete)
        readline.parse_and_bind("tab: complete")
    code.interact(local=names)
