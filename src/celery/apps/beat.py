"""The beat program: logging, banner, signals, process title around a `Service`."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from celery import beat, platforms
from celery._state import get_current_app
from celery._version import __version__
from celery.platforms import create_pidlock, set_process_title, strargv
from celery.utils.imports import qualname
from celery.utils.log import get_logger, mlevel
from celery.utils.time import humanize_seconds

__all__ = ["Beat"]

logger = get_logger("celery.beat")

#: Stop when the tick that runs is done; a second one: at once.
STOPPING_SIGNALS = ("TERM", "INT")

RULER = "__    -    ... __   -        _"


class Beat:
    """Beat as ``celery beat`` runs it. SIGTERM and SIGINT end it, its schedule stored.

    Args:
        max_interval: longest sleep between two looks at the schedule, in seconds.
        app: the application; `app.Beat` has it already.
        socket_timeout: seconds that network calls may take; 0: as long as they like.
        pidfile: path of a lock.
        no_color: no colours; None: as the settings say.
        loglevel, logfile: where the log goes, and what of it.
        schedule: path of the schedule's file; else as the settings say.
        scheduler, scheduler_cls: class of the scheduler, or its name; else as the settings say.
        redirect_stdouts, redirect_stdouts_level: what is printed goes to the log, at that level.
        quiet: print no banner.
        remote_control: answer ``ping``; else as the settings say.
        hostname: node name to answer as.
        **kwargs: options that users have added to the command.
    """

    Service: Any = beat.Service
    app: Any = None

    def __init__(  # noqa: PLR0913  # the documented signature
        self,
        max_interval: float | None = None,
        app: Any = None,
        socket_timeout: float = 30,
        pidfile: str | None = None,
        no_color: bool | None = None,
        loglevel: int | str = "WARN",
        logfile: str | None = None,
        schedule: str | None = None,
        scheduler: Any = None,
        scheduler_cls: Any = None,
        redirect_stdouts: bool | None = None,
        redirect_stdouts_level: int | str | None = None,
        quiet: bool = False,
        remote_control: bool | None = None,
        hostname: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.app = app or self.app or get_current_app()
        conf = self.app.conf
        self.max_interval = max_interval
        self.socket_timeout = socket_timeout
        self.pidfile = pidfile
        self.no_color = no_color
        self.loglevel = mlevel(loglevel)
        self.logfile = logfile
        self.schedule = schedule or conf.beat_schedule_filename
        self.scheduler_cls = scheduler or scheduler_cls or conf.beat_scheduler
        self.redirect_stdouts = (
            conf.worker_redirect_stdouts if redirect_stdouts is None else redirect_stdouts
        )
        self.redirect_stdouts_level = redirect_stdouts_level or conf.worker_redirect_stdouts_level
        self.quiet = quiet
        self.remote_control = remote_control
        self.hostname = hostname
        self.colored = self.app.log.colored(
            logfile, enabled=None if no_color is None else not no_color
        )

    def run(self) -> None:
        """Run until a signal ends it."""
        self._print(self.colored.cyan(f"celery beat v{__version__} is starting."))
        self.init_loader()
        self.set_process_title()
        self.start_scheduler()

    def init_loader(self) -> None:
        """Import the task modules."""
        self.app.loader.init_worker()
        self.app.finalize()

    def set_process_title(self) -> None:
        """Show in the process's title what it is."""
        set_process_title("celery beat", info=strargv(sys.argv) if "beat" in sys.argv else "")

    def setup_logging(self, colorize: bool | None = None) -> None:
        """Configure logging."""
        if colorize is None and self.no_color is not None:
            colorize = not self.no_color
        self.app.log.setup(
            self.loglevel,
            self.logfile,
            self.redirect_stdouts,
            self.redirect_stdouts_level,
            colorize=colorize,
        )

    def start_scheduler(self) -> None:
        """Take the lock, and run the service until it ends.

        Raises:
            SystemExit: another process holds the lock.
            Exception: whatever ends the service; it has been logged.
        """
        if self.pidfile:
            create_pidlock(self.pidfile)
        service = self.Service(
            app=self.app,
            max_interval=self.max_interval,
            scheduler_cls=self.scheduler_cls,
            schedule_filename=self.schedule,
            remote_control=self.remote_control,
            hostname=self.hostname,
        )
        self._print(self.banner(service))
        with _restored_afterwards():
            self.setup_logging()
            if self.socket_timeout:
                logger.debug("Setting default socket timeout to %r", self.socket_timeout)
                socket.setdefaulttimeout(self.socket_timeout)
            self.install_sync_handler(service)
            try:
                service.start()
            except Exception as exc:
                logger.critical("beat raised exception %s: %r", type(exc), exc, exc_info=True)
                raise

    def install_sync_handler(self, service: Any) -> None:
        """Have TERM and INT end the service, its schedule stored."""

        def on_signal(signum: int, frame: Any) -> None:
            if service.is_stopping:
                raise SystemExit(0)
            service.stop()

        platforms.signals.update(dict.fromkeys(STOPPING_SIGNALS, on_signal))

    # -- the banner

    def banner(self, service: Any) -> str:
        """What is printed at the start."""
        c = self.colored
        lines = (
            c.blue(RULER),
            c.blue(f"LocalTime -> {datetime.now():%Y-%m-%d %H:%M:%S}"),
            c.blue("Configuration ->"),
            c.reset(self.startup_info(service)),
        )
        return "\n".join(map(str, lines)) + "\n"

    def startup_info(self, service: Any) -> str:
        """Where it is connected to, and how it runs."""
        scheduler = service.get_scheduler(lazy=True)
        longest = scheduler.max_interval
        level = logging.getLevelName(self.loglevel or logging.WARNING)
        lines = [
            f"    . broker -> {self.app.broker_for_write().as_uri()}",
            f"    . loader -> {qualname(self.app.loader)}",
            f"    . scheduler -> {qualname(scheduler)}",
            scheduler.info,
            f"    . logfile -> {self.logfile or '[stderr]'}@%{level}",
            f"    . maxinterval -> {humanize_seconds(longest)} ({longest}s)",
        ]
        if service.remote_control:
            lines.append(f"    . remote control -> {beat.beat_nodename(service.hostname)}")
        return "\n".join(line for line in lines if line)

    def _print(self, text: Any) -> None:
        """Print, but not to a log: a banner is for people."""
        if not self.quiet and sys.__stdout__ is not None:
            sys.__stdout__.write(f"{text}\n")
            sys.__stdout__.flush()


@contextmanager
def _restored_afterwards() -> Iterator[None]:
    """A block that may change what the process has one of."""
    handlers = {name: platforms.signals[name] for name in STOPPING_SIGNALS}
    streams, timeout = (sys.stdout, sys.stderr), socket.getdefaulttimeout()
    try:
        yield
    finally:
        platforms.signals.update(handlers)
        sys.stdout, sys.stderr = streams
        socket.setdefaulttimeout(timeout)
