"""``celery beat`` and ``celery worker -B``: real programs that send a task twice a second."""

from __future__ import annotations

import os
import shelve
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis
from tests.support.waiting import wait_until
from tests.support.workers import START_TIMEOUT_S, STOP_TIMEOUT_S, Program, Worker

REDIS_DB = 4

PROJECT = """
import os
from celery import Celery, current_task

app = Celery("ticking")
app.conf.task_default_queue = os.environ["QUEUE"]
app.conf.beat_schedule = {"tick": {"task": "tick", "schedule": 0.5, "args": ("tock",)}}

@app.task(name="tick")
def tick(word):
    line = f"{word} {current_task.request.headers['celery_beat_task']}"
    with open(os.environ["OUTPUT"], "a") as output:
        print(line, file=output)
"""


@dataclass(frozen=True)
class Project:
    """An app in a directory of its own, at a queue of its own."""

    directory: Path
    env: Mapping[str, str]

    @property
    def schedule(self) -> Path:
        return self.directory / "schedule"

    def ran(self) -> list[str]:
        """What its tasks have written."""
        output = Path(self.env["OUTPUT"])
        return output.read_text().splitlines() if output.exists() else []

    def entry(self) -> Any:
        """The entry as it is in the file."""
        with shelve.open(self.schedule, flag="r") as store:
            return store["entries"]["tick"]

    @contextmanager
    def beat(self, *arguments: str) -> Iterator[Program]:
        command = [sys.executable, "-m", "celery", "-A", "project", "beat", "-l", "DEBUG"]
        command += ["-s", str(self.schedule), *arguments]
        program = Program(command, cwd=self.directory, env=self.env, name="beat")
        try:
            yield program
        finally:
            program.kill()

    def worker(self, *arguments: str) -> Worker:
        arguments = ("-c", "1", "--without-gossip", "--without-mingle", *arguments)
        return Worker("project", *arguments, cwd=self.directory, env=self.env)


def stop(program: Program) -> None:
    """End it as service managers do; it must end well."""
    program.signal(signal.SIGTERM)
    assert program.wait(STOP_TIMEOUT_S) == 0, program.log


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.redis)])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    (tmp_path / "project.py").write_text(PROJECT)
    own = f"beat-{uuid4().hex[:12]}"
    env = {
        "QUEUE": own,
        "OUTPUT": str(tmp_path / "output"),
        "CELERY_DATA_DIR": str(tmp_path / "data"),
    }
    if request.param == "sqlite":
        yield Project(tmp_path, env)
        return
    url = f"{request.getfixturevalue('redis_server')}/{REDIS_DB}"
    yield Project(tmp_path, {**env, "CELERY_BROKER_URL": url})
    with Redis.from_url(url) as client:
        client.delete(*client.scan_iter(f"*{own}*"), f"_kombu.binding.{own}")


def test_a_schedule_of_half_a_second(project: Project) -> None:
    with project.worker(), project.beat() as beat:
        wait_until(lambda: len(project.ran()) >= 4, 30, "four runs")
        stop(beat)
    sent = beat.log.count("Scheduler: Sending due task tick (tick)")
    assert project.ran() == ["tock True"] * sent
    assert project.entry().total_run_count == sent


def test_a_restart_goes_on_where_it_was(project: Project) -> None:
    with project.beat() as beat:
        for _ in range(2):
            beat.wait_for_line("tick sent. id->", start=beat.line_count())
        stop(beat)
    before = project.entry()
    assert before.total_run_count >= 2
    # The run is overdue by now, so that the first tick sends it; a new entry would wait.
    with project.beat() as beat:
        beat.wait_for_line("tick sent. id->")
        lines = beat.log.splitlines()
        stop(beat)
    (ticking,) = (n for n, line in enumerate(lines) if "Ticking with" in line)
    assert "Sending due task tick" in lines[ticking + 1]
    after = project.entry()
    assert after.total_run_count > before.total_run_count
    assert after.last_run_at > before.last_run_at


def test_beat_in_a_worker_stores_its_schedule_when_the_worker_stops(project: Project) -> None:
    with project.worker("-B", "-s", str(project.schedule)) as worker:
        wait_until(lambda: len(project.ran()) >= 2, 30, "two runs")
    assert "/Beat] beat: Shutting down..." in worker.log
    assert project.entry().total_run_count >= 2


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell")
def test_beat_in_a_worker_dies_with_it(project: Project) -> None:
    with project.worker("-B", "-s", str(project.schedule)) as worker:
        wait_until(lambda: project.ran(), 30, "a run")
        os.kill(worker.process.pid, signal.SIGKILL)  # the worker alone, not its group
        assert worker.process.wait(STOP_TIMEOUT_S) == -signal.SIGKILL
        worker.wait_for_line("/Beat] beat: Shutting down...", STOP_TIMEOUT_S)


def test_beat_can_be_asked_whether_it_is_well(project: Project) -> None:
    with project.beat("--enable-remote-control", "-n", "b@%h") as beat:
        beat.wait_for_line("beat pidbox: Connected to")
        inspect = [sys.executable, "-m", "celery", "-A", "project", "inspect", "ping", "-t", "5"]
        asking = Program(
            inspect, cwd=project.directory, env=project.env, name="celery inspect ping"
        )
        try:
            assert asking.wait(START_TIMEOUT_S) == 0, asking.log
        finally:
            asking.kill()
        assert f"b@{socket.gethostname()}: OK" in asking.log
        assert "pong" in asking.log
        stop(beat)


def test_waiting_for_a_broker_that_is_away_can_be_ended(tmp_path: Path) -> None:
    (tmp_path / "project.py").write_text(PROJECT)
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{taken.getsockname()[1]}"
        project = Project(tmp_path, {"QUEUE": "q", "OUTPUT": "o", "CELERY_BROKER_URL": url})
        with project.beat() as beat:
            beat.wait_for_line("beat: Connection error: .* Trying again in 2.0 seconds")
            stop(beat)
    assert "Sending due task" not in beat.log
