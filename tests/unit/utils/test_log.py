"""Loggers, formatters, and standard output that is a log."""

import io
import logging
import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from celery.utils import log
from celery.utils.log import (
    LOG_LEVELS,
    ColorFormatter,
    LoggingProxy,
    base_logger,
    current_process_index,
    get_logger,
    get_multiprocessing_logger,
    get_task_logger,
    in_sighandler,
    iter_open_logger_fds,
    logger_isa,
    mlevel,
    reset_multiprocessing_logger,
    task_logger,
    worker_logger,
)


class TestLoggers:
    def test_silent_until_set_up(self) -> None:
        found = get_logger("celery.some.module")
        assert logger_isa(found, base_logger)
        assert [type(handler) for handler in found.handlers] == [logging.NullHandler]
        assert get_logger(found) is found
        assert task_logger.parent is worker_logger.parent is base_logger

    def test_others_stay_under_the_root(self) -> None:
        assert get_logger("someproject").parent is logging.root
        assert get_logger("someproject.part").parent is base_logger

    def test_task_loggers(self) -> None:
        assert get_task_logger("someproject.tasks").parent is task_logger
        assert get_task_logger("someproject.tasks").name == "someproject.tasks"
        with pytest.raises(RuntimeError, match="reserved"):
            get_task_logger("celery.task")

    def test_a_loop_is_found(self) -> None:
        a, b = logging.Logger("a"), logging.Logger("b")
        a.parent, b.parent = b, a
        with pytest.raises(RuntimeError, match="loop"):
            logger_isa(a, base_logger)

    def test_levels(self) -> None:
        assert [mlevel(level) for level in ("info", "FATAL", 10, None)] == [20, 50, 10, None]
        assert LOG_LEVELS[LOG_LEVELS["WARN"]] == "WARNING"
        with pytest.raises(KeyError):
            mlevel("loud")

    def test_open_files(self, tmp_path: Path) -> None:
        handler = logging.FileHandler(tmp_path / "a.log")
        logger = logging.getLogger("someproject.files")
        logger.addHandler(handler)
        try:
            assert handler.stream in list(iter_open_logger_fds())
        finally:
            logger.removeHandler(handler)
            handler.close()


class TestColorFormatter:
    def record(self, level: int, exc_info: Any = None) -> logging.LogRecord:
        return logging.LogRecord("n", level, "p", 1, "hello %s", ("x",), exc_info)

    @pytest.mark.parametrize(
        ("level", "expected"),
        [
            (logging.DEBUG, "\x1b[1;34mhello x\x1b[0m"),
            (logging.INFO, "hello x"),
            (logging.WARNING, "\x1b[1;33mhello x\x1b[0m"),
            (logging.ERROR, "\x1b[1;31mhello x\x1b[0m"),
            (logging.CRITICAL, "\x1b[1;35mhello x\x1b[0m"),
        ],
    )
    def test_colours(self, level: int, expected: str) -> None:
        assert ColorFormatter("%(message)s").format(self.record(level)) == expected

    def test_without(self) -> None:
        plain = ColorFormatter("%(levelname)s %(message)s", use_color=False)
        assert plain.format(self.record(logging.ERROR)) == "ERROR hello x"

    def test_tracebacks(self) -> None:
        try:
            raise ValueError("boom")
        except ValueError:
            text = ColorFormatter("%(message)s").format(self.record(logging.ERROR, sys.exc_info()))
        assert text.endswith("ValueError: boom\x1b[0m")


class TestLoggingProxy:
    @pytest.fixture
    def written(self) -> Iterator[io.StringIO]:
        stream = io.StringIO()
        self.logger = logging.getLogger("someproject.redirected")
        self.logger.propagate = False
        self.logger.setLevel(logging.DEBUG)
        self.handler = logging.StreamHandler(stream)
        self.handler.setFormatter(logging.Formatter("%(levelname)s:%(message)s"))
        self.logger.addHandler(self.handler)
        yield stream
        self.logger.removeHandler(self.handler)

    def test_writing_is_logging(self, written: io.StringIO) -> None:
        proxy = LoggingProxy(self.logger, logging.ERROR)
        assert [proxy.write(text) for text in ("hi\n", "\n", "", "  x  \n", b"by")] == [
            *(2, 0, 0, 5, 2)
        ]
        proxy.writelines(["a", "b\nc\n"])
        proxy.flush()
        assert written.getvalue() == "ERROR:hi\nERROR:  x  \nERROR:by\nERROR:a\nERROR:b\nc\n"
        assert not proxy.isatty()

    def test_level(self, written: io.StringIO) -> None:
        assert LoggingProxy(self.logger, "WARNING").loglevel == logging.WARNING
        assert LoggingProxy(self.logger).loglevel == logging.DEBUG

    def test_closed(self, written: io.StringIO) -> None:
        proxy = LoggingProxy(self.logger)
        proxy.close()
        assert proxy.write("x") == 0
        assert written.getvalue() == ""

    def test_a_handler_that_prints_does_not_go_on_for_ever(self, written: io.StringIO) -> None:
        proxy = LoggingProxy(self.logger)

        class Printing(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                proxy.write("printed by the handler")

        handler = Printing()
        self.logger.addHandler(handler)
        try:
            proxy.write("x")
        finally:
            self.logger.removeHandler(handler)
        assert written.getvalue() == "DEBUG:x\n"

    def test_a_handler_that_fails_says_so_on_the_terminal(
        self, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        terminal = io.StringIO()
        monkeypatch.setattr(sys, "__stderr__", terminal)
        proxy = LoggingProxy(self.logger)
        self.handler.setFormatter(logging.Formatter("%(nothing)s"))
        proxy.write("x")
        assert "KeyError" in terminal.getvalue()

    def test_in_a_signal_handler_the_log_is_not_touched(
        self, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        terminal = io.StringIO()
        monkeypatch.setattr(sys, "__stderr__", terminal)
        with in_sighandler():
            LoggingProxy(self.logger).write("x")
        assert (written.getvalue(), terminal.getvalue()) == ("", "x\n")
        assert not log._in_sighandler


class TestProcesses:
    def test_index(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert current_process_index() is None
        monkeypatch.setattr(multiprocessing.current_process(), "index", 2, raising=False)
        assert current_process_index() == 3
        assert current_process_index(base=0) == 2

    def test_logger_of_multiprocessing(self) -> None:
        logger = get_multiprocessing_logger()
        logger.addHandler(logging.NullHandler())
        reset_multiprocessing_logger()
        assert logger.handlers == []
