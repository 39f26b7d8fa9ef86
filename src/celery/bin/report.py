"""``celery report``: what a bug report should say."""

import click

from celery.bin.base import CeleryCommand, handle_preload_options

__all__ = ["report"]


@click.command(cls=CeleryCommand)
@click.pass_context
@handle_preload_options
def report(ctx: click.Context) -> None:
    """Print versions, platform and settings, for a bug report; secrets are masked."""
    ctx.obj.echo(ctx.obj.app.bugreport())
