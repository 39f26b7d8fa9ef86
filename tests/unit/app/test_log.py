"""Setting up logging, once, unless the program does it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.flows import flow_app

from celery import Celery, signals
from celery.app.log import Logging, TaskFormatter
from celery.utils.log import get_task_logger


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    """An app in a process whose logging has not been set up; all is put back afterwards."""
    names = ("celery", "celery.task", "celery.redirected", "multiprocessing")
    loggers = [logging.getLogger(), *map(logging.getLogger, names)]
    before = [(lg, list(lg.handlers), lg.level, lg.propagate) for lg in loggers]
    for variable in ("LEVEL", "FILE", "REDIRECT", "REDIRECT_LEVEL"):
        monkeypatch.setenv(f"CELERY_LOG_{variable}", "")
    monkeypatch.setattr(Logging, "_setup", False)
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    yield flow_app()
    for logger, handlers, level, propagate in before:
        for handler in logger.handlers:
            if handler not in handlers:
                handler.close()
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def test_setup_writes_to_the_file_once(app: Celery, tmp_path: Path) -> None:
    file = tmp_path / "worker-%n.log"
    assert app.log.setup("INFO", str(file), hostname="one@host") is False
    assert app.log.setup("INFO", str(file)) is True
    logging.getLogger("mine").info("hello")
    text = (tmp_path / "worker-one.log").read_text()
    assert text.count("hello") == 1
    assert "INFO/MainProcess] hello" in text


def test_the_root_logger_may_be_kept(app: Celery, tmp_path: Path) -> None:
    handler = logging.NullHandler()
    app.conf.worker_hijack_root_logger = False
    logging.getLogger().addHandler(handler)
    app.log.setup("INFO", str(tmp_path / "log"))
    assert handler in logging.getLogger().handlers


def test_a_program_may_do_it_itself(app: Celery) -> None:
    calls: list[Any] = []

    def configure(**kwargs: Any) -> None:
        calls.append(kwargs["loglevel"])

    handlers = list(logging.getLogger().handlers)
    signals.setup_logging.connect(configure)
    try:
        assert app.log.setup("DEBUG") is True
    finally:
        signals.setup_logging.disconnect(configure)
    assert calls == [logging.DEBUG]
    assert logging.getLogger().handlers == handlers


def test_a_task_line_names_the_task(app: Celery, tmp_path: Path) -> None:
    file = tmp_path / "log"
    app.log.setup("INFO", str(file))
    logger = get_task_logger("my.tasks")

    @app.task(name="talk", shared=False)
    def talk() -> None:
        logger.info("inside")

    talk.apply(task_id="the-id")
    logger.info("outside")
    lines = file.read_text().splitlines()
    assert any("talk[the-id]: inside" in line for line in lines)
    assert any("???[???]: outside" in line for line in lines)


def test_task_formatter_outside_of_a_task() -> None:
    record = logging.LogRecord("n", logging.INFO, "p", 1, "text", (), None)
    formatter = TaskFormatter("%(task_name)s[%(task_id)s] %(message)s", use_color=False)
    assert formatter.format(record) == "???[???] text"


def test_print_goes_to_the_log(app: Celery, tmp_path: Path) -> None:
    file = tmp_path / "log"
    app.log.setup("INFO", str(file), redirect_stdouts=True, redirect_level="INFO")
    print("printed")
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    assert "printed" in file.read_text()


@pytest.mark.parametrize(
    ("colorize", "logfile", "expected"), [(False, None, False), (True, "file", False)]
)
def test_colours(app: Celery, colorize: bool, logfile: str | None, expected: bool) -> None:
    assert app.log.supports_color(colorize, logfile) is expected
