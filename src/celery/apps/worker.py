"""The worker program: logging, banner, signals, process title around a `WorkController`."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Any

from celery import signals
from celery.app import trace
from celery.apps import _signals
from celery.apps._banner import banner, task_list
from celery.exceptions import CDeprecationWarning
from celery.platforms import EX_OK, check_privileges, set_mp_process_title, strargv
from celery.utils.log import get_logger
from celery.worker import WorkController

__all__ = ["Worker"]

logger = get_logger(__name__)


class Worker(WorkController):
    """A worker as ``celery worker`` runs it.

    Besides the options of `WorkController`:

    Args:
        quiet: print no banner.
        purge: delete waiting messages before starting.
        no_color: no colours in the log; None: as the settings say.
        redirect_stdouts, redirect_stdouts_level: what tasks print goes to the log, at that level.
    """

    #: HUP was received: when the worker has stopped, the program starts anew.
    restart_wanted = False

    def on_before_init(self, quiet: bool = False, **kwargs: Any) -> None:
        self.quiet = quiet
        trace.setup_worker_optimizations(self.app, self.hostname)
        # The configuration may be changed by receivers, before anything is read from it.
        signals.celeryd_init.send(
            sender=self.hostname, instance=self, conf=self.app.conf, options=kwargs
        )
        check_privileges(self.app.conf.accept_content)

    def on_after_init(
        self,
        purge: bool = False,
        no_color: bool | None = None,
        redirect_stdouts: bool | None = None,
        redirect_stdouts_level: Any = None,
        **kwargs: Any,
    ) -> None:
        conf = self.app.conf
        self.redirect_stdouts = (
            conf.worker_redirect_stdouts if redirect_stdouts is None else redirect_stdouts
        )
        self.redirect_stdouts_level = redirect_stdouts_level or conf.worker_redirect_stdouts_level
        super().on_after_init(**kwargs)
        self.purge = purge
        self.no_color = no_color
        self._isatty = sys.stdout.isatty()
        self.colored = self.app.log.colored(
            self.logfile, enabled=not no_color if no_color is not None else None
        )

    def on_init_blueprint(self) -> None:
        self._custom_logging = self.setup_logging()
        # Tasks that print while they are imported have done so; from here on it is the log.
        trace.setup_worker_optimizations(self.app, self.hostname)

    def on_start(self) -> None:
        app = self.app
        super().on_start()
        signals.celeryd_after_setup.send(sender=self.hostname, instance=self, conf=app.conf)
        if self.purge:
            self.purge_messages()
        if not self.quiet:
            self.emit_banner()
        self.set_process_status("-active-")
        self.install_platform_tweaks(self)
        if not self._custom_logging and self.redirect_stdouts:
            app.log.redirect_stdouts(self.redirect_stdouts_level)
        self._warn_of_old_settings()

    def _warn_of_old_settings(self) -> None:
        """Name each setting that goes by an old name."""
        old = self.app.conf.deprecated_settings
        if not old or getattr(self.app, "_config_source", None) == "django.conf:settings":
            return
        for name in sorted(old):
            warnings.warn(
                f"The setting {name} has a new name, in lower case; 'celery upgrade settings' "
                "rewrites a settings file to the new names.",
                CDeprecationWarning,
                stacklevel=2,
            )

    def emit_banner(self) -> None:
        """Print the banner, and the tasks unless the log level is above INFO."""
        out = sys.__stdout__
        if out is None:
            return
        parts = [str(self.colored.cyan(banner(self)))]
        if self.loglevel <= logging.INFO:
            debugging = self.loglevel <= logging.DEBUG
            tasks = task_list(self.app.tasks, include_builtins=debugging)
            parts.append(f"\n{tasks}\n")
        out.write("".join(parts) + "\n")
        out.flush()

    def on_consumer_ready(self, consumer: Any) -> None:
        signals.worker_ready.send(sender=consumer)
        logger.info("%s ready.", self.hostname)

    def setup_logging(self, colorize: bool | None = None) -> Any:
        """Configure logging; returns whether somebody else has."""
        if colorize is None and self.no_color is not None:
            colorize = not self.no_color
        return self.app.log.setup(
            self.loglevel,
            self.logfile,
            redirect_stdouts=False,
            colorize=colorize,
            hostname=self.hostname,
        )

    def purge_messages(self) -> None:
        """Delete what waits in the queues this worker consumes from."""
        broker = self.app.broker_for_write()
        count = sum(broker.purge(name) for name in self.app.amqp.queues.consume_from)
        if count:
            noun = "message" if count == 1 else "messages"
            print(f"purge: Erased {count} {noun} from the queue.\n", flush=True)  # noqa: T201

    def install_platform_tweaks(self, worker: Any) -> None:
        """Install the signal handlers."""
        self._previous_handlers = _signals.install(worker)

    _previous_handlers: dict[str, Any] | None = None

    def set_process_status(self, info: str) -> Any:
        """Show in the process's title what it does."""
        return set_mp_process_title(
            "celeryd", info=f"{info} ({strargv(sys.argv)})", hostname=self.hostname
        )

    def start(self) -> None:
        try:
            super().start()
        finally:
            if self._previous_handlers is not None:
                _signals.restore(self._previous_handlers)
        if self.restart_wanted and self.exitcode in (EX_OK, None):
            _signals.restart()

    def tasklist(self, include_builtins: bool = True) -> str:
        """The names of the registered tasks, as text."""
        return task_list(self.app.tasks, include_builtins=include_builtins)

    def extra_info(self) -> str | None:
        """The list of tasks, unless the log level is above INFO."""
        if self.loglevel is None or self.loglevel > logging.INFO:
            return None
        return self.tasklist(include_builtins=self.loglevel <= logging.DEBUG)

    def startup_info(self) -> str:
        """The banner, as text."""
        return banner(self)
