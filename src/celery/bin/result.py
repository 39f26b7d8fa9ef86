"""``celery result``: print what became of a task."""

from __future__ import annotations

from typing import Any

import click

from celery.bin.base import CeleryCommand, handle_preload_options, options_under
from celery.exceptions import CeleryCommandException, NotRegistered
from celery.platforms import EX_FAILURE

__all__ = ["result"]

_option = options_under("Result Options")


@click.command(cls=CeleryCommand)
@click.argument("task_id")
@_option(
    "-t",
    "--task",
    help="Name of the task, if it has a result backend of its own.",
)
@_option(
    "--traceback",
    is_flag=True,
    help="Print the traceback instead; do not wait.",
)
@click.pass_context
@handle_preload_options
def result(ctx: click.Context, task_id: str, task: str | None, traceback: bool) -> None:
    """Print what the task TASK_ID has returned; wait for it if need be."""
    found = _result_class(ctx, task)(task_id)
    ctx.obj.echo(found.traceback if traceback else _value(found))


def _result_class(ctx: click.Context, task: str | None) -> Any:
    app = ctx.obj.app
    if task is None:
        return app.AsyncResult
    app.loader.import_default_modules()
    try:
        return app.tasks[task].AsyncResult
    except NotRegistered:
        known = ", ".join(sorted(app.tasks.keys()))
        raise click.UsageError(f"There is no task {task!r}. Known tasks: {known}", ctx) from None


def _value(found: Any) -> Any:
    """What the task has returned.

    Raises:
        CeleryCommandException: it has failed.
    """
    # Waited for apart: what goes wrong with the waiting is no failure of the task.
    found.get(propagate=False)
    if found.failed():
        error = found.result
        raise CeleryCommandException(
            f"The task has failed with {type(error).__name__}: {error} (see --traceback)",
            EX_FAILURE,
        )
    return found.get()
