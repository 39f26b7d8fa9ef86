"""Stamps: headers put on every signature of a workflow, to find and revoke its tasks by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from celery.canvas.links import as_list

__all__ = ["StampingVisitor", "stamp", "stamp_links"]

_WORKFLOWS = frozenset({"chain", "group", "chord"})


class StampingVisitor(ABC):
    """Decides, signature by signature, which headers to stamp.

    Each method returns a dict of headers. If it has the key ``stamped_headers``, only the keys
    listed there are stamps, else all are.
    """

    @abstractmethod
    def on_signature(self, sig: Any, **headers: Any) -> dict[str, Any]:
        """For every signature."""

    def on_group_start(self, sig: Any, **headers: Any) -> dict[str, Any]:
        """Before the members of a group."""
        return self.on_signature(sig, **headers)

    def on_group_end(self, sig: Any, **headers: Any) -> None:  # noqa: B027  # a hook
        """After the members of a group."""

    def on_chain_start(self, sig: Any, **headers: Any) -> dict[str, Any]:
        """Before the steps of a chain."""
        return self.on_signature(sig, **headers)

    def on_chain_end(self, sig: Any, **headers: Any) -> None:  # noqa: B027  # a hook
        """After the steps of a chain."""

    def on_chord_header_start(self, sig: Any, **header: Any) -> dict[str, Any]:
        """Before the header of a chord."""
        return self.on_signature(sig, **header)

    def on_chord_header_end(self, sig: Any, **header: Any) -> None:  # noqa: B027  # a hook
        """After the header of a chord."""

    def on_chord_body(self, sig: Any, **header: Any) -> dict[str, Any]:
        """For the body of a chord."""
        return {}

    def on_callback(self, callback: Any, **header: Any) -> dict[str, Any]:
        """For each callback."""
        return {}

    def on_errback(self, errback: Any, **header: Any) -> dict[str, Any]:
        """For each errback."""
        return {}


def stamp(sig: Any, visitor: Any, append: bool, headers: Mapping[str, Any]) -> None:
    """Stamp a signature with its links; of a workflow, the members instead of itself.

    Args:
        append: two values of one stamp become a list of both, instead of the later one staying.
    """
    headers = dict(headers)
    if sig.get("subtask_type") not in _WORKFLOWS:
        own = visitor.on_signature(sig, **headers) if visitor is not None else None
        _put(sig, _stamps(_merge(headers, own)), append)
    stamp_links(sig, visitor, append, headers)
    _stamp_members(sig, visitor, append, headers)


def _stamp_members(sig: Any, visitor: Any, append: bool, headers: dict[str, Any]) -> None:
    kind = sig.get("subtask_type")
    if kind == "chord":
        _stamp_all(sig.tasks, sig, "chord_header", visitor, append, headers)
        body = sig.body
        if body is not None:
            more = visitor.on_chord_body(sig, **headers) if visitor is not None else {}
            body.stamp(visitor, append, **_merge(headers, more))
    elif kind in ("group", "chain"):
        _stamp_all(sig.tasks, sig, kind, visitor, append, headers)


def _stamp_all(
    members: Iterable[Any],
    sig: Any,
    kind: str,
    visitor: Any,
    append: bool,
    headers: dict[str, Any],
) -> None:
    if visitor is not None:
        headers = _merge(headers, getattr(visitor, f"on_{kind}_start")(sig, **headers))
    for member in members:
        member.stamp(visitor, append, **headers)
    if visitor is not None:
        getattr(visitor, f"on_{kind}_end")(sig, **headers)


def stamp_links(sig: Any, visitor: Any, append: bool, headers: Mapping[str, Any]) -> None:
    """Stamp the callbacks and errbacks of a signature."""
    for key, hook in (("link", "on_callback"), ("link_error", "on_errback")):
        linked = as_list(sig.options.get(key))
        for position, callback in enumerate(linked):
            if not hasattr(callback, "stamp"):
                callback = linked[position] = sig.from_dict(callback, app=sig._app)
            more = getattr(visitor, hook)(callback, **headers) if visitor is not None else {}
            callback.stamp(visitor, append, **_merge(dict(headers), more))
        if linked:
            sig.options[key] = linked


def _merge(headers: Mapping[str, Any], more: Mapping[str, Any] | None) -> dict[str, Any]:
    """Headers with those of a visitor added; what is a stamp in either is one in the result."""
    if not more:
        return dict(headers)
    stamped = {**_stamps(headers), **_stamps(more)}
    return {**headers, **more, "stamped_headers": list(stamped)}


def _stamps(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Which of the headers are stamps, with their values."""
    listed = headers.get("stamped_headers")
    keys = headers.keys() - {"stamped_headers"} if listed is None else listed
    return {key: headers[key] for key in sorted(keys) if key in headers}


def _put(sig: Any, stamps: Mapping[str, Any], append: bool) -> None:
    if not stamps:
        return
    options = sig.options
    names = list(options.get("stamped_headers") or ())
    for key, value in stamps.items():
        options[key] = _both(options.get(key), value) if append and key in names else value
    options["stamped_headers"] = names + [key for key in stamps if key not in names]


def _both(old: Any, new: Any) -> list[Any]:
    values = [*(old if isinstance(old, (list, tuple, set)) else [old])]
    values += [
        v for v in (new if isinstance(new, (list, tuple, set)) else [new]) if v not in values
    ]
    return values
