"""The options of one task call, and how a task's own options are merged into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict

__all__ = ["EXEC_OPTIONS", "ApplyOptions", "check_limits", "exec_options"]

#: Attributes of a task that are options of each of its calls.
EXEC_OPTIONS = (
    "queue",
    "routing_key",
    "exchange",
    "exchange_type",
    "priority",
    "expires",
    "serializer",
    "delivery_mode",
    "compression",
    "time_limit",
    "soft_time_limit",
    "immediate",
    "mandatory",
)


class ApplyOptions(TypedDict, total=False):
    """Options of `Task.apply_async` that users give; times are seconds or aware datetimes."""

    add_to_parent: bool
    argsrepr: str
    chain: Sequence[Any]
    chord: Any
    compression: str | None
    confirm_timeout: float | None
    connection: Any
    countdown: float | None
    declare: Sequence[Any]
    delivery_mode: int | str | None
    eta: datetime | str | None
    exchange: Any
    exchange_type: str | None
    expires: float | datetime | timedelta | str | None
    group_id: str | None
    group_index: int | None
    headers: Mapping[str, Any] | None
    ignore_result: bool | None
    kwargsrepr: str
    mandatory: bool
    parent_id: str | None
    priority: int | None
    publisher: Any
    queue: Any
    reply_to: str | None
    retries: int
    retry: bool | None
    retry_policy: Mapping[str, Any] | None
    root_id: str | None
    route_name: str | None
    routing_key: str | None
    serializer: str | None
    soft_time_limit: float | None
    stamped_headers: Sequence[str]
    time_limit: float | None
    timeout: float | None


def exec_options(task: Any) -> dict[str, Any]:
    """The options that a task itself has, without those it leaves open."""
    options = {}
    for name in EXEC_OPTIONS:
        value = getattr(task, name, None)
        if value is not None:
            options[name] = value
    return options


def check_limits(soft_time_limit: float | None, time_limit: float | None) -> None:
    """Refuse a soft time limit that could never come before the hard one.

    Raises:
        ValueError: both are given and soft is greater than hard.
    """
    if soft_time_limit and time_limit and soft_time_limit > time_limit:
        raise ValueError("soft_time_limit must be less than or equal to time_limit")
