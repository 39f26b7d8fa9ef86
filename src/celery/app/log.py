"""Setting up logging: the root logger, the task logger, and what is printed to stdout.

A program that configures logging itself connects a receiver to `setup_logging`; then nothing here
touches any logger.
"""

from __future__ import annotations

import logging
import os
import sys
from logging.handlers import WatchedFileHandler
from typing import TYPE_CHECKING, Any

from celery import signals
from celery._state import get_current_task
from celery.local import class_property
from celery.platforms import isatty
from celery.utils.log import (
    ColorFormatter,
    LoggingProxy,
    get_logger,
    get_multiprocessing_logger,
    mlevel,
    reset_multiprocessing_logger,
)
from celery.utils.nodenames import node_format
from celery.utils.term import colored

if TYPE_CHECKING:
    from celery.app.base import Celery

__all__ = ["Logging", "TaskFormatter"]

_MP_LOG = os.environ.get("MP_LOG", False)


class TaskFormatter(ColorFormatter):
    """Adds the name and id of the running task to each line."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record; outside of a task both read ``???``."""
        task = get_current_task()
        if task is not None and task.request:
            record.__dict__.update(task_id=task.request.id, task_name=task.name)
        else:
            record.__dict__.setdefault("task_name", "???")
            record.__dict__.setdefault("task_id", "???")
        return str(super().format(record))


