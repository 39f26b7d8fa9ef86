"""What the authors of commands and of apps with options of their own rely on."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from celery.app.base import Celery
from celery.bin.base import (
    CeleryCommand,
    CeleryDaemonCommand,
    CeleryOption,
    CLIContext,
    DaemonOption,
    handle_preload_options,
)
from celery.signals import user_preload_options


@click.command(cls=CeleryCommand)
@click.option("--first", cls=CeleryOption, help_group="Good Options", help="Comes first.")
@click.option("--plain", help="Has no heading.")
@click.option("--second", cls=CeleryOption, help_group="Good Options", help="Comes second.")
@click.pass_context
@handle_preload_options
def greet(ctx: click.Context, first: str, plain: str, second: str) -> None:
    """Say hello."""
    click.echo("hello")


@click.command(cls=CeleryDaemonCommand, name="worker")
@click.pass_context
@handle_preload_options
def daemon(ctx: click.Context, **options: Any) -> None:
    for name, value in sorted(options.items()):
        click.echo(f"{name}={value!r}")


def invoke(app: Celery, command: click.Command, *args: str) -> str:
    result = CliRunner().invoke(command, args, obj=CLIContext(app), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_help_lists_options_under_their_headings(app: Celery) -> None:
    text = invoke(app, greet, "--help")
    order = ["Good Options:", "--first", "--second", "Options:\n  --plain", "--help"]
    assert [text.index(part) for part in order] == sorted(text.index(part) for part in order)


def test_options_an_app_adds_for_all_commands(app: Celery) -> None:
    app.user_options["preload"].add(click.Option(("-Z", "--zone"), default="north", help="Where."))
    told: list[dict[str, Any]] = []

    def on_preload(app: Celery, options: dict[str, Any], **kwargs: Any) -> None:
        told.append({"app": app, **options})

    user_preload_options.connect(on_preload)
    try:
        assert invoke(app, greet, "-Z", "south") == "hello\n"
        invoke(app, greet)
    finally:
        user_preload_options.disconnect(on_preload)
    assert told == [{"app": app, "zone": "south"}, {"app": app, "zone": "north"}]
    assert "--zone" in invoke(app, greet, "--help")


def test_options_an_app_adds_for_one_command(app: Celery) -> None:
    app.user_options["worker"].add(click.Option(("--fast",), is_flag=True, default=False))
    assert "fast=True" in invoke(app, daemon, "--fast")
    assert "--fast" not in invoke(app, greet, "--help")


def test_daemon_options_fall_back_to_settings(app: Celery) -> None:
    app.conf.worker_logfile = "/log/%n.log"
    app.conf.worker_umask = "027"
    text = invoke(app, daemon, "--pidfile", "x.pid")
    assert text.splitlines() == [
        "executable=None",
        "gid=None",
        "logfile='/log/%n.log'",
        "pidfile='x.pid'",
        "uid=None",
        f"umask={0o027}",
    ]
    assert "logfile='mine.log'" in invoke(app, daemon, "-f", "mine.log")


def test_a_daemon_option_of_a_command_without_an_app() -> None:
    command = click.Command("lone", params=[DaemonOption(["--pidfile"])], callback=click.echo)
    assert CliRunner().invoke(command, ["--help"]).exit_code == 0


@pytest.mark.parametrize("name", ["call", "purge", "report", "result", "shell", "status", "worker"])
def test_every_option_of_a_command_is_explained(run: Any, name: str) -> None:
    command = run.__globals__["root"].get_command(click.Context(click.Command("x")), name)
    unexplained = [
        param.name for param in command.params if isinstance(param, click.Option) and not param.help
    ]
    assert unexplained == []
