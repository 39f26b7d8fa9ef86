"""Commands of other packages, as installed packages bring them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

PLUGIN = '''
import click
from celery.bin.base import CeleryCommand, handle_preload_options

@click.command(cls=CeleryCommand)
@click.pass_context
@handle_preload_options
def garden(ctx):
    """Grow flowers.

    At length.
    """
    click.echo(f"flowers for {ctx.obj.app.main}")

no_command = 3
'''


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "cli_garden.py").write_text(PLUGIN)
    (tmp_path / "cli_weeds.py").write_text("raise RuntimeError('weeds')\n")
    info = tmp_path / "cli_garden-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cli-garden\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[celery.commands]\n"
        "garden = cli_garden:garden\n"
        "weeds = cli_weeds:main\n"
        "stone = cli_garden:no_command\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in ("cli_garden", "cli_weeds"):
        sys.modules.pop(name, None)


def test_a_plugin_runs_as_any_command(run: Any) -> None:
    result = run("garden")
    assert (result.exit_code, result.output) == (0, "flowers for shop\n")


def test_plugins_are_not_loaded_for_other_commands(run: Any) -> None:
    run("report")
    run("--version")
    assert "cli_garden" not in sys.modules


def test_help_lists_them_even_if_broken(run: Any) -> None:
    text = run("--help").output
    assert "garden   Grow flowers.\n" in text
    assert "weeds    Cannot be loaded (from cli_weeds:main).\n" in text


@pytest.mark.parametrize(
    ("name", "reason"), [("weeds", "RuntimeError: weeds"), ("stone", "3 is no click command")]
)
def test_a_broken_one_says_why(run: Any, name: str, reason: str) -> None:
    result = run(name, "--any", "thing")
    assert result.exit_code == 1
    assert reason in result.output


def test_they_are_among_what_may_have_been_meant(run: Any) -> None:
    assert "    garden\n" in run("gardn").output
