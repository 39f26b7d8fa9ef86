"""The way of a request from its strategy to the pool: held, paced, handed over, ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from celery.utils.collections import LimitedSet
from celery.utils.log import get_logger
from celery.worker import state
from celery.worker.consumer._rate_limits import RateLimits

if TYPE_CHECKING:
    from celery.worker._timer import Entry, Timer
    from celery.worker.consumer._intake import Intake, Prefetch
    from celery.worker.request import Request

__all__ = ["TaskFlow"]

logger = get_logger("celery.worker.consumer.consumer")

#: Ids of parked tasks remembered, so that they are not announced a second time.
PARKED_MAX = 10_000


class TaskFlow:
    """The part of the consumer that knows what has been received and has not ended."""

    app: Any
    broker: Any
    pool: Any
    event_dispatcher: Any
    timer: Timer
    qos: Prefetch
    task_consumer: Intake
    prefetch_multiplier: int
    strategies: dict[str, Callable[..., None]]
    on_task_request: Callable[[Request], Any]
    #: Set whenever `in_pool` becomes empty, or a shutdown goes a stage further.
    progress: asyncio.Event

    def _init_flow(self) -> None:
        #: Handed to the pool, and not ended.
        self.in_pool: set[Request] = set()
        self.rate_limits = RateLimits(self.timer, self.hand_over)
        self._held: dict[Request, Entry] = {}
        self._parked = LimitedSet(maxlen=PARKED_MAX)

    def hand_over(self, request: Request) -> None:
        """A request is to run now."""
        state.task_reserved(request)
        self.in_pool.add(request)
        self.on_task_request(request)

    def on_task_ready(self, request: Request, successful: bool = False) -> None:
        """A request has ended, or will not run here."""
        state.task_ready(request, successful)
        in_pool = self.in_pool
        in_pool.discard(request)
        if not in_pool:
            self.progress.set()
        if self.task_consumer.slots is not None:
            self.task_consumer.wake()

    def hold_until(self, request: Request, when: float) -> None:
        """Keep a request until the epoch time `when`: at the broker if it can, else here."""
        if self.broker.capabilities.parks and hasattr(request.message, "park"):
            self._parked.add(request.id)
            request.message.park(when)
            return
        self.qos.increment_eventually()
        state.task_scheduled(request)
        self._held[request] = self.timer.call_at(when, self.apply_eta_task, (request,), priority=6)

    def was_parked(self, request: Request) -> bool:
        """Whether this worker has parked (and announced) the request before; asked once."""
        if request.id not in self._parked:
            return False
        self._parked.discard(request.id)
        return True

    def apply_eta_task(self, request: Request) -> None:
        """The time of a request held here has come."""
        self._held.pop(request, None)
        state.scheduled_requests.discard(request)
        self.qos.decrement_eventually()
        self.hand_over(request)

    def limit_task(self, request: Request, bucket: Any, tokens: int) -> None:
        """Let a request begin when its rate limit allows."""
        self.rate_limits.admit(request, bucket, tokens)

    @property
    def task_buckets(self) -> dict[str, Any]:
        """The rate limits' buckets by task name."""
        return self.rate_limits.buckets

    def bucket_for_task(self, type: Any) -> Any:
        """A new bucket for a task; None if it is not limited."""
        return self.rate_limits.bucket_for(type)

    def reset_rate_limits(self) -> None:
        """Read the tasks' rate limits anew."""
        self.rate_limits.reset(self.app.tasks[name] for name in tuple(self.app.tasks))

    def update_strategies(self) -> None:
        """Resolve what is done with the messages of each task."""
        for name in tuple(self.app.tasks):
            task = self.app.tasks[name]
            self.strategies[name] = task.start_strategy(self.app, self)

    @property
    def sends_task_events(self) -> bool:
        """Whether anybody is told of what happens to tasks."""
        eventer = self.event_dispatcher
        return bool(
            eventer is not None
            and eventer.enabled
            and (not eventer.groups or "task" in eventer.groups)
        )

    def update_prefetch(self, processes: int) -> None:
        """The pool has so many more (or, negative, fewer) processes: the limit follows."""
        more = processes * self.prefetch_multiplier
        if more > 0:
            self.qos.increment_eventually(more)
        else:
            self.qos.decrement_eventually(-more)

    def drop_lost(self) -> None:
        """The connection was lost: drop what the broker will deliver anew.

        Where leases outlive the connection that is nothing.
        """
        conf = self.app.conf
        if self.broker.capabilities.leases_outlive_connection:
            return
        for entry in self._held.values():
            entry.cancel()
        for request in (*self._held, *self.rate_limits.clear()):
            state.task_ready(request)
        self._held.clear()
        if conf.worker_cancel_long_running_tasks_on_connection_loss:
            for request in tuple(self.in_pool):
                if request.task.acks_late and not request.acknowledged:
                    logger.warning("Cancelled: the connection of its message is lost: %s", request)
                    request.cancel(self.pool, emit_retry=False)
