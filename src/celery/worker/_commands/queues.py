"""Commands about queues, limits and events."""

from __future__ import annotations

from typing import Any

from celery.utils.log import get_logger
from celery.utils.time import rate
from celery.worker._panel import control_command, nok, ok
from celery.worker.state import SOFTWARE_INFO

__all__ = [
    "add_consumer",
    "cancel_consumer",
    "disable_events",
    "election",
    "enable_events",
    "heartbeat",
    "rate_limit",
    "time_limit",
]

logger = get_logger("celery.worker.control")

#: Seconds that a heartbeat asked for says it comes every.
HEARTBEAT_FREQ = 5


# -- queues


@control_command(
    args=[("queue", str), ("exchange", str), ("exchange_type", str), ("routing_key", str)],
    signature="<queue> [exchange [type [routing_key]]]",
)
def add_consumer(
    state: Any,
    queue: str,
    exchange: str | None = None,
    exchange_type: str | None = None,
    routing_key: str | None = None,
    **options: Any,
) -> Any:
    """Tell worker(s) to consume from task queue by name."""
    state.consumer.add_task_queue(
        queue, exchange, exchange_type or "direct", routing_key, **options
    )
    return ok(f"add consumer {queue}")


@control_command(args=[("queue", str)], signature="<queue>")
def cancel_consumer(state: Any, queue: str, **kwargs: Any) -> Any:
    """Tell worker(s) to stop consuming from task queue by name."""
    state.consumer.cancel_task_queue(queue)
    return ok(f"no longer consuming from {queue}")


# -- limits


@control_command(
    args=[("task_name", str), ("rate_limit", str)],
    signature="<task_name> <rate_limit (e.g., 5/s | 5/m | 5/h)>",
)
def rate_limit(state: Any, task_name: str, rate_limit: Any, **kwargs: Any) -> Any:
    """Tell worker(s) to modify the rate limit for a task by type."""
    try:
        rate(rate_limit)
    except ValueError as exc:
        return nok(f"Invalid rate limit string: {exc!r}")
    task = state.app.tasks.get(task_name)
    if task is None:
        logger.error("Rate limit attempt for unknown task %s", task_name)
        return nok("unknown task")
    task.rate_limit = rate_limit
    state.consumer.reset_rate_limits()
    if not rate_limit:
        logger.info("Rate limits disabled for tasks of type %s", task_name)
        return ok("rate limit disabled successfully")
    logger.info("New rate limit for tasks of type %s: %s.", task_name, rate_limit)
    return ok("new rate limit set successfully")


@control_command(
    args=[("task_name", str), ("soft", float), ("hard", float)],
    signature="<task_name> <soft_secs> [hard_secs]",
)
def time_limit(
    state: Any,
    task_name: str | None = None,
    hard: float | None = None,
    soft: float | None = None,
    **kwargs: Any,
) -> Any:
    """Tell worker(s) to modify the time limit for task by type."""
    task = state.app.tasks.get(task_name)
    if task is None:
        logger.error("Change time limit attempt for unknown task %s", task_name)
        return nok("unknown task")
    task.soft_time_limit = soft
    task.time_limit = hard
    logger.info("New time limits for tasks of type %s: soft=%s hard=%s", task_name, soft, hard)
    return ok("time limits set successfully")


# -- events


@control_command()
def enable_events(state: Any, **kwargs: Any) -> Any:
    """Tell worker(s) to send task-related events."""
    dispatcher = state.consumer.event_dispatcher
    if dispatcher.groups and "task" not in dispatcher.groups:
        dispatcher.groups.add("task")
        logger.info("Events of group {task} enabled by remote.")
        return ok("task events enabled")
    return ok("task events already enabled")


@control_command()
def disable_events(state: Any, **kwargs: Any) -> Any:
    """Tell worker(s) to stop sending task-related events."""
    dispatcher = state.consumer.event_dispatcher
    if "task" in dispatcher.groups:
        dispatcher.groups.discard("task")
        logger.info("Events of group {task} disabled by remote.")
        return ok("task events disabled")
    return ok("task events already disabled")


@control_command()
def heartbeat(state: Any, **kwargs: Any) -> None:
    """Tell worker(s) to send event heartbeat immediately."""
    logger.debug("Heartbeat requested by remote.")
    state.consumer.task_events.send("worker-heartbeat", freq=HEARTBEAT_FREQ, **SOFTWARE_INFO)


@control_command(visible=False)
def election(state: Any, id: str, topic: str, action: Any = None, **kwargs: Any) -> None:
    """Hold election."""
    gossip = state.consumer.gossip
    if gossip is not None and gossip.enabled:
        gossip.election(id, topic, action)
