"""``celery call``: send a task by name."""

from __future__ import annotations

from typing import Any

import click

from celery.bin.base import (
    ISO8601,
    ISO8601_OR_FLOAT,
    JSON_ARRAY,
    JSON_OBJECT,
    CeleryCommand,
    broker_needed,
    handle_preload_options,
    options_under,
)

__all__ = ["call"]

_calling_option = options_under("Calling Options")
_routing_option = options_under("Routing Options")


@click.command(cls=CeleryCommand)
@click.argument("name")
@_calling_option(
    "-a",
    "--args",
    type=JSON_ARRAY,
    default="[]",
    help="Positional arguments.",
)
@_calling_option(
    "-k",
    "--kwargs",
    type=JSON_OBJECT,
    default="{}",
    help="Keyword arguments.",
)
@_calling_option(
    "--eta",
    type=ISO8601,
    help="When to run it.",
)
@_calling_option(
    "--countdown",
    type=float,
    help="In how many seconds to run it.",
)
@_calling_option(
    "--expires",
    type=ISO8601_OR_FLOAT,
    help="When, or in how many seconds, it is not to be run any more.",
)
@_calling_option(
    "--serializer",
    default="json",
    show_default=True,
    help="Serializer of the arguments.",
)
@_routing_option("--queue", help="Queue to send it to.")
@_routing_option("--exchange", help="Exchange to send it to.")
@_routing_option("--routing-key", help="Its routing key.")
@click.pass_context
@handle_preload_options
def call(ctx: click.Context, name: str, **options: Any) -> None:
    """Send the task NAME and print its id.

    The task need not be known here: it is the worker that must know it.
    """
    app = ctx.obj.app
    with broker_needed(app):
        sent = app.send_task(name, **options)
    ctx.obj.echo(sent.id)
