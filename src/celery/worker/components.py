"""The worker's boot steps: Timer, Hub, Pool, Beat, StateDB, Consumer."""

from __future__ import annotations

from typing import Any

from celery import bootsteps
from celery._state import _set_task_join_will_block
from celery.concurrency import get_implementation
from celery.exceptions import ImproperlyConfigured
from celery.platforms import IS_WINDOWS
from celery.utils.imports import symbol_by_name
from celery.utils.log import get_logger
from celery.worker import state
from celery.worker._hub import Hub as EventHub
from celery.worker._inline import InlineRunner
from celery.worker._timer import Timer as LoopTimer

__all__ = ["Beat", "Consumer", "Hub", "Pool", "StateDB", "Timer"]

logger = get_logger(__name__)

ERR_B_GREEN = """\
-B cannot be combined with a green pool ({0}): its scheduler would be a process that is forked in
the middle of greenlets. Run 'celery beat' by itself.
"""
ERR_B_WINDOWS = "-B does not work on Windows: run 'celery beat' by itself."


class Timer(bootsteps.Step):
    """Makes the loop, and `w.timer`: calls at their time, on the loop's thread."""

    name = "celery.worker.components.Timer"

    def create(self, w: Any) -> None:
        if w.hub is None:
            w.hub = EventHub()
        w.timer = w.hub.timer = LoopTimer(w.hub.loop, on_error=self.on_timer_error)

    def on_timer_error(self, exc: BaseException) -> None:
        """A timed call raised; it is logged."""
        logger.error("Timer error: %r", exc, exc_info=exc)


class Hub(bootsteps.StartStopStep):
    """Keeps `w.hub`, the face of the loop; closes it when everything else has stopped."""

    name = "celery.worker.components.Hub"
    requires = (Timer,)

    def include_if(self, w: Any) -> bool:
        return True

    def start(self, w: Any) -> None:
        """The loop runs in the consumer's last step."""

    def stop(self, w: Any) -> None:
        w.timer.clear()
        w.hub.close()

    def terminate(self, w: Any) -> None:
        self.stop(w)


class Pool(bootsteps.StartStopStep):
    """Makes `w.pool`, where tasks run."""

    name = "celery.worker.components.Pool"
    requires = (Hub,)

    def __init__(self, w: Any, autoscale: Any = None, **kwargs: Any) -> None:
        w.pool = None
        w.max_concurrency = None
        w.min_concurrency = w.concurrency
        w.autoscale = _autoscale(autoscale)
        if w.autoscale:
            w.max_concurrency, w.min_concurrency = w.autoscale
        super().__init__(w, **kwargs)

    def create(self, w: Any) -> Any:
        pool_cls = w.pool_cls = get_implementation(w.pool_cls)
        pool = w.pool = self.instantiate(
            pool_cls,
            w.min_concurrency,
            initargs=(w.app, w.hostname),
            maxtasksperchild=w.max_tasks_per_child,
            max_memory_per_child=w.max_memory_per_child,
            timeout=w.time_limit,
            soft_timeout=w.soft_time_limit,
            putlocks=w.pool_putlocks,
            lost_worker_timeout=w.worker_lost_wait,
            max_restarts=None,
            allow_restart=w.pool_restarts,
            forking_enable=w.pool_start_method == "fork",
            start_method=w.pool_start_method,
            semaphore=None,
            sched_strategy=w.optimization,
            app=w.app,
        )
        _set_task_join_will_block(pool.task_join_will_block)
        if getattr(pool, "runs_inline", False):
            w.inline = InlineRunner(w.execute, lambda: bool(w.is_stopping))
        return pool

    def start(self, w: Any) -> None:
        w.pool.start()
        w.pool.register_with_event_loop(w.hub)

    def close(self, w: Any) -> None:
        if w.pool is not None:
            w.pool.close()

    def terminate(self, w: Any) -> None:
        if w.pool is not None:
            w.pool.terminate()

    def register_with_event_loop(self, w: Any, hub: EventHub) -> None:
        """Registered when it was started, so that its callbacks run while others start."""

    def info(self, w: Any) -> dict[str, Any]:
        return {"pool": w.pool.info if w.pool is not None else "N/A"}


def _autoscale(option: Any) -> tuple[int, int] | None:
    """(max, min) of ``--autoscale``: two numbers in any order, or one."""
    if not option:
        return None
    if isinstance(option, str):
        option = [int(part) for part in option.split(",")]
    numbers = sorted((int(number) for number in option), reverse=True)
    if len(numbers) > 2:
        raise ImproperlyConfigured(f"autoscale takes two numbers, max and min; got {option!r}")
    return numbers[0], numbers[1] if len(numbers) == 2 else 0


class Beat(bootsteps.StartStopStep):
    """Runs beat inside the worker (``-B``)."""

    name = "celery.worker.components.Beat"
    label = "Beat"
    conditional = True

    def __init__(self, w: Any, beat: bool = False, **kwargs: Any) -> None:
        self.enabled = w.beat = beat
        w.beat = None
        super().__init__(w, beat=beat, **kwargs)

    def create(self, w: Any) -> Any:
        if getattr(get_implementation(w.pool_cls), "is_green", False):
            raise ImproperlyConfigured(ERR_B_GREEN.format(w.pool_cls))
        if IS_WINDOWS:
            raise ImproperlyConfigured(ERR_B_WINDOWS)
        embedded = symbol_by_name("celery.beat:EmbeddedService")
        w.beat = embedded(w.app, schedule_filename=w.schedule_filename, scheduler_cls=w.scheduler)
        return w.beat


class StateDB(bootsteps.StartStopStep):
    """Keeps revoked ids across restarts (``--statedb``); they are saved when the worker stops."""

    name = "celery.worker.components.StateDB"

    def __init__(self, w: Any, **kwargs: Any) -> None:
        self.enabled = bool(w.statedb)
        w._persistence = None
        super().__init__(w, **kwargs)

    def create(self, w: Any) -> None:
        w._persistence = state.Persistent(state, w.statedb, w.app.clock)
        w._persistence.merge()

    def stop(self, w: Any) -> None:
        w._persistence.save()

    def terminate(self, w: Any) -> None:
        self.stop(w)


class Consumer(bootsteps.StartStopStep):
    """Makes `w.consumer`, which receives tasks; its start is the worker's life."""

    name = "celery.worker.components.Consumer"
    last = True

    def create(self, w: Any) -> Any:
        concurrency = max(w.max_concurrency or 0, 1) if w.max_concurrency else w.concurrency
        c = w.consumer = self.instantiate(
            w.consumer_cls,
            w.process_task,
            hostname=w.hostname,
            task_events=w.task_events,
            init_callback=w.ready_callback,
            initial_prefetch_count=concurrency * w.prefetch_multiplier,
            pool=w.pool,
            timer=w.timer,
            app=w.app,
            controller=w,
            hub=w.hub,
            worker_options=w.options,
            disable_rate_limits=w.disable_rate_limits,
            prefetch_multiplier=w.prefetch_multiplier,
        )
        return c

    def stop(self, w: Any) -> None:
        """Stop its steps; then, at the very end, give back what is left."""
        if w.consumer is not None:
            w.consumer.stop()
            w.consumer.shutdown()

    def terminate(self, w: Any) -> None:
        self.stop(w)
