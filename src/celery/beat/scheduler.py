"""Which entry is due next, and sending it: a heap of due times over the entries of a schedule.

One tick looks at the entry on top of the heap::

    not yet its time ── beat sleeps until then
    its time, not due ── back into the heap at its next time
    its time, due ── broker reached ── reserved (its run is noted) ── sent ── back at its next time
                          └── not before beat is to stop: it stays due

A run is noted before it is sent: when beat dies in between, or sending fails after the retries that
the settings allow, that run is missed, never repeated.
"""

from __future__ import annotations

import copy
import heapq
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar, Final

from kombu import Producer as KombuProducer

from celery.beat._event import DRIFT_S, PRIORITY, epoch, event_t, until
from celery.beat._reach import reach_broker, sleep
from celery.beat.entry import ScheduleEntry, evaluate_args, evaluate_kwargs
from celery.schedules import crontab, schedstate
from celery.utils.log import get_logger
from celery.utils.time import humanize_seconds

__all__ = ["DEFAULT_MAX_INTERVAL", "Scheduler", "SchedulingError"]

logger = get_logger("celery.beat")

#: Longest sleep between two looks at the schedule, in seconds.
DEFAULT_MAX_INTERVAL: Final = 300

_CLEANUP: Final = "celery.backend_cleanup"
_CLEANUP_EXPIRES_S: Final = 12 * 3600


class SchedulingError(Exception):
    """A periodic task could not be sent."""


