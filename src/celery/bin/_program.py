"""What commands that run on do with their command line before they run."""

from __future__ import annotations

import os

import click
from click import Context

from celery.exceptions import CeleryCommandException, SecurityError
from celery.platforms import EX_FAILURE, maybe_drop_privileges

__all__ = ["apply_settings", "become"]


def apply_settings(ctx: Context, namespace: str) -> None:
    """Take settings from the words after the options.

    Args:
        ctx: of the command.
        namespace: what ``.key=value`` begins with.

    Raises:
        click.UsageError: one is no setting.
    """
    try:
        ctx.obj.app.config_from_cmdline(ctx.args, namespace=namespace)
    except (KeyError, ValueError) as exc:
        words = " ".join(ctx.args)
        raise click.UsageError(f"These are no settings: {words}\nReason: {exc}", ctx) from exc


def become(uid: str | None, gid: str | None, umask: int | None) -> None:
    """Take on the user, the group and the mask for new files.

    Raises:
        CeleryCommandException: there are no such, or they may not be taken.
    """
    if umask is not None:
        os.umask(umask)
    try:
        maybe_drop_privileges(uid=uid, gid=gid)
    except (KeyError, PermissionError, SecurityError) as exc:
        raise CeleryCommandException(
            f"Cannot become uid {uid}, gid {gid}: {exc}", EX_FAILURE
        ) from exc
