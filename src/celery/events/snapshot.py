"""Cameras: take a picture of the cluster's state every now and then."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self

from kombu.utils.limits import TokenBucket

from celery._ports import AppPort
from celery._state import app_or_default
from celery.events.state import State
from celery.platforms import create_pidlock
from celery.utils.dispatch import Signal
from celery.utils.imports import instantiate
from celery.utils.log import get_logger
from celery.utils.time import rate
from celery.utils.timer2 import Timer

__all__ = ("Polaroid", "evcam")

logger = get_logger("celery.evcam")


class Polaroid:
    """Base of cameras: override `on_shutter`, and `on_cleanup` to tidy up what you have stored.

    Both are called from the timer's thread, with the state held still during `on_shutter`.

    >>> class Camera(Polaroid):
    ...     clear_after = True
    ...     def on_shutter(self, state):
    ...         store([task.as_dict() for _, task in state.tasks_by_time()])

    Args:
        state: What to take pictures of.
        freq: Seconds between two pictures.
        maxrate: At most so many, for example ``"10/m"``.
        cleanup_freq: Seconds between two clean-ups.
        timer: Calls repeatedly; by default a thread of the camera's.
    """

    #: Sent before each picture; the sender is the state.
    shutter_signal = Signal(name="shutter_signal", providing_args={"state"})
    #: Sent before each clean-up; the sender is the state.
    cleanup_signal = Signal(name="cleanup_signal")

    #: Forget after each picture what it has shown: workers, and tasks that have ended.
    clear_after = False

    #: Timer for cameras that are given none.
    timer: Any = None

    def __init__(
        self,
        state: State,
        freq: float = 1.0,
        maxrate: str | float | None = None,
        cleanup_freq: float = 3600.0,
        timer: Any = None,
        app: AppPort | None = None,
    ) -> None:
        self.app = app_or_default(app)
        self.state = state
        self.freq = freq
        self.cleanup_freq = cleanup_freq
        self._own_timer = None if timer or self.timer else Timer()
        self.timer = timer or self.timer or self._own_timer
        self.logger = logger
        self.maxrate: Any = TokenBucket(rate(maxrate)) if maxrate else None
        self._scheduled: tuple[Any, ...] = ()

    def __enter__(self) -> Self:
        self.install()
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            self.capture()  # what has happened since the last one
        finally:
            self.cancel()

    def install(self) -> None:
        """Take pictures from now on.  Safe twice."""
        if not self._scheduled:
            self._scheduled = (
                self.timer.call_repeatedly(self.freq, self.capture),
                self.timer.call_repeatedly(self.cleanup_freq, self.cleanup),
            )

    def cancel(self) -> None:
        """Take no more; return when the last one is done, if the timer is the camera's.  For good.

        Safe twice.
        """
        scheduled, self._scheduled = self._scheduled, ()
        for entry in scheduled:
            entry.cancel()
        if self._own_timer is not None:
            self._own_timer.stop()

    def capture(self) -> None:
        """Take a picture of the state, held still."""
        self.state.freeze_while(self.shutter, clear_after=self.clear_after)

    def shutter(self) -> None:
        """Take a picture, unless there have been too many."""
        if self.maxrate is None or self.maxrate.can_consume():
            logger.debug("Shutter: %s", self.state)
            self.shutter_signal.send(sender=self.state)
            self.on_shutter(self.state)

    def cleanup(self) -> None:
        """Tidy up."""
        logger.debug("Cleanup: Running...")
        self.cleanup_signal.send(sender=self.state)
        self.on_cleanup()

    def on_shutter(self, state: State) -> None:
        """Store what is of interest; does nothing by itself."""

    def on_cleanup(self) -> None:
        """Delete what is no longer of interest; does nothing by itself."""


def evcam(
    camera: str | Callable[..., Polaroid],
    freq: float = 1.0,
    maxrate: str | float | None = None,
    loglevel: str | int = 0,
    logfile: str | None = None,
    pidfile: str | None = None,
    timer: Any = None,
    app: AppPort | None = None,
    **kwargs: Any,
) -> None:
    """Take pictures with a camera until interrupted: ``celery events --camera``.

    Args:
        camera: Class of the camera, or its name.
        freq, maxrate, timer: As for :class:`Polaroid`.
        loglevel, logfile: Of the logging that is set up.
        pidfile: Keeps others from starting the same.
        **kwargs: Other arguments of the camera.

    Raises:
        SystemExit: It was interrupted.
        LockFailed: There is one already that uses `pidfile`.
    """
    app = app_or_default(app)
    with ExitStack() as cleanup:
        if pidfile:
            cleanup.callback(create_pidlock(pidfile).release)
        app.log.setup_logging_subsystem(loglevel, logfile)
        sys.stdout.write(f"-> evcam: Taking snapshots with {camera} (every {freq} secs.)\n")
        sys.stdout.flush()
        state = app.events.State()
        cam = instantiate(camera, state, app=app, freq=freq, maxrate=maxrate, timer=timer, **kwargs)
        cam.install()
        cleanup.callback(cam.cancel)
        connection = cleanup.enter_context(app.connection_for_read())
        receiver = app.events.Receiver(connection, app=app, handlers={"*": state.event})
        try:
            receiver.capture(limit=None)
        except KeyboardInterrupt:
            raise SystemExit from None
