"""``celery status``, ``inspect`` and ``control``: questions and commands to workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import indent
from typing import Any, Literal

import click
from click import Context
from kombu.utils.json import dumps

from celery.bin.base import (
    COMMA_SEPARATED_LIST,
    CeleryCommand,
    broker_needed,
    handle_preload_options,
    options_under,
)
from celery.exceptions import CeleryCommandException
from celery.platforms import EX_UNAVAILABLE
from celery.utils.text import pluralize
from celery.worker.control import Panel

__all__ = ["control", "inspect", "status"]

_option = options_under("Remote Control Options")

Kind = Literal["inspect", "control"]
Command = Callable[..., Any]


def _remote_options(f: Command) -> Command:
    """The options that all three commands have."""
    options = (
        _option(
            "-t",
            "--timeout",
            type=float,
            default=1.0,
            show_default=True,
            help="Seconds to wait for replies.",
        ),
        _option(
            "-d",
            "--destination",
            type=COMMA_SEPARATED_LIST,
            help="Only these workers.",
        ),
        _option(
            "-j",
            "--json",
            "as_json",
            is_flag=True,
            help="Print JSON.",
        ),
    )
    for option in reversed(options):
        f = option(f)
    return f


def _list_option(kind: Kind) -> Callable[[Command], Command]:
    def show(ctx: Context, param: click.Parameter, value: bool) -> None:
        if value and not ctx.resilient_parsing:
            ctx.obj.app.loader.import_default_modules()
            click.echo(_listing(ctx, kind))
            ctx.exit()

    return click.option(
        "--list",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help=f"List the {kind} commands.",
    )


# -- the commands


@click.command(cls=CeleryCommand)
@_remote_options
@click.pass_context
@handle_preload_options
def status(ctx: Context, timeout: float, destination: Sequence[str] | None, as_json: bool) -> None:
    """List the workers that are online."""
    callback = None if as_json else _printer(ctx, show_body=False)
    replies = _ask(ctx, "ping", {}, timeout, destination, callback)
    _echo_end(ctx, replies, as_json)


@click.command(cls=CeleryCommand, context_settings={"allow_extra_args": True})
@click.argument("command")
@_list_option("inspect")
@_remote_options
@click.pass_context
@handle_preload_options
def inspect(
    ctx: Context,
    command: str,
    timeout: float,
    destination: Sequence[str] | None,
    as_json: bool,
) -> None:
    """Ask workers the question COMMAND: it changes nothing."""
    arguments = _arguments(ctx, "inspect", command)
    callback = None if as_json else _printer(ctx, show_body=True)
    replies = _ask(ctx, command, arguments, timeout, destination, callback)
    _echo_end(ctx, replies, as_json)


@click.command(cls=CeleryCommand, context_settings={"allow_extra_args": True})
@click.argument("command")
@_list_option("control")
@_remote_options
@click.pass_context
@handle_preload_options
def control(
    ctx: Context,
    command: str,
    timeout: float,
    destination: Sequence[str] | None,
    as_json: bool,
) -> None:
    """Send workers the command COMMAND."""
    arguments = _arguments(ctx, "control", command)
    callback = None if as_json else _printer(ctx, show_body=True)
    with broker_needed(ctx.obj.app):
        replies = ctx.obj.app.control.broadcast(
            command,
            arguments=arguments,
            destination=destination,
            timeout=timeout,
            reply=True,
            callback=callback,
        )
    if not replies:
        raise _no_replies()
    if as_json:
        ctx.obj.echo(dumps(replies))


# -- words to arguments


def _arguments(ctx: Context, kind: Kind, command: str) -> dict[str, Any]:
    """The words after the command as its arguments.

    Raises:
        click.UsageError: there is no such command, or it does not take those words.
    """
    _check_known(ctx, kind, command)
    meta, words = Panel.meta[command], list(ctx.args)
    arguments: dict[str, Any] = {}
    for (name, convert), word in zip(meta.args or (), words, strict=False):
        try:
            arguments[name] = word if convert is None else convert(word)
        except ValueError as exc:
            raise click.UsageError(f"Invalid value for {name}: {exc}", ctx) from exc
    rest = words[len(arguments) :]
    if meta.variadic:
        arguments[meta.variadic] = rest
    elif rest:
        usage = f"{command} {meta.signature or ''}".rstrip()
        raise click.UsageError(f"Too many arguments: {' '.join(rest)}\nUsage: {usage}", ctx)
    return arguments


def _check_known(ctx: Context, kind: Kind, command: str) -> None:
    if command not in _names(kind):
        # Modules of the app may register commands of their own.
        ctx.obj.app.loader.import_default_modules()
    names = _names(kind)
    if command not in names:
        raise click.UsageError(
            f"Command {command} not recognized. Available {kind} commands: {', '.join(names)}", ctx
        )


def _names(kind: Kind) -> list[str]:
    return sorted(name for name, meta in Panel.meta.items() if meta.type == kind and meta.visible)


def _listing(ctx: Context, kind: Kind) -> str:
    formatter = ctx.make_formatter()
    with formatter.section(f"{kind.capitalize()} Commands"):
        formatter.write_dl(
            [
                (f"{name} {Panel.meta[name].signature or ''}".rstrip(), Panel.meta[name].help or "")
                for name in _names(kind)
            ]
        )
    return formatter.getvalue().rstrip("\n")


# -- asking, and telling the answers


def _ask(
    ctx: Context,
    command: str,
    arguments: dict[str, Any],
    timeout: float,
    destination: Sequence[str] | None,
    callback: Callable[[Any], None] | None,
) -> Any:
    """The answers by node.

    Raises:
        CeleryCommandException: there are none.
    """
    app = ctx.obj.app
    with broker_needed(app):
        inspect = app.control.inspect(timeout=timeout, destination=destination, callback=callback)
        replies = inspect._request(command, **arguments)
    if not replies:
        raise _no_replies()
    return replies


def _no_replies() -> CeleryCommandException:
    return CeleryCommandException("No nodes replied within time constraint", EX_UNAVAILABLE)


def _printer(ctx: Context, *, show_body: bool) -> Callable[[Any], None]:
    """Prints each reply when it comes."""

    def show(reply: dict[str, Any]) -> None:
        for node, value in reply.items():
            verdict, body = ctx.obj.pretty(value)
            shown = indent(body.rstrip("\n"), "    ")
            ctx.obj.say_chat("->", f"{node}: {verdict}", shown, show_body=show_body)

    return show


def _echo_end(ctx: Context, replies: Any, as_json: bool) -> None:
    """All the replies for a program; for a person, who has seen them come, their number."""
    if as_json:
        ctx.obj.echo(dumps(replies))
    else:
        ctx.obj.echo(f"\n{len(replies)} {pluralize(len(replies), 'node')} online.")
