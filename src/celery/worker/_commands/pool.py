"""Commands about the pool, and about the worker's end."""

from __future__ import annotations

from typing import Any

from celery.utils.log import get_logger
from celery.worker._panel import control_command, nok, ok

__all__ = ["autoscale", "pool_grow", "pool_restart", "pool_shrink", "shutdown"]

logger = get_logger("celery.worker.control")

BY_AUTOSCALER = "the pool is under autoscale: use the command autoscale"


@control_command(args=[("n", int)], signature="[N=1]")
def pool_grow(state: Any, n: int = 1, **kwargs: Any) -> Any:
    """Grow pool by n processes/threads."""
    if state.consumer.controller.autoscaler is not None:
        return nok(BY_AUTOSCALER)
    state.consumer.pool.grow(n)
    state.consumer.update_prefetch(n)
    return ok("pool will grow")


@control_command(args=[("n", int)], signature="[N=1]")
def pool_shrink(state: Any, n: int = 1, **kwargs: Any) -> Any:
    """Shrink pool by n processes/threads."""
    if state.consumer.controller.autoscaler is not None:
        return nok(BY_AUTOSCALER)
    state.consumer.pool.shrink(n)
    state.consumer.update_prefetch(-n)
    return ok("pool will shrink")


@control_command()
def pool_restart(
    state: Any, modules: Any = None, reload: bool = False, reloader: Any = None, **kwargs: Any
) -> Any:
    """Restart execution pool."""
    if not state.app.conf.worker_pool_restarts:
        raise ValueError("Pool restarts not enabled: set worker_pool_restarts")
    state.consumer.controller.reload(modules, reload, reloader=reloader)
    return ok("reload started")


@control_command(args=[("max", int), ("min", int)], signature="[max [min]]")
def autoscale(
    state: Any,
    max: int | None = None,
    min: int | None = None,
    **kwargs: Any,
) -> Any:
    """Modify autoscale settings."""
    autoscaler = state.consumer.controller.autoscaler
    if autoscaler is None:
        raise ValueError("Autoscale not enabled")
    new_max, new_min = autoscaler.update(max, min)
    return ok(f"autoscale now max={new_max} min={new_min}")


@control_command()
def shutdown(state: Any, msg: str = "Got shutdown from remote", **kwargs: Any) -> None:
    """Shutdown worker(s)."""
    logger.warning(msg)
    state.consumer.controller.request_shutdown()
