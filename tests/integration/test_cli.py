"""The `celery` command as people type it, on the embedded broker and result store."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.waiting import wait_until
from tests.support.workers import SCRIPT_TIMEOUT_S, Worker, environment

from celery import VERSION_BANNER

COMMAND = Path(sys.executable).with_name("celery")

SHOP = """
from celery import Celery

shop_app = Celery("shop")

@shop_app.task(name="shop.add")
def add(x, y):
    return x + y

@shop_app.task(name="shop.fail")
def fail():
    raise KeyError("no such thing")
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Applications in each place where -A finds one."""
    root = tmp_path_factory.mktemp("project")
    (root / "shop.py").write_text(SHOP)
    for package in ("with_app", "with_celery"):
        (root / package).mkdir()
        (root / package / "__init__.py").write_text("")
    (root / "with_app" / "__init__.py").write_text("from shop import shop_app as app\n")
    (root / "with_celery" / "celery.py").write_text("from shop import shop_app as app\n")
    return root


def celery(
    project: Path, *args: str, stdin: str = "", env: dict[str, str | None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, in the project's directory."""
    return subprocess.run(
        [COMMAND, *args],
        cwd=project,
        env=environment({"CELERY_DATA_DIR": str(project / "data"), **(env or {})}),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=SCRIPT_TIMEOUT_S,
    )


def output(project: Path, *args: str, stdin: str = "") -> str:
    """What the command prints; it must end well."""
    done = celery(project, *args, stdin=stdin)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def typed(project: Path, line: str, *, app: str = "shop") -> str:
    """What the shell prints when this line is typed; its greeting goes to standard error."""
    done = celery(project, "-A", app, "shell", "--python", stdin=f"{line}\n")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_version(project: Path) -> None:
    assert output(project, "--version") == f"{VERSION_BANNER}\n"


def test_the_module_is_the_command(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "celery", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"{VERSION_BANNER}\n")


@pytest.mark.parametrize(
    "name",
    ["shop", "shop:shop_app", "shop.shop_app", "with_app", "with_celery", "with_celery.celery"],
)
def test_where_an_app_is_found(project: Path, name: str) -> None:
    assert "it is shop" in typed(project, "print('it is', app.main)", app=name)


@pytest.mark.parametrize(
    ("args", "code", "complaint"),
    [
        (("wrker",), 2, "Did you mean one of these?\n    worker\n"),
        (("-A", "nowhere", "report"), 2, "There is no module 'nowhere'."),
        (("-A", "shop:nothing", "report"), 2, "has no attribute 'nothing'"),
        (("worker", "-A", "shop"), 2, "celery -A <app> worker ..."),
        (("-A", "shop", "call"), 2, "Missing argument 'NAME'"),
        (("-A", "shop", "worker", "--concurrency", "x"), 2, "'auto'"),
        (("-A", "shop", "worker", "-P", "gevent"), 1, "Error: the pool cannot be used: "),
        (("-A", "shop", "-b", "nope://", "purge", "-f"), 1, "No such transport: nope"),
        (("-A", "shop", "-b", "redis://127.0.0.1:1", "purge", "-f"), 69, "Could not connect"),
        (("-A", "shop", "-b", "redis://127.0.0.1:1", "call", "x"), 69, "127.0.0.1:1"),
        (("-A", "shop", "status", "-t", "0.1"), 69, "No nodes replied"),
    ],
)
def test_errors(project: Path, args: tuple[str, ...], code: int, complaint: str) -> None:
    done = celery(project, *args)
    assert (done.returncode, done.stdout) == (code, "")
    assert complaint in done.stderr


def test_a_task_is_sent_and_purged(project: Path) -> None:
    assert re.fullmatch(r"[0-9a-f-]{36}\n", output(project, "-A", "shop", "call", "shop.add"))
    text = output(project, "-A", "shop", "purge", stdin="y\n")
    assert text.endswith("Purged 1 message from 1 known task queue.\n")


def test_bindings_and_report(project: Path) -> None:
    lines = output(project, "-A", "shop", "list", "bindings").splitlines()
    assert lines[2].split() == ["celery", "celery", "celery"]
    assert "transport:sqlite results:sqlite" in output(project, "-A", "shop", "report")


def test_tasks_in_the_shell(project: Path) -> None:
    assert "42 <class" in typed(project, "print(add(2, 40), chain)")


@pytest.fixture(scope="module")
def worker(project: Path) -> Iterator[Worker]:
    env = {"CELERY_DATA_DIR": str(project / "data")}
    with Worker("shop", "-c", "1", "-n", "w1@box", cwd=project, env=env) as started:
        yield started


@pytest.mark.usefixtures("worker")
class TestWithAWorker:
    def test_results(self, project: Path) -> None:
        task_id = output(project, "-A", "shop", "call", "shop.add", "-a", "[1, 2]").strip()
        assert output(project, "-A", "shop", "result", task_id) == "3\n"

    def test_failures(self, project: Path) -> None:
        task_id = output(project, "-A", "shop", "call", "shop.fail").strip()
        done = celery(project, "-A", "shop", "result", task_id)
        assert done.returncode == 1
        assert "KeyError: 'no such thing'" in done.stderr
        assert "in fail" in output(project, "-A", "shop", "result", "--traceback", task_id)

    def test_status(self, project: Path) -> None:
        assert output(project, "-A", "shop", "status") == "->  w1@box: OK\n\n1 node online.\n"
        replies = json.loads(output(project, "-A", "shop", "status", "--json"))
        assert replies == {"w1@box": {"ok": "pong"}}

    def test_inspect(self, project: Path) -> None:
        text = output(project, "-A", "shop", "inspect", "registered", "-d", "w1@box")
        assert "->  w1@box: OK\n    * shop.add\n    * shop.fail\n" in text
        assert celery(project, "-A", "shop", "inspect", "ping", "-d", "w2@box").returncode == 69

    def test_control(self, project: Path) -> None:
        text = output(project, "-A", "shop", "control", "rate_limit", "shop.add", "10/m")
        assert text == "->  w1@box: OK\n        new rate limit set successfully\n"


def test_in_the_background(project: Path) -> None:
    pidfile, log = project / "w2.pid", project / "w2.log"
    args = "-A shop worker -D -c 1 -n w2@box -l INFO --pidfile %n.pid --logfile %n.log"
    output(project, *args.split())
    wait_until(lambda: log.exists() and "w2@box ready." in log.read_text(), timeout=40)
    try:
        pid = int(pidfile.read_text())
        assert os.getsid(pid) != os.getsid(0)
        assert output(project, "-A", "shop", "status", "-d", "w2@box").startswith("->  w2@box: OK")
    finally:
        os.kill(int(pidfile.read_text()), signal.SIGTERM)
    wait_until(lambda: not pidfile.exists(), timeout=20)
