"""The `celery` command itself: global options, and the table of its sub-commands.

Only what is cheap is imported here: ``celery --version`` and ``celery --help`` need no app.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import click

from celery.bin._context import CLIContext
from celery.bin._groups import ARGV_KEY, LazyCommand, RootGroup
from celery.bin._types import SWITCH
from celery.exceptions import ImproperlyConfigured

__all__ = ["celery", "main", "start", "worker_main"]

#: Options may be given in the environment: ``CELERY_<OPTION>``, ``CELERY_<COMMAND>_<OPTION>``.
ENVIRONMENT_PREFIX: Final = "CELERY"
PLUGIN_GROUP: Final = "celery.commands"

COMMANDS: Final = {
    "beat": LazyCommand("celery.bin.beat:beat", "Send periodic tasks when they are due."),
    "call": LazyCommand("celery.bin.call:call", "Call a task by name."),
    "control": LazyCommand("celery.bin.control:control", "Send workers a command."),
    "inspect": LazyCommand("celery.bin.control:inspect", "Ask workers a question."),
    "list": LazyCommand("celery.bin.list:list_", "List what the broker has."),
    "purge": LazyCommand("celery.bin.purge:purge", "Delete all waiting messages."),
    "report": LazyCommand("celery.bin.report:report", "Print what a bug report should say."),
    "result": LazyCommand("celery.bin.result:result", "Print the result of a task."),
    "shell": LazyCommand("celery.bin.shell:shell", "Start Python with the app at hand."),
    "status": LazyCommand("celery.bin.control:status", "List the workers that are online."),
    "worker": LazyCommand("celery.bin.worker:worker", "Start a worker."),
}


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(import_module("celery").VERSION_BANNER)
        ctx.exit()


@click.group(
    cls=RootGroup,
    lazy_commands=COMMANDS,
    plugin_group=PLUGIN_GROUP,
    invoke_without_command=True,
)
@click.option(
    "-A", "--app", envvar=("CELERY_APP", "APP"), help="The application: a module, or module:name."
)
@click.option(
    "-b", "--broker", envvar=("CELERY_BROKER", "BROKER_URL"), help="URL of the message broker."
)
@click.option(
    "--result-backend",
    envvar=("CELERY_RESULT_BACKEND", "RESULT_BACKEND"),
    help="URL of the result backend.",
)
@click.option("--loader", envvar=("CELERY_LOADER", "LOADER"), help="Loader class to use.")
@click.option(
    "--config", envvar=("CELERY_CONFIG", "CONFIG_MODULE"), help="Module with the settings."
)
@click.option(
    "--workdir",
    type=click.Path(exists=True, file_okay=False),
    help="Directory to change to first.",
)
@click.option(
    "-C",
    "--no-color",
    is_flag=True,
    type=SWITCH,
    default=False,
    envvar=("CELERY_NO_COLOR", "NO_COLOR"),
    help="Write plain text, without colours.",
)
@click.option("-q", "--quiet", is_flag=True, help="Leave out what only comments the output.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    allow_from_autoenv=False,
    callback=_print_version,
    help="Print the version.",
)
@click.option(
    "--skip-checks",
    is_flag=True,
    type=SWITCH,
    default=False,
    envvar=("CELERY_SKIP_CHECKS", "SKIP_CHECKS"),
    help="Skip Django's system checks on start.",
)
@click.pass_context
def celery(
    ctx: click.Context, /, app: str | None, no_color: bool, quiet: bool, **options: Any
) -> None:
    """Run workers, send them tasks, and look after both."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
        ctx.exit()
    if no_color:
        ctx.color = False
    application = import_module("celery.bin._application")
    application.export(options)
    given = ctx.obj  # by `start`
    if given is None or ctx.get_parameter_source("app") is click.core.ParameterSource.COMMANDLINE:
        given = application.find(app)
        ctx.call_on_close(given.close)
    else:
        del ctx.meta[ARGV_KEY]  # those words alone would not lead to this app
    ctx.obj = CLIContext(given, no_color=no_color, workdir=options["workdir"], quiet=quiet)


def main() -> None:
    """Run the command line of this process; exits."""
    try:
        celery.main(prog_name="celery", auto_envvar_prefix=ENVIRONMENT_PREFIX)
    except ImproperlyConfigured as exc:  # it says what to change; where it was raised does not help
        sys.exit(f"Error: {exc}")


def start(app: Any, argv: Sequence[str] | None = None) -> Any:
    """Run a command for an app.

    Args:
        app: the app, unless ``-A`` in `argv` names another.
        argv: the command line without the program's name; None: that of this process.

    Returns:
        the exit code.

    Raises:
        click.ClickException: the command line is wrong, or the command has failed.
    """
    words = sys.argv[1:] if argv is None else argv
    return celery.main(
        args=list(words),
        prog_name="celery",
        standalone_mode=False,
        obj=app,
        auto_envvar_prefix=ENVIRONMENT_PREFIX,
    )


def worker_main(app: Any, argv: Sequence[str] | None = None) -> Any:
    """Run ``celery worker`` for an app; as `start`.

    Raises:
        ValueError: "worker" is not among the arguments.
    """
    words = sys.argv[1:] if argv is None else argv
    if "worker" not in words:
        raise ValueError(
            "The worker sub-command must be specified in argv.\n"
            "Use app.start() to programmatically start other commands."
        )
    return start(app, words)
