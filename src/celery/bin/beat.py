"""``celery beat``: send periodic tasks."""

from __future__ import annotations

from typing import Any

import click
from click import Context

from celery.bin._detach import detach as start_in_background
from celery.bin._program import apply_settings, become
from celery.bin.base import (
    LOG_LEVEL,
    CeleryDaemonCommand,
    handle_preload_options,
    options_under,
)
from celery.exceptions import CeleryCommandException, ImproperlyConfigured
from celery.platforms import EX_FAILURE

__all__ = ["beat"]

_beat_option = options_under("Beat Options")


@click.command(
    cls=CeleryDaemonCommand,
    context_settings={"allow_extra_args": True},
    options_metavar="[OPTIONS] [SETTING=VALUE]...",
)
@_beat_option("--detach", is_flag=True, help="Run in the background.")
@_beat_option(
    "-s",
    "--schedule",
    help="File to note the last runs in; a suffix such as '.db' may be appended to its name.",
)
@_beat_option("-S", "--scheduler", help="Class of the scheduler.")
@_beat_option("--max-interval", type=int, help="Longest sleep between two looks, in seconds.")
@_beat_option(
    "--enable-remote-control/--no-enable-remote-control",
    "remote_control",
    default=None,
    help="Answer `celery inspect ping`, so that one can ask whether beat is well.",
)
@_beat_option("-n", "--hostname", help="Name to answer as, such as celerybeat@%h; %h is the host.")
@_beat_option("-l", "--loglevel", default="WARNING", type=LOG_LEVEL, help="What to log.")
@click.pass_context
@handle_preload_options
def beat(
    ctx: Context,
    detach: bool,
    uid: str | None,
    gid: str | None,
    umask: int | None,
    pidfile: str | None,
    executable: str | None,
    logfile: str | None,
    **options: Any,
) -> None:
    """Send periodic tasks when they are due, until it is told to stop (SIGTERM).

    Run one of them: two would send everything twice. Settings may follow the options:
    beat.max_loop_interval=5.

    \b
    $ celery -A proj beat -l INFO
    $ celery -A proj beat -s /var/lib/proj/schedule --pidfile /run/proj/beat.pid
    """
    app = ctx.obj.app
    apply_settings(ctx, "beat")
    if detach:
        start_in_background(
            ctx,
            executable=executable,
            logfile=logfile,
            pidfile=pidfile,
            uid=uid,
            gid=gid,
            umask=umask or 0,
        )
    become(uid, gid, umask)
    try:
        program = app.Beat(
            logfile=logfile,
            pidfile=pidfile,
            no_color=ctx.obj.no_color or None,
            quiet=ctx.obj.quiet,
            **options,
        )
    except ImproperlyConfigured as exc:
        raise CeleryCommandException(str(exc), EX_FAILURE) from exc
    program.run()
