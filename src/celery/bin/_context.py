"""What every command gets as ``ctx.obj``: the app, the global options, and a voice."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from textwrap import indent
from typing import Any

import click

__all__ = ["CLIContext"]


class CLIContext:
    """The app that a command works for, and how it talks to people.

    Colours are left out when they are switched off (``-C``, ``NO_COLOR``), and by click when the
    output is no terminal.

    Args:
        app: the application.
        no_color: write plain text.
        workdir: the directory changed to, or None.
        quiet: leave out what only comments the output.
    """

    def __init__(
        self, app: Any, no_color: bool = False, workdir: Any = None, quiet: bool = False
    ) -> None:
        self.app = app
        self.no_color = bool(no_color)
        self.workdir = workdir
        self.quiet = bool(quiet)

    @property
    def OK(self) -> str:  # the documented name
        """The word for what went well."""
        return self.style("OK", fg="green", bold=True)

    @property
    def ERROR(self) -> str:  # the documented name
        """The word for what did not."""
        return self.style("ERROR", fg="red", bold=True)

    def style(self, message: Any = None, **kwargs: Any) -> str:
        """Text in a style; `kwargs` are those of `click.style`."""
        text = "" if message is None else str(message)
        return text if self.no_color else click.style(text, **kwargs)

    def secho(self, message: Any = None, **kwargs: Any) -> None:
        """Print text in a style."""
        if self.no_color:
            kwargs["color"] = False
        click.secho(message, **kwargs)

    def echo(self, message: Any = None, **kwargs: Any) -> None:
        """Print text."""
        if self.no_color:
            kwargs["color"] = False
        click.echo(message, **kwargs)

    def error(self, message: Any = None, **kwargs: Any) -> None:
        """Print text to standard error."""
        self.secho(message, err=True, **kwargs)

    def pretty(self, n: Any) -> tuple[str, str]:
        """A value for people, as a verdict and a text.

        A mapping with the key ``ok`` or ``error`` is the reply of a worker, and brings its verdict.
        """
        if isinstance(n, Mapping):
            if "ok" in n or "error" in n:
                return self.pretty_dict_ok_error(n)
            return self.OK, json.dumps(n, indent=4, sort_keys=True, default=repr) + "\n"
        if isinstance(n, Sequence) and not isinstance(n, str | bytes):
            return self.OK, self.pretty_list(n)
        return self.OK, str(n)

    def pretty_list(self, n: Sequence[Any]) -> str:
        """One line for each item."""
        if not n:
            return "- empty -"
        bullet = self.style("*", fg="white")
        return "\n".join(f"{bullet} {item}" for item in n)

    def pretty_dict_ok_error(self, n: Mapping[str, Any]) -> tuple[str, str]:
        """The reply of a worker, as a verdict and a text."""
        if "ok" in n:
            return self.OK, indent(self.pretty(n["ok"])[1], "    ")
        return self.ERROR, indent(self.pretty(n["error"])[1], "    ")

    def say_chat(self, direction: str, title: Any, body: str = "", show_body: bool = False) -> None:
        """Print one message of a conversation with workers.

        Args:
            direction: ``->`` for what came in, ``<-`` for what went out; that is left out if quiet.
            title: who, and what in one word.
            body: the message.
            show_body: print the message too.
        """
        if direction == "<-" and self.quiet:
            return
        arrow = "" if self.quiet else f"{self.style(direction, fg='white', bold=True)} "
        self.echo(f"{arrow} {title}")
        if body and show_body:
            self.echo(body)
