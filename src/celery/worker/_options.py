"""Command line and settings -> what one worker is to be: a frozen value."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from celery.exceptions import ImproperlyConfigured
from celery.utils.log import mlevel

__all__ = ["WorkerOptions", "available_cpus", "resolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How one worker runs; each field becomes an attribute of the worker.

    Args:
        concurrency: processes or threads of the pool.
        loglevel: number of the level.
        logfile: path, or None: standard error.
        task_events: send events about tasks.
        pool_cls, consumer_cls, timer_cls, autoscaler_cls: classes, or where to find them.
        timer_precision: seconds between two looks of a timer that runs in a thread.
        pool_putlocks: hold tasks back while all processes are busy.
        pool_restarts: allow the `pool_restart` command.
        pool_start_method: ``fork`` or ``spawn``.
        optimization: ``default``, ``fair`` or ``fast``.
        statedb: path of the state file.
        time_limit, soft_time_limit: seconds, for tasks without limits of their own.
        scheduler, schedule_filename: for the embedded beat.
        max_tasks_per_child: tasks after which a process is replaced.
        max_memory_per_child: KiB after which a process is replaced.
        prefetch_multiplier: unsettled deliveries for each process; 0: no limit.
        disable_rate_limits: ignore the tasks' rate limits.
        worker_lost_wait: seconds to wait for the result of a process that died.
    """

    concurrency: int
    loglevel: int
    logfile: str | None
    task_events: bool
    pool_cls: Any
    consumer_cls: Any
    timer_cls: Any
    autoscaler_cls: Any
    timer_precision: float
    pool_putlocks: bool
    pool_restarts: bool
    pool_start_method: str
    optimization: str | None
    statedb: str | None
    time_limit: float | None
    soft_time_limit: float | None
    scheduler: Any
    schedule_filename: str | None
    max_tasks_per_child: int | None
    max_memory_per_child: int | None
    prefetch_multiplier: int
    disable_rate_limits: bool
    worker_lost_wait: float


#: Field -> (setting, other names under which an argument may give it).
_SOURCES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "task_events": ("worker_send_task_events", ("send_events",)),
    "pool_cls": ("worker_pool", ("pool",)),
    "consumer_cls": ("worker_consumer", ()),
    "timer_cls": ("worker_timer", ()),
    "autoscaler_cls": ("worker_autoscaler", ()),
    "timer_precision": ("worker_timer_precision", ()),
    "pool_putlocks": ("worker_pool_putlocks", ()),
    "pool_restarts": ("worker_pool_restarts", ()),
    "pool_start_method": ("worker_pool_start_method", ()),
    "statedb": ("worker_state_db", ("state_db",)),
    "time_limit": ("task_time_limit", ("task_time_limit",)),
    "soft_time_limit": ("task_soft_time_limit", ("task_soft_time_limit",)),
    "scheduler": ("beat_scheduler", ("scheduler_cls",)),
    "schedule_filename": ("beat_schedule_filename", ()),
    "max_tasks_per_child": ("worker_max_tasks_per_child", ()),
    "max_memory_per_child": ("worker_max_memory_per_child", ()),
    "prefetch_multiplier": ("worker_prefetch_multiplier", ()),
    "disable_rate_limits": ("worker_disable_rate_limits", ()),
    "worker_lost_wait": ("worker_lost_wait", ()),
}

#: What the command line says when nothing was said: the setting decides.
_DEFAULT_POOL = "prefork"
_START_METHODS = ("fork", "spawn")


def resolve(conf: Any, given: Mapping[str, Any]) -> WorkerOptions:
    """The options of a worker: what is given, else what the settings say.

    Args:
        conf: the settings.
        given: arguments of the worker; None stands for nothing given.

    Raises:
        ImproperlyConfigured: a value that cannot be.
    """
    values = {field: _pick(conf, given, field, *source) for field, source in _SOURCES.items()}
    pool = given.get("pool_cls") or given.get("pool")
    if isinstance(pool, str) and pool == _DEFAULT_POOL:
        values["pool_cls"] = conf.worker_pool
    if values["pool_start_method"] not in _START_METHODS:
        raise ImproperlyConfigured(
            f"worker_pool_start_method is {values['pool_start_method']!r}; "
            f"it must be one of {', '.join(_START_METHODS)}"
        )
    return WorkerOptions(
        concurrency=concurrency_of(given.get("concurrency") or conf.worker_concurrency),
        loglevel=mlevel(given.get("loglevel")) or logging.WARNING,
        logfile=given.get("logfile"),
        optimization=given.get("optimization") or given.get("O"),
        **values,
    )


def _pick(
    conf: Any, given: Mapping[str, Any], field: str, setting: str, aliases: tuple[str, ...]
) -> Any:
    for name in (field, *aliases):
        if given.get(name) is not None:
            return given[name]
    return getattr(conf, setting)


def concurrency_of(value: Any) -> int:
    """The number of processes: as given, or the number of CPUs this process may use.

    Raises:
        ImproperlyConfigured: neither a number nor ``auto``.
    """
    if value is None or value == "auto":
        return available_cpus()
    try:
        return int(value) or available_cpus()
    except (TypeError, ValueError) as exc:
        raise ImproperlyConfigured(
            f"worker_concurrency is {value!r}; it must be a number or 'auto'"
        ) from exc


def available_cpus() -> int:
    """CPUs this process may use: of the machine, its affinity, and its control group's quota."""
    try:
        cpus = len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        cpus = os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, min(cpus, int(quota))) if quota else cpus


def _cgroup_quota(path: str = "/sys/fs/cgroup/cpu.max") -> float | None:
    """CPUs that version 2 control groups allow; None: no limit, or no such groups."""
    try:
        with open(path) as file:
            quota, period = file.read().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else float(quota) / float(period)