class Scheduler:
    """Keeps the schedule in memory and sends what is due. To be subclassed for other places.

    A subclass overrides `setup_schedule`, and `schedule` or `get_schedule` and `set_schedule`; if
    it stores something, `sync` and `close`. Not thread-safe: one thread ticks.

    Args:
        app: the application.
        schedule: name -> entry, to start from.
        max_interval: longest sleep between two ticks, in seconds; else as the settings say.
        Producer: class of `producer`.
        lazy: leave `setup_schedule` to the caller.
        sync_every_tasks: sync after so many tasks; else as the settings say. 0: only from time to
            time.
        **kwargs: for subclasses, such as `schedule_filename`.
    """

    Entry: ClassVar[Any] = ScheduleEntry

    max_interval: float = DEFAULT_MAX_INTERVAL
    #: Seconds after which to sync.
    sync_every: float = 3 * 60
    sync_every_tasks: int | None = None
    logger = logger

    _last_sync: float | None = None
    _tasks_since_sync = 0
    _heap: list[event_t] | None = None

    def __init__(
        self,
        app: Any,
        schedule: Any = None,
        max_interval: float | None = None,
        Producer: Any = None,  # the documented name
        lazy: bool = False,
        sync_every_tasks: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.app = app
        self.data = {} if schedule is None else schedule
        self.max_interval = max_interval or app.conf.beat_max_loop_interval or self.max_interval
        self.Producer = Producer or KombuProducer
        self.sync_every_tasks = (
            app.conf.beat_sync_every if sync_every_tasks is None else sync_every_tasks
        )
        #: The entries that the heap was built from.
        self.old_schedulers: Any = None
        #: Waits for a number of seconds; true if beat is to stop. Set by the service.
        self.pause: Callable[[float], bool] = sleep
        if not lazy:
            self.setup_schedule()

    # -- the schedule

    def setup_schedule(self) -> None:
        """Fill the schedule from the settings."""
        self.merge_inplace(self.app.conf.beat_schedule)
        self.install_default_entries(self.data)

    def install_default_entries(self, data: Mapping[str, Any]) -> None:
        """Add the nightly removal of old results, where the backend does not do that by itself.

        Args:
            data: the schedule; an entry of the same name there stays as it is.
        """
        if not self.app.conf.result_expires or self.app.backend.supports_autoexpire:
            return
        if _CLEANUP not in data:
            entry = {
                "task": _CLEANUP,
                "schedule": crontab(minute="0", hour="4"),
                "options": {"expires": _CLEANUP_EXPIRES_S},
            }
            self.update_from_dict({_CLEANUP: entry})

    def get_schedule(self) -> Any:
        """The schedule."""
        return self.data

    def set_schedule(self, schedule: Any) -> None:
        """Replace the schedule."""
        self.data = schedule

    @property
    def schedule(self) -> Any:
        """Name -> entry."""
        return self.get_schedule()

    @schedule.setter
    def schedule(self, schedule: Any) -> None:
        self.set_schedule(schedule)

    @property
    def info(self) -> str:
        """A line of the banner: where the schedule is kept."""
        return ""

    def add(self, **kwargs: Any) -> Any:
        """Add an entry made of these arguments; returns it."""
        entry = self.Entry(app=self.app, **kwargs)
        self.schedule[entry.name] = entry
        return entry

    def _maybe_entry(self, name: str, entry: Any) -> Any:
        """The entry that a value of the schedule stands for.

        Raises:
            Exception: it cannot be one; a note says which it is.
        """
        if isinstance(entry, self.Entry):
            entry.app = self.app
            return entry
        try:
            return self.Entry(**{**dict(entry), "name": name, "app": self.app})
        except Exception as exc:
            exc.add_note(f"This is about the entry {name!r} of the beat schedule: {entry!r}")
            raise

    def update_from_dict(self, dict_: Mapping[str, Any]) -> None:
        """Add entries to the schedule, in place of those with the same names."""
        self.schedule.update(
            {name: self._maybe_entry(name, entry) for name, entry in dict_.items()}
        )

    def merge_inplace(self, b: Mapping[str, Any]) -> None:
        """Make the schedule have the entries of `b` and no others; what was noted of runs stays."""
        schedule = self.schedule
        for name in [name for name in schedule if name not in b]:
            del schedule[name]
        for name, value in b.items():
            entry, known = self._maybe_entry(name, value), schedule.get(name)
            if known:
                known.app = self.app
                known.update(entry)
            else:
                schedule[name] = entry

    # -- ticking

    def tick(self) -> float:
        """Send one task if it is due.

        Returns:
            how many seconds to sleep before the next tick; none if it is not positive.

        Raises:
            OperationalError: the broker could not be reached, as often as the settings say.
        """
        if self._heap is None or not self.schedules_equal(self.old_schedulers, self.schedule):
            self.old_schedulers = copy.copy(self.schedule)
            self.populate_heap()
        if not self._heap:
            return self.max_interval
        sleep_s = until(self._heap[0])
        if sleep_s <= 0:
            sleep_s = self._look_at_first(self._heap)
        return min(sleep_s, self.max_interval)

    def _look_at_first(self, heap: list[event_t]) -> float:
        """Send the topmost entry if it is due; how long to sleep."""
        event = heap[0]
        due, next_s = self._ask(event.entry)
        if due:
            if reach_broker(self.app, self.pause):
                # A subclass may replace `self._heap` when the schedule is touched.
                entry = self.reserve(event.entry)
                self.apply_entry(entry, producer=None)
                again = event._replace(time=self._when(entry, next_s), entry=entry)
                heapq.heapreplace(heap, again)
            return 0
        heapq.heapreplace(heap, event._replace(time=self._when(event.entry, next_s)))
        return until(heap[0])

    def _ask(self, entry: Any) -> schedstate:
        """Whether an entry is due; one that fails to tell is asked again after `max_interval`."""
        try:
            due, next_s = self.is_due(entry)
        except Exception:
            logger.exception(
                "beat: Cannot calculate the next run of %r, trying again in %s.",
                entry.name,
                humanize_seconds(self.max_interval),
            )
            due, next_s = False, None
        return schedstate(due, self.max_interval if next_s is None else next_s)

    def is_due(self, entry: Any) -> schedstate:
        """Whether an entry is due, and after how many seconds to ask again."""
        state: schedstate = entry.is_due()
        return state

    def populate_heap(self) -> None:
        """Build the heap anew from the schedule."""
        heap = []
        for entry in self.schedule.values():
            due, next_s = self._ask(entry)
            heap.append(event_t(self._when(entry, 0 if due else next_s), PRIORITY, entry))
        heapq.heapify(heap)
        self._heap = heap

    def _when(self, entry: Any, next_time_to_run: float) -> float:
        """The time, in seconds since the epoch, to look at an entry that is due in so many seconds.

        That is a little early; but then, when waking up has taken less, exactly.
        """
        exactly = min(next_time_to_run, -DRIFT_S)
        return epoch(entry) + max(self.adjust(next_time_to_run), exactly)

    def adjust(self, n: float, drift: float = DRIFT_S) -> float:
        """A number of seconds to sleep, less what waking up takes."""
        return n + drift if n and n > 0 else n

    def schedules_equal(self, old_schedules: Any, new_schedules: Any) -> bool:
        """Whether the heap that was built from one will do for the other."""
        if old_schedules is None or new_schedules is None:
            return old_schedules is new_schedules
        return bool(old_schedules == new_schedules)

    # -- sending

    def reserve(self, entry: Any) -> Any:
        """Note that an entry is run now; returns the one that takes its place."""
        new_entry = self.schedule[entry.name] = next(entry)
        return new_entry

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send an entry's task. An error is logged: this run is missed, and the next one comes."""
        logger.info("Scheduler: Sending due task %s (%s)", entry.name, entry.task)
        try:
            result = self.apply_async(entry, producer=producer, advance=False)
        except Exception as exc:
            logger.exception("Message Error: %s", exc)
        else:
            if result is not None and hasattr(result, "id"):
                logger.debug("%s sent. id->%s", entry.task, result.id)
            else:
                logger.debug("%s sent.", entry.task)

    def apply_async(
        self, entry: Any, producer: Any = None, advance: bool = True, **kwargs: Any
    ) -> Any:
        """Send an entry's task now.

        Args:
            entry: the entry.
            producer: kombu's, to publish with instead of the app's broker.
            advance: note the run.
            **kwargs: for subclasses.

        Returns:
            the result of the task.

        Raises:
            SchedulingError: it could not be sent. The message may have been published in spite of
                it.
        """
        if advance:
            entry = self.reserve(entry)
        try:
            args, arguments = evaluate_args(entry.args), evaluate_kwargs(entry.kwargs)
            options = dict(entry.options or {})
            options["headers"] = {**(options.get("headers") or {}), "celery_beat_task": True}
            task = self.app.tasks.get(entry.task)
            if task is not None:
                return task.apply_async(args, arguments, producer=producer, **options)
            return self.send_task(entry.task, args, arguments, producer=producer, **options)
        except Exception as exc:
            raise SchedulingError(f"Couldn't apply scheduled task {entry.name}: {exc}") from exc
        finally:
            self._tasks_since_sync += 1
            if self.should_sync():
                self._do_sync()

    def send_task(self, *args: Any, **kwargs: Any) -> Any:
        """Send a task by name: `app.send_task`."""
        return self.app.send_task(*args, **kwargs)

    @cached_property
    def connection(self) -> Any:
        """A kombu connection, for subclasses that publish by themselves."""
        return self.app.connection_for_write()

    @cached_property
    def producer(self) -> Any:
        """A kombu producer, likewise."""
        return self.Producer(self.connection, auto_declare=False)

    # -- keeping it

    def should_sync(self) -> bool:
        """Whether it is time to sync."""
        return (
            self._last_sync is None
            or time.monotonic() - self._last_sync > self.sync_every
            or bool(self.sync_every_tasks and self._tasks_since_sync >= self.sync_every_tasks)
        )

    def _do_sync(self) -> None:
        try:
            logger.debug("beat: Synchronizing schedule...")
            self.sync()
        finally:
            self._last_sync = time.monotonic()
            self._tasks_since_sync = 0

    def sync(self) -> None:
        """Store what was noted of runs; here there is nowhere to."""

    def close(self) -> None:
        """Sync, and release the connection. Safe twice; the scheduler may be used again."""
        self.sync()
        self.__dict__.pop("producer", None)
        connection = self.__dict__.pop("connection", None)
        if connection is not None:
            connection.release()


# The paths under which they are documented, and patched.
for _cls in (SchedulingError, Scheduler):
    _cls.__module__ = "celery.beat"
