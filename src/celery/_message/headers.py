"""The headers of protocol 2: their names, and which of them are ours.

Source: the task message protocol, version 2.
"""

from __future__ import annotations

from typing import Any, TypedDict

__all__ = ["EMBED_EMPTY", "STANDARD_HEADERS", "Embed", "TaskHeaders"]


class TaskHeaders(TypedDict, total=False):
    """Headers of one task message."""

    lang: str
    task: str
    id: str
    root_id: str | None
    parent_id: str | None
    group: str | None
    group_index: int | None
    shadow: str | None
    eta: str | None
    expires: str | None
    retries: int
    timelimit: list[float | None]
    argsrepr: str
    kwargsrepr: str
    origin: str
    ignore_result: bool | None
    replaced_task_nesting: int
    stamped_headers: list[str] | None
    stamps: dict[str, Any]


class Embed(TypedDict):
    """Third item of the body: what is to follow this task."""

    callbacks: list[Any] | None
    errbacks: list[Any] | None
    chain: list[Any] | None
    chord: Any | None


#: Every header that the protocol defines; anything else in a message is the caller's own.
STANDARD_HEADERS = frozenset(TaskHeaders.__annotations__)

EMBED_EMPTY: Embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
