"""``celery list``: what the broker has."""

from __future__ import annotations

import click

from celery.bin.base import CeleryCommand, broker_needed, handle_preload_options

__all__ = ["bindings", "list_"]

_ROW = "{:<28} {:<28} {}"
_HEADINGS = ("Queue", "Exchange", "Routing Key")


@click.group(name="list")
def list_() -> None:
    """List what the broker has."""


@list_.command(cls=CeleryCommand)
@click.pass_context
@handle_preload_options
def bindings(ctx: click.Context) -> None:
    """List the bindings of queues to exchanges.

    The app's own queues are declared first. Brokers that cannot be asked for the others, such as
    RabbitMQ, only list those.
    """
    app = ctx.obj.app
    with broker_needed(app):
        broker = app.broker_for_read()
        broker.declare(app.amqp.queues.values())
        found = sorted(broker.bindings())
    for row in (_HEADINGS, ("-" * 16,) * len(_HEADINGS), *found):
        ctx.obj.echo(_ROW.format(*row).rstrip())
