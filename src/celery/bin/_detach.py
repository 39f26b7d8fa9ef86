"""Going to the background: becoming a daemon, and starting the program anew in it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import click

from celery.bin._groups import ARGV_KEY
from celery.platforms import detached

__all__ = ["detach", "foreground_words"]

#: One word of short options without values, ``-D`` among them.
_CLUSTER = re.compile(r"-[BDE]*D[BDE]*")
#: Done before the program starts anew; the first is a flag.
_DONE = ("--detach", "--uid", "--gid", "--workdir")
_VARIABLES = re.compile(r"CELERY_(WORKDIR|[A-Z]+_(DETACH|UID|GID))")


def detach(ctx: click.Context, *, executable: str | None = None, **options: Any) -> NoReturn:
    """Start this program anew in the background, and end this process.

    A new program, and not this one: no thread, connection or file of it is in the daemon's way.

    Args:
        ctx: of the command.
        executable: Python to use.
        options: those of `celery.platforms.detached`.

    Raises:
        click.UsageError: the app was not named on the command line, so that a new program could
            not find it.
    """
    given = ctx.meta.get(ARGV_KEY)
    if given is None:
        raise click.UsageError("To run in the background, name the app on the command line (-A).")
    words = foreground_words(given)
    python = executable or sys.executable
    environment = {k: v for k, v in os.environ.items() if not _VARIABLES.fullmatch(k)}
    with detached(fake=bool(os.environ.get("C_FAKEFORK")), **options):
        os.execve(python, [python, "-m", "celery", *words], environment)


def foreground_words(words: Sequence[str]) -> list[str]:
    """The command line without what makes a daemon.

    >>> foreground_words(["worker", "-ED", "--uid", "www", "-c", "2"])
    ['worker', '-E', '-c', '2']
    """
    return list(_foreground(iter(words)))


def _foreground(words: Iterator[str]) -> Iterator[str]:
    for word in words:
        name, assigned, _ = word.partition("=")
        if _CLUSTER.fullmatch(word):
            if word.replace("D", "") != "-":
                yield word.replace("D", "")
        elif name not in _DONE:
            yield word
        elif name != "--detach" and not assigned:
            next(words, None)
