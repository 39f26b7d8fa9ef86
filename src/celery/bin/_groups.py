"""A group of commands that are imported when they are called."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NamedTuple

import click
from click import Command, Context, HelpFormatter

__all__ = ["ARGV_KEY", "LazyCommand", "RootGroup"]

#: Where the words of the command line are kept in `Context.meta`.
ARGV_KEY = "celery.argv"

_APP_BELONGS_BEFORE = """\
`{option}` is an option of `celery`, not of `{command}`: it stands before the command.

    celery -A <app> {command} ..."""


class LazyCommand(NamedTuple):
    """Where a command is, and its line in the list of commands.

    Args:
        path: ``"module:attribute"``.
        help: one line.
    """

    path: str
    help: str


class RootGroup(click.Group):
    """The commands of a table, and those of installed plugins.

    A command's module is imported when the command is called. Plugins are looked for when a
    command is not in the table, and loaded when they are called or listed.

    Args:
        lazy_commands: name -> command.
        plugin_group: entry points with this name are commands.
    """

    def __init__(
        self,
        *args: Any,
        lazy_commands: Mapping[str, LazyCommand],
        plugin_group: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lazy_commands = lazy_commands
        self.plugin_group = plugin_group

    # -- finding commands

    def list_commands(self, ctx: Context) -> list[str]:
        """The names of all commands."""
        return sorted({*self.lazy_commands, *self.commands, *self._plugins().names()})

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """The command of that name."""
        added = super().get_command(ctx, cmd_name)
        if added is not None:
            return added
        lazy = self.lazy_commands.get(cmd_name)
        if lazy is not None:
            module, _, attribute = lazy.path.partition(":")
            command: Command = getattr(import_module(module), attribute)
            return command
        plugin: Command | None = self._plugins().load(cmd_name)
        return plugin

    def _plugins(self) -> Any:
        # Reading the metadata of installed packages takes longer than everything else here.
        return import_module("celery.bin._plugins").Plugins(self.plugin_group)

    def resolve_command(
        self, ctx: Context, args: list[str]
    ) -> tuple[str | None, Command | None, list[str]]:
        """As for any group; an error names commands that are spelt like the one asked for."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as exc:
            similar = get_close_matches(args[0], self.list_commands(ctx), n=3, cutoff=0.5)
            if not similar:
                raise
            names = "".join(f"\n    {name}" for name in similar)
            raise click.UsageError(
                f"No such command {args[0]!r}.\n\nDid you mean one of these?{names}", ctx
            ) from exc

    # -- running

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: Context | None = None,
        **extra: Any,
    ) -> Context:
        """As for any group; the context keeps the words for who must start the program anew."""
        words = tuple(args)
        ctx = super().make_context(info_name, args, parent, **extra)
        ctx.meta[ARGV_KEY] = words
        return ctx

    def invoke(self, ctx: Context) -> Any:
        """Run the command; tell whoever gives it ``-A`` where that belongs."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as exc:
            if exc.option_name not in ("-A", "--app") or exc.ctx is None:
                raise
            text = _APP_BELONGS_BEFORE.format(option=exc.option_name, command=exc.ctx.info_name)
            raise click.UsageError(text, exc.ctx) from exc

    # -- help

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the list of commands."""
        limit = formatter.width - 6 - max(map(len, self.lazy_commands), default=0)
        rows = {name: command.help for name, command in self.lazy_commands.items()}
        for name in self.list_commands(ctx):
            if name not in rows:
                command = self.get_command(ctx, name)
                if command is not None and not command.hidden:
                    rows[name] = command.get_short_help_str(limit)
        with formatter.section("Commands"):
            formatter.write_dl(sorted(rows.items()))
