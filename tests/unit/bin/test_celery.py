"""The root command: global options, finding the app, running commands from a program."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from celery import VERSION_BANNER
from celery.app.base import Celery
from celery.bin.celery import COMMANDS, start, worker_main


@pytest.fixture
def projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Modules with apps, in the current directory; forgotten afterwards."""
    files = {
        "cli_shop.py": "from celery import Celery\nmain = Celery('shop', broker='memory://')\n",
        "cli_empty.py": "x = 1\n",
        "cli_broken.py": "import cli_nowhere\n",
        "cli_typo.py": "import os\nos.nothing\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("cli_"):
            del sys.modules[name]


def test_version(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_VERSION", "5.4.0")  # as images have it; it is no option
    result = run("--version", obj=None)
    assert (result.exit_code, result.output) == (0, f"{VERSION_BANNER}\n")


@pytest.mark.parametrize("args", [(), ("--help",)])
def test_help_lists_every_command(run: Any, args: tuple[str, ...]) -> None:
    result = run(*args, obj=None)
    assert result.exit_code == 0
    for name, command in COMMANDS.items():
        assert f"  {name} " in result.output
        assert command.help in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_loaded(run: Any, name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: celery {name} ")


def test_unknown_command_names_similar_ones(run: Any) -> None:
    result = run("wrker")
    assert result.exit_code == 2
    assert "No such command 'wrker'." in result.output
    assert "Did you mean one of these?\n    worker\n" in result.output


def test_unknown_command_like_no_other(run: Any) -> None:
    result = run("xyzzyx")
    assert result.exit_code == 2
    assert "Did you mean" not in result.output


@pytest.mark.parametrize("option", ["-A", "--app"])
@pytest.mark.parametrize("command", [("worker",), ("list", "bindings"), ("report",)])
def test_app_after_the_command(run: Any, command: tuple[str, ...], option: str) -> None:
    result = run(*command, option, "shop")
    assert result.exit_code == 2
    assert f"`{option}` is an option of `celery`, not of `{command[-1]}`" in result.output


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("cli_nope", "There is no module 'cli_nope'."),
        ("cli_shop:nope", "no attribute 'nope'"),
        ("cli_shop:Celery", "no Celery application"),
        ("cli_empty", "'cli_empty' has no application"),
        ("cli_broken", "No module named 'cli_nowhere'"),
        ("cli_typo", "has no attribute 'nothing'"),
    ],
)
def test_no_such_app(run: Any, projects: Path, name: str, complaint: str) -> None:
    result = run("-A", name, "report", obj=None)
    assert result.exit_code == 2
    assert "Unable to load celery application." in result.output
    assert complaint in result.output
    # An error in the user's code is shown where it is.
    assert ("Traceback" in result.output) == (name in ("cli_broken", "cli_typo"))


@pytest.mark.parametrize("variable", ["CELERY_APP", "APP"])
def test_app_from_the_environment(
    run: Any, projects: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "cli_shop:main")
    result = run("report", obj=None)
    assert "broker_url: 'memory://" in result.output


def test_options_that_reach_the_settings(
    run: Any, app: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("-b", "memory://other", "--result-backend", "cache+memory://", "--skip-checks")
    assert run(*options, "list", "bindings").exit_code == 0
    assert os.environ["CELERY_BROKER_URL"] == "memory://other"
    assert os.environ["CELERY_RESULT_BACKEND"] == "cache+memory://"
    assert os.environ["CELERY_SKIP_CHECKS"] == "true"
    assert app.conf.broker_url == "memory://other"


@pytest.mark.parametrize("variable", ["CELERY_BROKER", "BROKER_URL"])
def test_broker_from_the_environment(
    run: Any, app: Celery, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "memory://env")
    run("list", "bindings")
    assert app.conf.broker_url == "memory://env"


def test_workdir(run: Any, projects: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir("/")
    result = run("--workdir", str(projects), "-A", "cli_shop", "report", obj=None)
    assert "memory://" in result.output
    assert Path.cwd() == projects.resolve()
    assert sys.path[0] == str(projects.resolve())
    missing = run("--workdir", str(tmp_path / "nope"), "report", obj=None)
    assert (missing.exit_code, "does not exist" in missing.output) == (2, True)


@pytest.mark.parametrize("how", ["-C", "NO_COLOR", "CELERY_NO_COLOR"])
def test_colours_can_be_switched_off(run: Any, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    args: tuple[str, ...] = ("purge",)
    if how == "-C":
        args = ("-C", "purge")
    else:
        assert "\x1b[" in run(*args, color=True).output
        monkeypatch.setenv(how, "please")
    assert "\x1b[" not in run(*args, color=True).output


class TestFromAProgram:
    def test_start_runs_a_command(self, app: Celery, capsys: pytest.CaptureFixture[str]) -> None:
        app.start(["report"])
        assert "transport:memory" in capsys.readouterr().out

    def test_errors_are_raised(self, app: Celery) -> None:
        with pytest.raises(click.UsageError, match="No such command"):
            start(app, ["nope"])

    def test_the_command_line_is_the_process_s(
        self, app: Celery, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "argv", ["program", "--version"])
        start(app)
        assert capsys.readouterr().out == f"{VERSION_BANNER}\n"

    def test_app_on_the_command_line_wins(
        self, app: Celery, projects: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        start(app, ["-A", "cli_shop", "shell", "--help"])
        start(app, ["-A", "cli_shop", "report"])
        assert "shop" not in app.conf.broker_url
        assert "broker_url: 'memory://'" in capsys.readouterr().out

    def test_worker_main_is_for_workers(self, app: Celery) -> None:
        with pytest.raises(ValueError, match="worker sub-command must be specified"):
            worker_main(app, ["report"])
