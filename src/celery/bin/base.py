"""What commands are made of: their class, their options, and the users' own options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import click
from click import Context, HelpFormatter, Parameter
from kombu.exceptions import OperationalError

from celery.bin._context import CLIContext
from celery.bin._types import (
    COMMA_SEPARATED_LIST,
    ISO8601,
    ISO8601_OR_FLOAT,
    JSON_ARRAY,
    JSON_OBJECT,
    LOG_LEVEL,
    UMASK,
    CommaSeparatedList,
    ISO8601DateTime,
    ISO8601DateTimeOrFloat,
    JsonArray,
    JsonObject,
    LogLevel,
)
from celery.exceptions import CeleryCommandException
from celery.platforms.system import EX_UNAVAILABLE
from celery.signals import user_preload_options

__all__ = [
    "COMMA_SEPARATED_LIST",
    "ISO8601",
    "ISO8601_OR_FLOAT",
    "JSON_ARRAY",
    "JSON_OBJECT",
    "LOG_LEVEL",
    "CLIContext",
    "CeleryCommand",
    "CeleryDaemonCommand",
    "CeleryOption",
    "CommaSeparatedList",
    "DaemonOption",
    "ISO8601DateTime",
    "ISO8601DateTimeOrFloat",
    "JsonArray",
    "JsonObject",
    "LogLevel",
    "broker_needed",
    "handle_preload_options",
    "options_under",
]

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")

_UNREACHABLE = (
    "Could not connect to the message broker at {url}: {exc}\n"
    "Is it running, and do the connection settings (or -b) name it?"
)


class CeleryOption(click.Option):
    """An option that help lists under a heading.

    Args:
        help_group: the heading; none: with the others.
    """

    def __init__(self, *args: Any, help_group: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.help_group = help_group


class CeleryCommand(click.Command):
    """A command that takes the options an app has added (`app.user_options`), too."""

    def get_params(self, ctx: Context) -> list[Parameter]:
        """Its parameters: own, added by the app for all commands or this one, and ``--help``."""
        params = super().get_params(ctx)
        own = len(self.params)
        return [*params[:own], *self._added_by_app(ctx), *params[own:]]

    def _added_by_app(self, ctx: Context) -> list[Parameter]:
        user_options = _user_options(ctx)
        added = {*user_options.get("preload", ()), *user_options.get(self.name or "", ())}
        return sorted(added, key=lambda option: str(option.name))

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the options, heading by heading."""
        headings: dict[str, list[tuple[str, str]]] = {}
        rest: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            # An argument's name alone tells no more than the usage line above.
            if record is not None and (record[1] or isinstance(param, click.Option)):
                heading = getattr(param, "help_group", None)
                (headings.setdefault(heading, []) if heading else rest).append(record)
        for heading, records in [*headings.items(), ("Options", rest)]:
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


class DaemonOption(CeleryOption):
    """An option that falls back to a setting, ``<command>_<option>``: ``worker_logfile``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("help_group", "Daemonization Options")
        super().__init__(*args, callback=kwargs.pop("callback", self.daemon_setting), **kwargs)

    def daemon_setting(self, ctx: Context, opt: Parameter, value: Any) -> Any:
        """The value given, else that of the setting."""
        if value is not None or not isinstance(ctx.obj, CLIContext):
            return value
        setting = ctx.obj.app.conf.get(f"{ctx.command.name}_{opt.name}")
        return None if setting is None else self.type.convert(setting, opt, ctx)


class CeleryDaemonCommand(CeleryCommand):
    """A command that runs until it is stopped, and may do so in the background."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(
            (
                DaemonOption(("-f", "--logfile"), help="Write the log here; else to stderr."),
                DaemonOption(("--pidfile",), help="Keep the process id in this file, as a lock."),
                DaemonOption(("--uid",), help="Become this user."),
                DaemonOption(("--gid",), help="Become a member of this group."),
                DaemonOption(("--umask",), type=UMASK, help="Permissions new files do not get."),
                DaemonOption(("--executable",), help="Python to use in the background."),
            )
        )


def _user_options(ctx: Context) -> dict[str, set[Parameter]]:
    app = ctx.obj.app if isinstance(ctx.obj, CLIContext) else None
    options: dict[str, set[Parameter]] = getattr(app, "user_options", {})
    return options


def options_under(heading: str) -> Callable[..., Callable[[F], F]]:
    """`click.option`, for options that help lists under a heading."""

    def option(*names: str, **attributes: Any) -> Callable[[F], F]:
        return click.option(*names, cls=CeleryOption, help_group=heading, **attributes)

    return option


def handle_preload_options(f: Callable[..., R]) -> Callable[..., R]:
    """Tell receivers of `user_preload_options` the values of the options added for all commands.

    A decorator, below ``@click.pass_context``. The command gets those values as well if it has
    keywords for them.
    """
    takes = inspect.signature(f).parameters
    takes_all = any(param.kind is param.VAR_KEYWORD for param in takes.values())

    @wraps(f)
    def told(ctx: Context, *args: Any, **kwargs: Any) -> R:
        names = [str(option.name) for option in _user_options(ctx).get("preload", ())]
        values = {name: kwargs[name] for name in names if name in kwargs}
        for name in values:
            if not takes_all and name not in takes:
                del kwargs[name]
        user_preload_options.send(sender=f, app=ctx.obj.app, options=values)
        return f(ctx, *args, **kwargs)

    return told


@contextmanager
def broker_needed(app: Any) -> Iterator[None]:
    """A block that cannot do without the broker: if it cannot be reached, say so, and exit with 69.

    Raises:
        CeleryCommandException: the broker cannot be reached.
    """
    broker = app.broker_for_write()
    kombu_errors = app.connection_for_write().connection_errors
    try:
        yield
    except (OperationalError, *broker.connection_errors, *kombu_errors) as exc:
        text = _UNREACHABLE.format(url=broker.as_uri(), exc=exc)
        raise CeleryCommandException(text, EX_UNAVAILABLE) from exc
