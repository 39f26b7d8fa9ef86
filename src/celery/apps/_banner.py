"""What a worker prints when it starts."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from celery._version import __version__
from celery.app.utils import sanitize_url

__all__ = ["banner", "task_list"]

LOGO = (
    " --------------",
    "--- ***** -----",
    "-- ******* ----",
    "- *** --- * ---",
    "- ** ----------",
    "- ** ----------",
    "- ** ----------",
    "- ** ----------",
    "- *** --- * ---",
    "-- ******* ----",
    "--- ***** -----",
    " --------------",
)
#: Columns of the logo.
WIDTH = 16


def banner(worker: Any) -> str:
    """The worker's name, where it is connected to, how it runs, and its queues."""
    app = worker.app
    lines = [
        f"{worker.hostname} v{__version__}",
        "",
        f"{platform.platform()} {datetime.now():%Y-%m-%d %H:%M:%S}",
        "",
        "[config]",
        f".> app:         {app.main or '__main__'}:{id(app):#x}",
        f".> transport:   {app.broker_for_read().as_uri()}",
        f".> results:     {_results(app)}",
        f".> concurrency: {_concurrency(worker)}",
        f".> task events: {_events(worker)}",
        "",
        "[queues]",
    ]
    drawn = [f"{left:<{WIDTH}}{line}".rstrip() for left, line in zip(LOGO, lines, strict=True)]
    queues = app.amqp.queues.format(indent=WIDTH - 1, indent_first=True)
    return "\n".join(["", *drawn, queues, ""])


def _results(app: Any) -> str:
    backend = app.backend
    uri = backend.as_uri()
    return str(sanitize_url(uri)) if "@" in uri else str(uri)


def _concurrency(worker: Any) -> str:
    pool = worker.pool_cls
    name = pool if isinstance(pool, str) else f"{pool.__module__}:{pool.__name__}"
    alias = name.rpartition(".")[2].partition(":")[0] if ":" in name else name
    amount = str(worker.concurrency)
    if worker.autoscale:
        most, least = worker.autoscale
        amount = f"{{min={least}, max={most}}}"
    return f"{amount} ({alias})"


def _events(worker: Any) -> str:
    if worker.task_events:
        return "ON"
    return "OFF (enable -E to monitor tasks in this worker)"


def task_list(tasks: Iterable[str], *, include_builtins: bool) -> str:
    """The names of the registered tasks."""
    names = sorted(name for name in tasks if include_builtins or not name.startswith("celery."))
    return "\n".join(["[tasks]", *(f"  . {name}" for name in names), ""])
