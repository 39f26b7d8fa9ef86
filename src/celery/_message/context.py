"""What a running task sees as ``self.request``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Context"]

#: Options a retried or re-sent message takes over from the request, under their option names.
_EXECUTION_OPTIONS = {
    "task_id": "id",
    "root_id": "root_id",
    "parent_id": "parent_id",
    "group_id": "group",
    "group_index": "group_index",
    "shadow": "shadow",
    "chord": "chord",
    "chain": "chain",
    "link": "callbacks",
    "link_error": "errbacks",
    "expires": "expires",
    "ignore_result": "ignore_result",
    "headers": "headers",
    "retries": "retries",
    "reply_to": "reply_to",
    "replaced_task_nesting": "replaced_task_nesting",
    "origin": "origin",
}


class Context:
    """The request of the task that runs: identity, arguments, delivery, what is to follow.

    Outside of a task every field has its class default, so code may read any field at any time.
    In a worker every header of the message is an attribute too, the caller's own among them.
    """

    _children: list[Any] | None = None
    _protected = 0

    args: Any = None
    callbacks: Any = None
    called_directly = True
    chain: Any = None
    chord: Any = None
    correlation_id: str | None = None
    delivery_info: Any = None
    errbacks: Any = None
    eta: Any = None
    expires: Any = None
    group: str | None = None
    group_index: int | None = None
    headers: Any = None
    hostname: str | None = None
    id: str | None = None
    ignore_result: bool | None = False
    is_eager = False
    kwargs: Any = None
    logfile: str | None = None
    loglevel: int | None = None
    origin: str | None = None
    parent_id: str | None = None
    properties: Any = None
    replaced_task_nesting = 0
    reply_to: str | None = None
    retries = 0
    root_id: str | None = None
    shadow: str | None = None
    soft_time_limit: float | None = None
    stamped_headers: Any = None
    stamps: Any = None
    taskset: str | None = None
    time_limit: float | None = None
    timelimit: Any = None
    utc: bool | None = None

    def __init__(self, *args: Mapping[str, Any], **kwargs: Any) -> None:
        self.update(*args, **kwargs)

    def update(self, *args: Mapping[str, Any], **kwargs: Any) -> None:
        """Set fields, as `dict.update` does."""
        fields = self.__dict__
        fields.update(*args, **kwargs)
        limits = fields.get("timelimit")
        if limits:
            if "time_limit" not in fields:
                fields["time_limit"] = limits[0]
            if "soft_time_limit" not in fields:
                fields["soft_time_limit"] = limits[1]

    def clear(self) -> None:
        """Back to the defaults."""
        self.__dict__.clear()

    def get(self, key: str, default: Any = None) -> Any:
        """The field of that name, or the default."""
        return getattr(self, key, default)

    def __contains__(self, key: str) -> bool:
        return hasattr(self, key)

    def __repr__(self) -> str:
        return f"<Context: {self.__dict__!r}>"

    @property
    def children(self) -> list[Any]:
        """Results of the tasks that this one has sent so far."""
        if self._children is None:
            self._children = []
        return self._children

    @children.setter
    def children(self, value: list[Any] | None) -> None:
        self._children = value

    def as_execution_options(self) -> dict[str, Any]:
        """The options under which a retry or replacement of this request is sent."""
        limits = self.timelimit or (None, None)
        options = {option: getattr(self, field) for option, field in _EXECUTION_OPTIONS.items()}
        options["time_limit"], options["soft_time_limit"] = limits
        options["headers"] = _without_deaths(self.headers)
        options["stamped_headers"] = self.stamped_headers
        if self.stamped_headers:
            stamps = self.stamps or {}
            options.update({name: stamps.get(name) for name in self.stamped_headers})
        return options


def _without_deaths(headers: Any) -> Any:
    """What the caller added: RabbitMQ's account of dead-lettering is of the old message."""
    if not headers:
        return headers
    return {name: value for name, value in headers.items() if not name.startswith("x-death")}
