"""Keeps the number of the pool's processes near the number of tasks."""

from __future__ import annotations

import os
import threading
from time import monotonic
from typing import Any

from celery import bootsteps
from celery.utils.log import get_logger
from celery.worker import state
from celery.worker.components import Pool

__all__ = ["Autoscaler", "WorkerComponent"]

logger = get_logger(__name__)

#: Seconds without growth or a task after which the pool may shrink.
AUTOSCALE_KEEPALIVE = float(os.environ.get("AUTOSCALE_KEEPALIVE", 30))


class WorkerComponent(bootsteps.StartStopStep):
    """The step that makes `w.autoscaler`, with ``--autoscale``."""

    name = "celery.worker.autoscale.WorkerComponent"
    label = "Autoscaler"
    conditional = True
    requires = (Pool,)

    def __init__(self, w: Any, **kwargs: Any) -> None:
        self.enabled = w.autoscale
        w.autoscaler = None
        super().__init__(w, **kwargs)

    def create(self, w: Any) -> Any:
        w.autoscaler = self.instantiate(
            w.autoscaler_cls, w.pool, w.max_concurrency, w.min_concurrency, worker=w
        )
        return w.autoscaler

    def start(self, w: Any) -> None:
        """Nothing to start: it runs on the loop, see `register_with_event_loop`."""

    def stop(self, w: Any) -> None:
        """Nothing to stop: it ends with the loop."""

    def terminate(self, w: Any) -> None:
        """Nothing to stop: it ends with the loop."""

    def register_with_event_loop(self, w: Any, hub: Any) -> None:
        """Look whenever a task is received, and every keep-alive period."""
        w.consumer.on_task_message.add(w.autoscaler.maybe_scale)
        if not w.autoscaler.registered:
            w.autoscaler.registered = True
            hub.call_repeatedly(w.autoscaler.keepalive, w.autoscaler.maybe_scale)

    def info(self, w: Any) -> dict[str, Any]:
        return {"autoscaler": w.autoscaler.info()} if w.autoscaler is not None else {}


class Autoscaler:
    """Grows the pool at once when tasks wait, and shrinks it when it has been quiet.

    Args:
        pool: grows and shrinks.
        max_concurrency, min_concurrency: processes at most and at least.
        worker: its consumer's prefetch limit follows.
        keepalive: seconds, see `AUTOSCALE_KEEPALIVE`.
    """

    def __init__(
        self,
        pool: Any,
        max_concurrency: int,
        min_concurrency: int = 0,
        worker: Any = None,
        keepalive: float = AUTOSCALE_KEEPALIVE,
        mutex: Any = None,
    ) -> None:
        self.pool = pool
        self.max_concurrency = max_concurrency
        self.min_concurrency = min_concurrency
        self.worker = worker
        self.keepalive = keepalive
        self.mutex = mutex or threading.Lock()
        self.registered = False
        self._last_growth: float | None = None

    def maybe_scale(self, request: Any = None) -> bool:
        """Change the number of processes if that is due; whether it was."""
        with self.mutex:
            processes, wanted = self.processes, self.qty
            target = min(wanted, self.max_concurrency)
            if target > processes:
                self._grow(target - processes)
                return True
            target = max(wanted, self.min_concurrency)
            if target < processes and self._quiet():
                self._shrink(processes - target)
                return True
            return False

    def _quiet(self) -> bool:
        last = self._last_growth
        return last is not None and monotonic() - last > self.keepalive

    def update(
        self,
        max: int | None = None,
        min: int | None = None,  # documented names
    ) -> tuple[int, int]:
        """Set new limits; the pool follows at once. Returns (max, min)."""
        with self.mutex:
            if max is not None:
                if max < self.processes:
                    self._shrink(self.processes - max)
                self._update_consumer_prefetch_count(max)
                self.max_concurrency = max
            if min is not None:
                if min > self.processes:
                    self._grow(min - self.processes)
                self.min_concurrency = min
            return self.max_concurrency, self.min_concurrency

    def scale_up(self, n: int) -> None:
        """Grow by n."""
        self._grow(n)

    def scale_down(self, n: int) -> None:
        """Shrink by n, if it has been quiet."""
        if self._quiet():
            self._shrink(n)

    def _grow(self, n: int) -> None:
        logger.info("Scaling up %s processes.", n)
        self._last_growth = monotonic()
        self.pool.grow(n)

    def _shrink(self, n: int) -> None:
        logger.info("Scaling down %s processes.", n)
        try:
            self.pool.shrink(n)
        except ValueError:
            logger.debug("Autoscaler won't scale down: all processes busy.")
        except Exception as exc:
            logger.error("Autoscaler: scale_down: %r", exc, exc_info=True)

    def _update_consumer_prefetch_count(self, new_max: int) -> None:
        diff = new_max - self.max_concurrency
        if diff and self.worker is not None and self.worker.consumer is not None:
            self.worker.consumer.update_prefetch(diff)

    def info(self) -> dict[str, int]:
        """What `inspect stats` shows."""
        return {
            "max": self.max_concurrency,
            "min": self.min_concurrency,
            "current": self.processes,
            "qty": self.qty,
        }

    @property
    def qty(self) -> int:
        """How many tasks there are to run."""
        return len(state.reserved_requests)

    @property
    def processes(self) -> int:
        """How many processes there are."""
        return int(self.pool.num_processes)
