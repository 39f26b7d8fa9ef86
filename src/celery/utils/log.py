"""Loggers, and how their lines look and where they go."""

import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import IO, Any, Final

from celery.utils.term import colored

__all__ = (
    "LOG_LEVELS",
    "ColorFormatter",
    "LoggingProxy",
    "base_logger",
    "current_process",
    "current_process_index",
    "get_logger",
    "get_multiprocessing_logger",
    "get_task_logger",
    "in_sighandler",
    "iter_open_logger_fds",
    "logger_isa",
    "mlevel",
    "reset_multiprocessing_logger",
    "set_in_sighandler",
    "task_logger",
    "worker_logger",
)

_LEVELS: Final = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET")

#: Number of each log level, and (under the number) its name.
LOG_LEVELS: Final[dict[str | int, Any]] = {
    **{name: getattr(logging, name) for name in (*_LEVELS, "FATAL", "WARN")},
    **{getattr(logging, name): name for name in _LEVELS},
}

#: Loggers that are not those of any module.
RESERVED_LOGGER_NAMES: Final = frozenset({"celery", "celery.task"})


# -- loggers


def _quiet(name: str) -> logging.Logger:
    """Return a logger that does not complain if nobody has set up logging."""
    logger = logging.getLogger(name)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return logger


#: Parent of all other loggers of this package.
base_logger: Final = _quiet("celery")
logger: Final = base_logger
#: Parent of the loggers of tasks.
task_logger: Final = _quiet("celery.task")
worker_logger: Final = _quiet("celery.worker")


def logger_isa(l: logging.Logger, p: logging.Logger, max: int = 1000) -> bool:  # noqa: E741
    """Say whether the logger `l` is `p`, or below it.

    Raises:
        RuntimeError: The loggers are each other's parents, or nested more than `max` deep.
    """
    this: logging.Logger | None = l
    for _ in range(max):
        if this is p:
            return True
        if this is None:
            return False
        this = this.parent
    raise RuntimeError(f"Logger hierarchy of {l.name!r} exceeds {max} levels, or is a loop")


def _adopt(parent: logging.Logger, child: logging.Logger) -> logging.Logger:
    """Put a logger below `parent` unless it is there already."""
    if not logger_isa(child, parent):
        child.parent = parent
    return child


def get_logger(name: str | logging.Logger) -> logging.Logger:
    """Return the logger of a module, silent until logging is set up.

    A logger whose parent is that of another module becomes a child of ``celery``; one directly
    under the root logger stays there.
    """
    found = _quiet(name if isinstance(name, str) else name.name)
    if logging.root not in (found, found.parent) and found is not base_logger:
        _adopt(base_logger, found)
    return found


def get_task_logger(name: str) -> logging.Logger:
    """Return a logger for the tasks of a module, a child of ``celery.task``.

    Its lines say which task they are about (``worker_task_log_format``).

    Raises:
        RuntimeError: `name` is one of this package's own loggers.
    """
    if name in RESERVED_LOGGER_NAMES:
        raise RuntimeError(f"Logger name {name!r} is reserved!")
    return _adopt(task_logger, get_logger(name))


def mlevel(level: int | str | None) -> int | None:
    """Return the number of a log level given by name or number.

    Raises:
        KeyError: There is no level of that name.
    """
    if not isinstance(level, str):
        return level
    number: int | None = LOG_LEVELS[level.upper()] if level else None
    return number


def iter_open_logger_fds() -> Iterator[IO[Any]]:
    """Yield the streams the handlers of all loggers write to, each once."""
    seen: set[int] = set()
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    for known in loggers:
        for handler in getattr(known, "handlers", ()):  # a PlaceHolder has none
            stream = getattr(handler, "stream", None)
            if stream is not None and id(handler) not in seen:
                seen.add(id(handler))
                yield stream


# -- logging while a signal is handled

_in_sighandler = False


def set_in_sighandler(value: bool) -> None:
    """Say whether a signal handler is running: writing to a redirected stream is then off.

    The handler may have interrupted logging itself, which holds a lock.
    """
    global _in_sighandler
    _in_sighandler = value


@contextmanager
def in_sighandler() -> Iterator[None]:
    """Mark a block as the body of a signal handler, see :func:`set_in_sighandler`."""
    set_in_sighandler(True)
    try:
        yield
    finally:
        set_in_sighandler(False)


