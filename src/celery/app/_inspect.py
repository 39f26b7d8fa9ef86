"""Questions to workers: `app.control.inspect()`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Inspect"]


class Inspect:
    """Questions that every worker answers, or those named.

    Each method returns ``{node: answer}``, or None if nobody answered in time; with a single node
    name as `destination`, that node's answer.

    Args:
        destination: node name, or list of them; None: all.
        timeout: seconds to wait for answers.
        limit: stop waiting after so many.
        pattern, matcher: only nodes whose name matches; ``glob`` or ``pcre``.
    """

    app: Any = None

    def __init__(  # the documented signature
        self,
        destination: Any = None,
        timeout: float = 1.0,
        callback: Callable[[Any], Any] | None = None,
        connection: Any = None,
        app: Any = None,
        limit: int | None = None,
        pattern: str | None = None,
        matcher: str | None = None,
    ) -> None:
        self.app = app or self.app
        self.destination = destination
        self.timeout = timeout
        self.callback = callback
        self.connection = connection
        self.limit = limit
        self.pattern = pattern
        self.matcher = matcher

    def _prepare(self, reply: Any) -> Any:
        if not reply:
            return None
        by_node: dict[str, Any] = {}
        for item in reply:
            by_node.update(item)
        if isinstance(self.destination, str) and not self.pattern:
            return by_node.get(self.destination)
        return by_node

    def _request(self, command: str, **kwargs: Any) -> Any:
        destination = self.destination
        if isinstance(destination, str):
            destination = [destination]
        return self._prepare(
            self.app.control.broadcast(
                command,
                arguments=kwargs,
                destination=destination,
                callback=self.callback,
                connection=self.connection,
                limit=self.limit,
                timeout=self.timeout,
                reply=True,
                pattern=self.pattern,
                matcher=self.matcher,
            )
        )

    def report(self) -> Any:
        """A bug report of each worker."""
        return self._request("report")

    def clock(self) -> Any:
        """The logical clock of each worker."""
        return self._request("clock")

    def active(self, safe: Any = None) -> Any:
        """The tasks that run; `safe`: arguments as text."""
        return self._request("active", safe=safe)

    def scheduled(self, safe: Any = None) -> Any:
        """The tasks that wait for their time."""
        return self._request("scheduled")

    def reserved(self, safe: Any = None) -> Any:
        """The tasks that wait for a free process."""
        return self._request("reserved")

    def stats(self) -> Any:
        """Figures of each worker."""
        return self._request("stats")

    def revoked(self) -> Any:
        """The revoked ids that each worker knows."""
        return self._request("revoked")

    def registered(self, *taskinfoitems: str) -> Any:
        """The tasks that each worker knows, with these attributes of theirs."""
        return self._request("registered", taskinfoitems=taskinfoitems)

    registered_tasks = registered

    def ping(self, destination: Any = None) -> Any:
        """Who is there."""
        if destination:
            self.destination = destination
        return self._request("ping")

    def active_queues(self) -> Any:
        """The queues that each worker consumes from."""
        return self._request("active_queues")

    def query_task(self, *ids: Any) -> Any:
        """What each worker knows about these tasks."""
        if len(ids) == 1 and isinstance(ids[0], (list, tuple)):
            ids = tuple(ids[0])
        return self._request("query_task", ids=ids)

    def conf(self, with_defaults: bool = False) -> Any:
        """The settings of each worker, secrets masked."""
        return self._request("conf", with_defaults=with_defaults)

    def hello(self, from_node: str, revoked: Any = None) -> Any:
        """What a starting worker asks its neighbours."""
        return self._request("hello", from_node=from_node, revoked=revoked)

    def memsample(self) -> Any:
        """Memory use of each worker."""
        return self._request("memsample")

    def memdump(self, samples: int = 10) -> Any:
        """The last samples of memory use of each worker."""
        return self._request("memdump", samples=samples)

    def objgraph(self, type: str = "Request", n: int = 200, max_depth: int = 10) -> Any:
        """A graph of what keeps objects of a type alive in each worker."""
        return self._request("objgraph", num=n, max_depth=max_depth, type=type)
