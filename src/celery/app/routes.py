"""Routing: which queue, exchange and routing key a task call goes to."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import translate
from typing import TYPE_CHECKING, Any

from kombu import Queue

from celery.exceptions import QueueNotFound
from celery.utils.functional import maybe_evaluate, mlazy
from celery.utils.imports import symbol_by_name

if TYPE_CHECKING:
    from celery.app._queues import Queues

__all__ = ["MapRoute", "Router", "expand_router_string", "merge_route", "prepare"]

Options = dict[str, Any]
Route = Callable[..., Any]


def merge_route(base: Mapping[str, Any], winner: Mapping[str, Any]) -> Options:
    """Merge two sets of options; `winner` has the last word except where it says None."""
    merged = dict(base)
    merged.update((key, value) for key, value in winner.items() if value is not None)
    return merged


class MapRoute:
    """A route made of a table: exact names first, then glob and compiled patterns, in order.

    Example:
        >>> MapRoute({"feed.*": "feeds"})("feed.tasks.load")
        {'queue': 'feeds'}
    """

    def __init__(self, table: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> None:
        rows = table.items() if isinstance(table, Mapping) else table
        self.map: dict[str, Any] = {}
        self.patterns: OrderedDict[re.Pattern[str], Any] = OrderedDict()
        for key, route in rows:
            if isinstance(key, re.Pattern):
                self.patterns[key] = route
            elif "*" in key:
                self.patterns[re.compile(translate(key))] = route
            else:
                self.map[key] = route

    def __call__(self, name: str, *args: Any, **kwargs: Any) -> Options | None:
        if name in self.map:
            return _as_options(self.map[name])
        for pattern, route in self.patterns.items():
            if pattern.match(name):
                return _as_options(route)
        return None


def _as_options(route: Any) -> Options:
    return {"queue": route} if isinstance(route, (str, Queue)) else dict(route)


class Router:
    """Applies the `task_routes` of an app to task calls.

    Args:
        routes: prepared routes (see `prepare`), asked in order until one answers.
        queues: the app's queues by name.
        create_missing: a queue that nobody declared is made on first use; else `QueueNotFound`.
        app: the app, for the tasks that routers get to see.
    """

    def __init__(
        self,
        routes: Sequence[Any] | None = None,
        queues: Queues | None = None,
        create_missing: bool = False,
        app: Any = None,
    ) -> None:
        self.app = app
        self.queues: Any = {} if queues is None else queues
        self.routes: Sequence[Any] = [] if routes is None else routes
        self.create_missing = create_missing

    def route(
        self,
        options: Mapping[str, Any],
        name: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        task_type: Any = None,
    ) -> Options:
        """The call's options with its destination filled in.

        Order: what the caller said, then the first route that answers, then the default queue.

        Raises:
            QueueNotFound: a named queue does not exist and may not be created.
        """
        merged = self.expand_destination(dict(options))
        if self.routes:
            answer = self.lookup_route(name, args, kwargs, merged, task_type)
            if answer:
                return merge_route(self.expand_destination(answer), merged)
        if "queue" not in merged:
            merged = merge_route(self.expand_destination(self._default_queue()), merged)
        return merged

    def _default_queue(self) -> str:
        return str(self.app.conf.task_default_queue)

    def expand_destination(self, route: Any) -> Options:
        """Replace the name of a queue by the queue.

        Raises:
            QueueNotFound: it does not exist and may not be created.
        """
        if isinstance(route, (str, Queue)):
            route = {"queue": route}
        options: Options = dict(route)
        queue = options.pop("queue", None)
        if not queue:
            return options
        if not isinstance(queue, Queue):
            try:
                queue = self.queues[queue]
            except KeyError:
                raise QueueNotFound(f"Queue {queue!r} missing from task_queues") from None
        options["queue"] = queue
        return options

    def lookup_route(
        self,
        name: str,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        task_type: Any = None,
    ) -> Any:
        """The answer of the first route that has one, or None."""
        for route in self.routes:
            answer = self.query_router(route, name, args, kwargs, options, task_type)
            if answer is not None:
                return answer
        return None

    def query_router(  # the documented router signature
        self,
        router: Any,
        task: str,
        args: Any,
        kwargs: Any,
        options: Any,
        task_type: Any,
    ) -> Any:
        """Ask one router: an object with `route_for_task`, or a callable."""
        router = maybe_evaluate(router)
        if hasattr(router, "route_for_task"):
            return router.route_for_task(task, args, kwargs)
        return router(task, args, kwargs, options, task=task_type)


def expand_router_string(router: Any) -> Any:
    """Import a router given as a dotted name; a class with `route_for_task` is instantiated."""
    router = symbol_by_name(router)
    if isinstance(router, type) and hasattr(router, "route_for_task"):
        return router()
    return router


def prepare(routes: Any) -> Sequence[Any]:
    """Turn the setting `task_routes` into a list of routers: tables, dotted names, callables."""
    if routes is None:
        return ()
    if not isinstance(routes, (list, tuple)):
        routes = (routes,)
    return [_prepare_one(route) for route in routes]


def _prepare_one(route: Any) -> Any:
    if isinstance(route, (Mapping, list, tuple)):
        return MapRoute(route)
    if isinstance(route, str):
        return mlazy(expand_router_string, route)  # type: ignore[no-untyped-call]  # of kombu's base
    if isinstance(route, type) and hasattr(route, "route_for_task"):
        return route()
    return route
