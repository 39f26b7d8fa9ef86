"""``celery worker``: run a worker."""

from __future__ import annotations

from functools import partial
from typing import Any

import click
from click import Context, Parameter

from celery.bin._detach import detach as start_in_background
from celery.bin._program import apply_settings, become
from celery.bin._types import ValueType
from celery.bin.base import (
    COMMA_SEPARATED_LIST,
    LOG_LEVEL,
    CeleryDaemonCommand,
    handle_preload_options,
    options_under,
)
from celery.concurrency import get_available_pool_names
from celery.exceptions import CeleryCommandException, ImproperlyConfigured, SecurityError
from celery.platforms import EX_FAILURE, EX_OK
from celery.utils.nodenames import default_nodename, host_format, node_format

__all__ = ["AUTOSCALE", "CONCURRENCY", "HOSTNAME", "Autoscale", "Concurrency", "Hostname", "worker"]


class Hostname(ValueType):
    """Name of a worker; what is missing of ``name@host`` is filled in, and so are ``%h`` etc."""

    name = "hostname"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> str:
        """The full name."""
        try:
            return host_format(default_nodename(value))
        except ValueError as exc:
            self.fail(str(exc), param, ctx)


class Autoscale(ValueType):
    """Two numbers, in any order: the most and the fewest processes; one number is the most."""

    name = "<min workers>, <max workers>"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> tuple[int, int]:
        """The most and the fewest."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = sorted(int(part) for part in value.split(","))
        except ValueError:
            numbers = []
        if len(numbers) not in (1, 2) or numbers[0] < 0:
            self.fail(
                f"expected two numbers with a comma between, or one; got {value!r}", param, ctx
            )
        return numbers[-1], numbers[0] if len(numbers) == 2 else 0


class Concurrency(ValueType):
    """A number of processes or threads; ``auto`` for as many as there are CPUs."""

    name = "concurrency"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> int | str | None:
        """The number or ``auto``; None leaves it to the settings."""
        if value in ("", "auto"):
            return value or None
        try:
            number = int(value)
        except ValueError:
            number = -1
        if number < 0:
            self.fail(f"must be a non-negative integer or 'auto', got {value!r}", param, ctx)
        return number


HOSTNAME = Hostname()
AUTOSCALE = Autoscale()
CONCURRENCY = Concurrency()

_worker_option = options_under("Worker Options")
_pool_option = options_under("Pool Options")
_queue_option = options_under("Queue Options")
_feature_option = options_under("Features")
_beat_option = options_under("Embedded Beat Options")


@click.command(
    cls=CeleryDaemonCommand,
    context_settings={"allow_extra_args": True},
    options_metavar="[OPTIONS] [SETTING=VALUE]...",
)
@_worker_option(
    "-n",
    "--hostname",
    type=HOSTNAME,
    default=partial(default_nodename, None),
    help="Name of the worker, such as w1@%h; %h is the host, %n its name, %d its domain.",
)
@_worker_option("-D", "--detach", is_flag=True, help="Run in the background.")
@_worker_option(
    "-S",
    "--statedb",
    type=click.Path(dir_okay=False),
    help="File to remember revoked tasks in; '.db' may be appended to its name.",
)
@_worker_option(
    "-l", "--loglevel", type=LOG_LEVEL, default="WARNING", show_default=True, help="Log level."
)
@_worker_option(
    "-O",
    "--optimization",
    type=click.Choice(("default", "fair")),
    default="default",
    help="How tasks are handed to processes; both give the next task to one that is idle.",
)
@_worker_option(
    "--prefetch-multiplier",
    type=click.IntRange(min=0),
    help="Messages to have ready for each process; 0: as many as there are.",
)
@_worker_option(
    "--disable-prefetch",
    is_flag=True,
    help="Fetch a message only when a process is free to run it.",
)
@_pool_option(
    "-c",
    "--concurrency",
    type=CONCURRENCY,
    help="Processes or threads that run tasks; 'auto' and the default: one for each CPU.",
)
@_pool_option(
    "-P",
    "--pool",
    type=click.Choice(get_available_pool_names()),
    default="prefork",
    show_default=True,
    help="What runs the tasks; 'prefork' leaves it to the setting worker_pool.",
)
@_pool_option(
    "-E",
    "--task-events",
    "--events",
    is_flag=True,
    default=None,
    help="Send events about tasks, for monitors.",
)
@_pool_option(
    "--time-limit", type=float, help="Seconds after which a task is ended, with its process."
)
@_pool_option(
    "--soft-time-limit",
    type=float,
    help="Seconds after which SoftTimeLimitExceeded is raised in a task.",
)
@_pool_option(
    "--max-tasks-per-child", type=int, help="Tasks after which a process is replaced by a new one."
)
@_pool_option(
    "--pool-start-method",
    type=click.Choice(("fork", "spawn")),
    help="How processes are started: 'fork' is fast, 'spawn' safe beside threads.",
)
@_pool_option(
    "--max-memory-per-child",
    type=int,
    help="KiB of memory after which a process is replaced, when its task is done.",
)
@_queue_option("--purge", "--discard", is_flag=True, help="Delete all waiting messages first.")
@_queue_option(
    "--queues", "-Q", type=COMMA_SEPARATED_LIST, help="Queues to consume from; default: all."
)
@_queue_option(
    "--exclude-queues", "-X", type=COMMA_SEPARATED_LIST, help="Queues not to consume from."
)
@_queue_option("--include", "-I", type=COMMA_SEPARATED_LIST, help="More modules with tasks.")
@_feature_option("--without-gossip", is_flag=True, help="Do not listen to other workers.")
@_feature_option("--without-mingle", is_flag=True, help="Do not ask other workers at the start.")
@_feature_option("--without-heartbeat", is_flag=True, help="Do not send heartbeat events.")
@_feature_option("--heartbeat-interval", type=int, help="Seconds between two heartbeat events.")
@_feature_option(
    "--autoscale", type=AUTOSCALE, help="Start and stop processes as needed, between these numbers."
)
@_beat_option("-B", "--beat", is_flag=True, default=None, help="Run the beat scheduler as well.")
@_beat_option("-s", "--schedule-filename", "--schedule", help="File of the schedule.")
@_beat_option("--scheduler", help="Class of the scheduler.")
@click.pass_context
@handle_preload_options
def worker(
    ctx: Context,
    hostname: str,
    detach: bool,
    uid: str | None,
    gid: str | None,
    umask: int | None,
    pidfile: str | None,
    executable: str | None,
    logfile: str | None,
    statedb: str | None,
    disable_prefetch: bool,
    **options: Any,
) -> None:
    """Run a worker until it is told to stop (SIGTERM: when its tasks are done).

    Settings may follow the options: worker.prefetch_multiplier=1.

    \b
    $ celery -A proj worker -l INFO
    $ celery -A proj worker -Q hipri,lopri -c 4
    $ celery -A proj worker --autoscale=10,2 -n w1@%h
    """
    app = ctx.obj.app
    apply_settings(ctx, "worker")
    if disable_prefetch:
        app.conf.worker_disable_prefetch = True
    pidfile, statedb = (path and node_format(path, hostname) for path in (pidfile, statedb))
    if detach:
        start_in_background(
            ctx,
            executable=executable,
            logfile=logfile and node_format(logfile, hostname),
            pidfile=pidfile,
            uid=uid,
            gid=gid,
            umask=umask or 0,
        )
    become(uid, gid, umask)
    try:
        program = app.Worker(
            hostname=hostname,
            logfile=logfile,
            pidfile=pidfile,
            statedb=statedb,
            no_color=ctx.obj.no_color or None,
            quiet=ctx.obj.quiet,
            **options,
        )
    except (ImproperlyConfigured, SecurityError) as exc:
        raise CeleryCommandException(str(exc), EX_FAILURE) from exc
    program.start()
    ctx.exit(program.exitcode or EX_OK)
