"""Commands that other packages bring: entry points of the group ``celery.commands``."""

from __future__ import annotations

import traceback
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click
from click import Command, Context

from celery.exceptions import CeleryCommandException
from celery.platforms.system import EX_FAILURE

__all__ = ["BrokenCommand", "Plugins"]


class Plugins:
    """The commands in the entry points of a group.

    Args:
        group: the group's name.
    """

    def __init__(self, group: str) -> None:
        self.group = group

    def names(self) -> list[str]:
        """The names of the commands; nothing is loaded."""
        return [point.name for point in entry_points(group=self.group)]

    def load(self, name: str) -> Command | None:
        """The command of that name, if there is one; if it does not load: one that says so."""
        for point in entry_points(group=self.group, name=name):
            return _load(point)
        return None


class BrokenCommand(Command):
    """Stands for a command that does not load, so that all others can be used."""

    def __init__(self, name: str, origin: str, reason: str) -> None:
        self.reason = reason
        super().__init__(
            name,
            help=f"Cannot be loaded (from {origin}).",
            context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        )

    def invoke(self, ctx: Context) -> Any:
        """Say why.

        Raises:
            CeleryCommandException: always.
        """
        click.echo(self.reason, err=True)
        raise CeleryCommandException(f"{self.name} cannot be loaded: see above.", EX_FAILURE)


def _load(point: EntryPoint) -> Command:
    # Whatever a plugin may do when it is imported, it must not take the other commands with it.
    try:
        command = point.load()
    except Exception:
        return BrokenCommand(point.name, point.value, traceback.format_exc())
    if not isinstance(command, Command):
        return BrokenCommand(point.name, point.value, f"{command!r} is no click command")
    return command
