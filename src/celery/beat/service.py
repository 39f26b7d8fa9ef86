"""The loop of beat: tick, sleep, tick.

::

    new ── start() ── running ── stop(), or an exception ── synchronised ── stopped
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from functools import cached_property
from queue import Empty, SimpleQueue
from typing import Any

from celery import signals
from celery.beat._pidbox import BeatPidbox
from celery.beat.persistent import PersistentScheduler
from celery.utils.imports import load_extension_class_names, symbol_by_name
from celery.utils.log import get_logger
from celery.utils.time import humanize_seconds

__all__ = ["Service"]

logger = get_logger("celery.beat")


class Service:
    """Runs a scheduler until it is stopped.

    Args:
        app: the application.
        max_interval: longest sleep between two ticks, in seconds; else as the settings, then the
            scheduler say.
        schedule_filename: for schedulers that keep a file; else as the settings say.
        scheduler_cls: class, its path, or an alias from the entry points.
        remote_control: answer ``ping``; else as the settings say.
        hostname: node name to answer as; else ``celerybeat@<host>``.
    """

    scheduler_cls: Any = PersistentScheduler

    def __init__(
        self,
        app: Any,
        max_interval: float | None = None,
        schedule_filename: str | None = None,
        scheduler_cls: Any = None,
        remote_control: bool | None = None,
        hostname: str | None = None,
    ) -> None:
        self.app = app
        self.max_interval = max_interval or app.conf.beat_max_loop_interval
        self.schedule_filename = schedule_filename or app.conf.beat_schedule_filename
        self.scheduler_cls = scheduler_cls or self.scheduler_cls
        self.remote_control = (
            app.conf.beat_enable_remote_control if remote_control is None else remote_control
        )
        self.hostname = hostname
        #: When the last tick ended, on the monotonic clock.
        self.last_tick: float | None = None
        self._stopping = False
        # Its `put` may interrupt its `get` in the same thread: a signal handler can wake the loop.
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._stopped = threading.Event()

    def __reduce__(self) -> tuple[Any, ...]:
        fields = (
            self.app,
            self.max_interval,
            self.schedule_filename,
            self.scheduler_cls,
            self.remote_control,
            self.hostname,
        )
        return type(self), fields

    def start(self, embedded_process: bool = False) -> None:
        """Run until `stop` is called, or SystemExit or KeyboardInterrupt is raised in the loop.

        When it returns or raises, the schedule has been synchronised.

        Args:
            embedded_process: this is a process of a worker.
        """
        self._stopped.clear()
        logger.info("beat: Starting...")
        pidbox = None
        try:
            scheduler = self.scheduler
            longest = humanize_seconds(scheduler.max_interval)
            logger.debug("beat: Ticking with max interval->%s", longest)
            signals.beat_init.send(sender=self)
            if embedded_process:
                signals.beat_embedded_init.send(sender=self)
            elif self.remote_control:
                pidbox = BeatPidbox(self)
                pidbox.start()
            self._run(scheduler)
        except (KeyboardInterrupt, SystemExit):
            self._stopping = True
        finally:
            logger.info("beat: Shutting down...")
            if pidbox is not None:
                pidbox.stop()
            self.sync()
            self._stopped.set()

    def _run(self, scheduler: Any) -> None:
        self.last_tick = time.monotonic()
        while not self._stopping:
            interval = scheduler.tick()
            self.last_tick = time.monotonic()
            if interval and interval > 0.0:
                logger.debug("beat: Waking up %s.", humanize_seconds(interval, prefix="in "))
                self.pause(interval)
                if scheduler.should_sync():
                    scheduler._do_sync()

    def pause(self, seconds: float) -> bool:
        """Sleep, but not longer than until `stop` is called; true if that has happened."""
        with suppress(Empty):
            self._wake.get(timeout=min(seconds, threading.TIMEOUT_MAX))
        return self._stopping

    @property
    def is_stopping(self) -> bool:
        """Whether it has been told to stop."""
        return self._stopping

    def stop(self, wait: bool = False) -> None:
        """Have the loop end after the tick it is in. Safe twice, and in a signal handler.

        Args:
            wait: return when it has ended; not in the thread of `start`.
        """
        self._stopping = True
        self._wake.put(None)
        if wait:
            self._stopped.wait()

    def sync(self) -> None:
        """Have the scheduler store what was noted of runs, and release what it holds."""
        if "scheduler" in self.__dict__:
            self.scheduler.close()

    def get_scheduler(
        self, lazy: bool = False, extension_namespace: str = "celery.beat_schedulers"
    ) -> Any:
        """Make the scheduler.

        Args:
            lazy: without its schedule.
            extension_namespace: entry points with aliases of schedulers.

        Raises:
            ImportError, AttributeError: there is no such class.
        """
        cls = symbol_by_name(
            self.scheduler_cls, aliases=dict(load_extension_class_names(extension_namespace))
        )
        scheduler = cls(
            app=self.app,
            schedule_filename=self.schedule_filename,
            max_interval=self.max_interval,
            lazy=lazy,
        )
        scheduler.pause = self.pause
        return scheduler

    @cached_property
    def scheduler(self) -> Any:
        """The scheduler, made when first asked for."""
        return self.get_scheduler()


Service.__module__ = "celery.beat"
