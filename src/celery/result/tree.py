"""Results as trees: ids to promises and back, and what depends on what."""

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from celery._state import app_or_default, get_current_app
from celery.exceptions import IncompleteStream
from celery.result.base import ResultBase
from celery.utils.graph import DependencyGraph, GraphFormatter

if TYPE_CHECKING:
    from celery._ports import AppPort

__all__ = ("build_graph", "iter_dependencies", "result_from_tuple", "unpickle_result")


def result_from_tuple(r: Any, app: "AppPort | None" = None) -> Any:
    """Return the promise, or group of promises, whose ids are in `r`.

    Args:
        r: ``((id, parent), None)`` for a task, ``((id, parent), [members])`` for a group, where
            `parent` is None or of the same form; a bare ``id`` may stand for ``(id, None)``.
            A promise is returned as it is.
        app: The application; the current one if None.

    Raises:
        ValueError, TypeError: `r` has another form.
    """
    if isinstance(r, ResultBase):
        return r
    app = app_or_default(app)
    identity, members = r
    task_id, parent = identity if isinstance(identity, list | tuple) else (identity, None)
    if parent:
        parent = result_from_tuple(parent, app)
    if members is None:
        return app.AsyncResult(task_id, parent=parent)
    return app.GroupResult(
        task_id, [result_from_tuple(member, app) for member in members], parent=parent
    )


def unpickle_result(kind: str, args: tuple[Any, ...]) -> Any:
    """Make a promise again, for the application that is current where it is unpickled."""
    return getattr(get_current_app(), kind)(*args)


def iter_dependencies(root: Any, intermediate: bool = False) -> Iterator[tuple[Any, Any]]:
    """Yield ``(parent, result)`` for `root` and all that its task and their tasks have sent.

    Raises:
        IncompleteStream: A task has not ended, so that more may follow; not if `intermediate`.
    """
    pending: deque[tuple[Any, Any]] = deque([(None, root)])
    while pending:
        parent, node = pending.popleft()
        yield parent, node
        if node.ready():
            pending.extend((node, child) for child in node.children or ())
        elif not intermediate:
            raise IncompleteStream


def build_graph(root: Any, intermediate: bool = False, formatter: Any = None) -> Any:
    """Return the graph of what :func:`iter_dependencies` yields."""
    graph: Any = DependencyGraph(formatter=formatter or GraphFormatter(root=root.id, shape="oval"))
    for parent, node in iter_dependencies(root, intermediate):
        graph.add_arc(node)
        if parent is not None:
            graph.add_edge(parent, node)
    return graph
