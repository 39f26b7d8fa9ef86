"""``celery purge``: delete what waits in the queues."""

from __future__ import annotations

from collections.abc import Sequence

import click

from celery.bin.base import (
    COMMA_SEPARATED_LIST,
    CeleryCommand,
    broker_needed,
    handle_preload_options,
    options_under,
)
from celery.utils.text import pluralize

__all__ = ["purge"]

_option = options_under("Purging Options")


@click.command(cls=CeleryCommand)
@_option("-f", "--force", is_flag=True, help="Do not ask first.")
@_option(
    "-Q",
    "--queues",
    type=COMMA_SEPARATED_LIST,
    help="Only these queues.",
)
@_option(
    "-X",
    "--exclude-queues",
    type=COMMA_SEPARATED_LIST,
    help="Not these queues.",
)
@click.pass_context
@handle_preload_options
def purge(
    ctx: click.Context,
    force: bool,
    queues: Sequence[str] | None,
    exclude_queues: Sequence[str] | None,
) -> None:
    """Delete all messages that wait in the app's queues.

    They are gone for good. What workers have received already is not affected.
    """
    app, say = ctx.obj.app, ctx.obj
    names = sorted(set(queues or app.amqp.queues) - set(exclude_queues or ()))
    if not names:
        say.echo("No queues to purge.")
        return
    noun = pluralize(len(names), "queue")
    if not force:
        warning = say.style("WARNING", fg="red", bold=True)
        say.echo(f"{warning}: all tasks waiting in the {noun} {', '.join(names)} will be deleted.")
        say.echo("This cannot be undone. (-f skips this question.)")
        click.confirm("Are you sure you want to delete all tasks?", abort=True)
    with broker_needed(app):
        broker = app.broker_for_write()
        purged = sum(broker.purge(name) for name in names)
    if purged:
        messages = f"{purged} {pluralize(purged, 'message')}"
        say.echo(f"Purged {messages} from {len(names)} known task {noun}.")
    else:
        say.echo(f"No messages purged from {len(names)} {noun}.")