class Logging:
    """Logging of one app; set up once per process."""

    _setup = False

    def __init__(self, app: Celery) -> None:
        self.app = app

    def _is_already_setup(cls) -> bool:  # becomes a property of the class
        return bool(cls._setup)

    def _set_already_setup(cls, value: bool) -> None:
        cls._setup = value

    #: Whether logging has been set up in this process.
    already_setup: Any = class_property(_is_already_setup, _set_already_setup)

    def setup(
        self,
        loglevel: int | str | None = None,
        logfile: Any = None,
        redirect_stdouts: bool = False,
        redirect_level: str = "WARNING",
        colorize: bool | None = None,
        hostname: str | None = None,
    ) -> bool:
        """Set up everything; returns whether the program had done it before.

        The children of a pool find the same settings in ``CELERY_LOG_*`` of the environment.
        """
        level = mlevel(loglevel)
        handled = self.setup_logging_subsystem(level, logfile, colorize=colorize, hostname=hostname)
        if not handled and redirect_stdouts:
            self.redirect_stdouts(redirect_level)
        os.environ.update(
            CELERY_LOG_LEVEL=str(level) if level else "", CELERY_LOG_FILE=str(logfile or "")
        )
        return handled

    def redirect_stdouts(
        self, loglevel: int | str | None = None, name: str = "celery.redirected"
    ) -> None:
        """Send what is printed to a logger."""
        self.redirect_stdouts_to_logger(get_logger(name), loglevel=loglevel)
        os.environ.update(CELERY_LOG_REDIRECT="1", CELERY_LOG_REDIRECT_LEVEL=str(loglevel or ""))

    def redirect_stdouts_to_logger(
        self,
        logger: logging.Logger,
        loglevel: int | str | None = None,
        stdout: bool = True,
        stderr: bool = True,
    ) -> Any:
        """Send stdout, stderr or both to a logger; returns the file that stands in for them."""
        proxy: Any = LoggingProxy(logger, mlevel(loglevel))
        if stdout:
            sys.stdout = proxy
        if stderr:
            sys.stderr = proxy
        return proxy

    def setup_logging_subsystem(
        self,
        loglevel: int | str | None = None,
        logfile: Any = None,
        format: str | None = None,  # the documented names
        colorize: bool | None = None,
        hostname: str | None = None,
        datefmt: str | None = None,
        **kwargs: Any,
    ) -> bool:
        """Configure the root logger and the task logger, once.

        Returns:
            Whether nothing was done, because it was done before or the program does it itself.
        """
        if Logging._setup:
            return True
        logfile = node_format(logfile, hostname) if logfile and hostname else logfile
        Logging._setup = True
        conf = self.app.conf
        level = mlevel(loglevel) or logging.WARNING
        format = format or conf.worker_log_format
        datefmt = datefmt or conf.worker_log_datefmt
        colorize = self.supports_color(colorize, logfile)
        reset_multiprocessing_logger()
        receivers = signals.setup_logging.send(
            sender=None, loglevel=level, logfile=logfile, format=format, colorize=colorize
        )
        if receivers:
            return True
        root = logging.getLogger()
        if conf.worker_hijack_root_logger:
            root.handlers = []
            get_logger("celery").handlers = []
            get_logger("celery.task").handlers = []
            get_logger("celery.redirected").handlers = []
        self._configure_logger(root, logfile, level, format, colorize, datefmt=datefmt, **kwargs)
        self._configure_logger(
            get_multiprocessing_logger(),
            logfile,
            level if _MP_LOG else logging.ERROR,
            format,
            colorize,
            datefmt=datefmt,
            **kwargs,
        )
        signals.after_setup_logger.send(
            sender=None,
            logger=root,
            loglevel=level,
            logfile=logfile,
            format=format,
            colorize=colorize,
        )
        self.setup_task_loggers(level, logfile, colorize=colorize)
        return False

    def setup_task_loggers(
        self,
        loglevel: int | str | None = None,
        logfile: Any = None,
        format: str | None = None,
        colorize: bool | None = None,
        propagate: bool = False,
        datefmt: str | None = None,
        **kwargs: Any,
    ) -> logging.Logger:
        """Configure the logger ``celery.task``, of which all task loggers are children."""
        conf = self.app.conf
        level = mlevel(loglevel) or logging.WARNING
        format = format or conf.worker_task_log_format
        datefmt = datefmt or conf.worker_task_log_datefmt
        colorize = self.supports_color(colorize, logfile)
        logger = self.setup_handlers(
            get_logger("celery.task"),
            logfile,
            format,
            colorize,
            formatter=TaskFormatter,
            datefmt=datefmt,
            **kwargs,
        )
        logger.setLevel(level)
        logger.propagate = bool(propagate)
        signals.after_setup_task_logger.send(
            sender=None,
            logger=logger,
            loglevel=level,
            logfile=logfile,
            format=format,
            colorize=colorize,
        )
        return logger

    def supports_color(self, colorize: bool | None = None, logfile: Any = None) -> bool:
        """Whether to colour: as asked, else as the settings say, else if the log is a terminal."""
        colorize = self.app.conf.worker_log_color if colorize is None else colorize
        if self.app.IS_WINDOWS:
            return False
        if colorize or colorize is None:
            return not logfile and isatty(sys.stderr)
        return bool(colorize)

    def colored(self, logfile: Any = None, enabled: bool | None = None) -> Any:
        """Colours for text that people read."""
        return colored(enabled=self.supports_color(enabled, logfile))

    def setup_handlers(
        self,
        logger: logging.Logger,
        logfile: Any,
        format: str,
        colorize: bool,
        formatter: Any = ColorFormatter,
        datefmt: str | None = None,
        **kwargs: Any,
    ) -> logging.Logger:
        """Give a logger its handler, unless it has one."""
        if self._is_configured(logger):
            return logger
        handler = self._detect_handler(logfile)
        handler.setFormatter(formatter(format, use_color=colorize, datefmt=datefmt))
        logger.addHandler(handler)
        return logger

    def _configure_logger(
        self,
        logger: logging.Logger | None,
        logfile: Any,
        loglevel: int,
        format: str,
        colorize: bool,
        **kwargs: Any,
    ) -> None:
        if logger is not None:
            self.setup_handlers(logger, logfile, format, colorize, **kwargs)
            if loglevel:
                logger.setLevel(loglevel)

    def _is_configured(self, logger: logging.Logger) -> bool:
        return any(not isinstance(handler, logging.NullHandler) for handler in logger.handlers)

    def _detect_handler(self, logfile: Any = None) -> logging.Handler:
        """A handler for a path, for a file object, or for stderr."""
        logfile = sys.__stderr__ if logfile is None else logfile
        if hasattr(logfile, "write"):
            return logging.StreamHandler(logfile)
        return WatchedFileHandler(logfile, encoding="utf-8")

    def get_default_logger(self, name: str = "celery", **kwargs: Any) -> logging.Logger:
        """The logger of that name."""
        return get_logger(name)