# -- how lines look


class ColorFormatter(logging.Formatter):
    """Formats lines in the colour of their level.

    Args:
        fmt: Format string.
        use_color: ``False`` turns the colours off.
        datefmt: Format of the time.
    """

    COLORS: Final = colored().names
    #: Level name -> what colours it; the other levels have no colour.
    colors: dict[str, Callable[..., colored]] = {
        "DEBUG": COLORS["blue"],
        "WARNING": COLORS["yellow"],
        "ERROR": COLORS["red"],
        "CRITICAL": COLORS["magenta"],
    }

    def __init__(
        self, fmt: str | None = None, use_color: bool = True, datefmt: str | None = None
    ) -> None:
        super().__init__(fmt, datefmt)
        self.use_color = use_color

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with its traceback if there is one."""
        text = super().format(record)
        color = self.colors.get(record.levelname)
        return str(color(text)) if color and self.use_color else text


class LoggingProxy:
    """A file that is a logger: what is written to it is logged.

    Stands in for standard output and error when they are redirected to the log.

    Args:
        logger: Where to log.
        loglevel: On which level; by default that of the logger.
    """

    mode = "w"
    name: str | None = None
    closed = False
    loglevel = logging.ERROR

    _thread = threading.local()

    def __init__(self, logger: logging.Logger, loglevel: int | str | None = None) -> None:
        self.logger = logger
        self.loglevel = mlevel(loglevel or logger.level or self.loglevel) or self.loglevel
        self._report_to_terminal()

    def _report_to_terminal(self) -> None:
        """Have handlers that fail say so on the real standard error: the other one is this."""
        for handler in self.logger.handlers:
            handler.handleError = _print_handler_error  # type: ignore[method-assign]  # on purpose

    def write(self, data: str | bytes) -> int:
        """Log a text, unless it is empty but for line breaks.

        Returns:
            The number of characters logged.
        """
        if _in_sighandler:
            print(safe_text(data), file=sys.__stderr__)  # the log may be locked
            return len(data)
        if self.closed or getattr(self._thread, "writing", False):
            return 0  # written by a handler of this very logger: would go on for ever
        text = safe_text(data).rstrip("\n")
        if not text:
            return 0
        self._thread.writing = True
        try:
            self.logger.log(self.loglevel, "%s", text)
        finally:
            self._thread.writing = False
        return len(text)

    def writelines(self, sequence: Iterable[str | bytes]) -> None:
        """Log each text."""
        for part in sequence:
            self.write(part)

    def flush(self) -> None:
        """Do nothing: every write is logged at once."""

    def close(self) -> None:
        """Log nothing any more."""
        self.closed = True

    def isatty(self) -> bool:
        """Say that this is no terminal."""
        return False


def safe_text(data: str | bytes) -> str:
    """Return text as it is, and bytes read as UTF-8 as far as they are."""
    return data.decode(errors="replace") if isinstance(data, bytes) else str(data)


def _print_handler_error(record: logging.LogRecord) -> None:
    """Report that a log handler failed, on the real standard error."""
    terminal = sys.__stderr__
    if terminal is None:
        return  # a daemon has closed it: there is nowhere to report to
    terminal.write(f"Cannot log {record.msg!r} of {record.name}:\n")
    traceback.print_exc(file=terminal)


# -- processes


# multiprocessing is imported when needed: it takes as long to import as logging itself.


def current_process() -> Any:
    """Return what :mod:`multiprocessing` knows of this process."""
    return import_module("multiprocessing").current_process()


def get_multiprocessing_logger() -> logging.Logger:
    """Return the logger of the standard library's :mod:`multiprocessing`."""
    found: logging.Logger = import_module("multiprocessing.util").get_logger()
    return found


def reset_multiprocessing_logger() -> None:
    """Take the handlers from the logger of :mod:`multiprocessing`."""
    get_multiprocessing_logger().handlers[:] = []


def current_process_index(base: int = 1) -> int | None:
    """Return the number of this worker child, counted from `base`; ``None`` in other processes."""
    if "multiprocessing" not in sys.modules:
        return None  # a child of a worker has it
    index: int | None = getattr(current_process(), "index", None)
    return None if index is None else index + base
