"""Commands for finding out what is wrong with a worker."""

from __future__ import annotations

import io
import tempfile
from typing import Any

from celery.app.utils import bugreport
from celery.utils.debug import memdump as write_memdump
from celery.utils.debug import sample_mem
from celery.worker._panel import inspect_command, ok

try:
    import objgraph as _objgraph  # type: ignore[import-untyped]  # it has no types
except ImportError:
    _objgraph = None

__all__ = ["memdump", "memsample", "objgraph", "report"]


@inspect_command()
def report(state: Any, **kwargs: Any) -> Any:
    """Information about Celery installation for bug reports."""
    return ok(bugreport(state.app))


@inspect_command()
def memsample(state: Any, **kwargs: Any) -> Any:
    """Sample current RSS memory usage."""
    return sample_mem()


@inspect_command(args=[("samples", int)], signature="[n_samples=10]")
def memdump(state: Any, samples: int = 10, **kwargs: Any) -> Any:
    """Dump statistics of previous memsample requests."""
    out = io.StringIO()
    write_memdump(samples, file=out)
    return out.getvalue()


@inspect_command(
    default_timeout=60.0,
    args=[("type", str), ("num", int), ("max_depth", int)],
    signature="[object_type=Request] [num=200 [max_depth=10]]",
)
def objgraph(
    state: Any, num: int = 200, max_depth: int = 10, type: str = "Request", **kwargs: Any
) -> Any:
    """Create graph of uncollected objects (memory-leak debugging).

    Raises:
        ImportError: the package objgraph is not installed.
    """
    if _objgraph is None:
        raise ImportError("Requires the objgraph library: pip install objgraph")
    with tempfile.NamedTemporaryFile(prefix="cobjg", suffix=".png", delete=False) as file:
        objects = _objgraph.by_type(type)[: int(num)]
        _objgraph.show_backrefs(
            objects, max_depth=int(max_depth), highlight=_is_asked_for(objects), filename=file.name
        )
    return {"filename": file.name}


def _is_asked_for(objects: list[Any]) -> Any:
    """Tells the objects the graph is about from those that refer to them."""
    ids = {id(item) for item in objects}
    return lambda item: id(item) in ids
