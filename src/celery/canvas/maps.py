"""Calling a task for each of many items: map, starmap and chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from celery.canvas.factory import maybe_signature
from celery.canvas.registry import class_of
from celery.canvas.signature import Signature

__all__ = ["chunks", "xmap", "xstarmap"]


class _BaseMap(Signature):
    """One message that calls a task for each item of a list."""

    _task_name: str

    def __init__(self, task: Any, it: Iterable[Any], **options: Any) -> None:
        super().__init__(
            self._task_name,
            (),
            {"task": task, "it": list(it) if not isinstance(it, (list, tuple)) else it},
            immutable=True,
            **options,
        )

    @classmethod
    def from_dict(cls, d: Mapping[str, Any], app: Any = None) -> Any:
        """Of a dict that came over the wire."""
        return cls(*_unpack(d["kwargs"], "task", "it"), app=app, **d["options"])

    def __repr__(self) -> str:
        task, it = self.kwargs["task"], self.kwargs["it"]
        return self._text(maybe_signature(task).task, _shorten(it))

    def _text(self, task: str, items: str) -> str:
        raise NotImplementedError


def _unpack(kwargs: Mapping[str, Any], *names: str) -> list[Any]:
    return [kwargs[name] for name in names]


def _shorten(it: Any) -> str:
    text = repr(it)
    return text if len(text) <= 100 else text[:97] + "..."


@Signature.register_type()
class xmap(_BaseMap):  # the documented name
    """Calls ``task(item)`` for each item; its result is the list of results."""

    _task_name = "celery.map"

    def _text(self, task: str, items: str) -> str:
        return f"[{task}(x) for x in {items}]"


@Signature.register_type()
class xstarmap(_BaseMap):
    """Calls ``task(*item)`` for each item; its result is the list of results."""

    _task_name = "celery.starmap"

    def _text(self, task: str, items: str) -> str:
        return f"[{task}(*x) for x in {items}]"


@Signature.register_type()
class chunks(Signature):
    """Splits items into messages of `n` items each, run as starmaps."""

    def __init__(self, task: Any, it: Iterable[Any], n: int, **options: Any) -> None:
        items = list(it) if not isinstance(it, (list, tuple)) else it
        super().__init__(
            "celery.chunks", (), {"task": task, "it": items, "n": n}, immutable=True, **options
        )

    @classmethod
    def from_dict(cls, d: Mapping[str, Any], app: Any = None) -> Any:
        """Of a dict that came over the wire."""
        return cls(*_unpack(d["kwargs"], "task", "it", "n"), app=app, **d["options"])

    def __call__(self, **options: Any) -> Any:
        return self.apply_async(**options)

    def apply_async(self, args: Any = (), kwargs: Any = None, **opts: Any) -> Any:  # type: ignore[override]  # a workflow has options of its own
        """Send the chunks."""
        return self.group().apply_async(args, kwargs or {}, **opts)

    def group(self) -> Any:
        """The chunks as a group of starmaps."""
        task, it, n = _unpack(self.kwargs, "task", "it", "n")
        pieces = iter(it)
        parts = iter(lambda: list(islice(pieces, n)), [])
        members = [xstarmap(task, part, app=self._app) for part in parts]
        return class_of("group")(members, app=self._app)

    @classmethod
    def apply_chunks(cls, task: Any, it: Any, n: int, app: Any = None) -> Any:
        """Send a task for items, `n` to a message."""
        return cls(task, it, n, app=app)()
