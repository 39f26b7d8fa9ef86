"""Making signatures of whatever stands for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from celery.canvas.signature import Signature
from celery.utils import abstract

__all__ = ["maybe_signature", "maybe_subtask", "signature", "subtask"]


def signature(varies: Any, *args: Any, **kwargs: Any) -> Any:
    """A signature of a task, of a name, of a dict, or a copy of a signature."""
    app = kwargs.get("app")
    if isinstance(varies, Mapping):
        if isinstance(varies, abstract.CallableSignature):
            return varies.clone()
        return Signature.from_dict(varies, app=app)
    return Signature(varies, *args, **kwargs)


def maybe_signature(d: Any, app: Any = None, clone: bool = False) -> Any:
    """A signature of a dict; signatures and None stay what they are.

    Args:
        app: bind it to this app.
        clone: copy what is a signature already.
    """
    if d is None:
        return None
    if isinstance(d, abstract.CallableSignature):
        if clone:
            d = d.clone()
    elif isinstance(d, Mapping):
        d = signature(d)
    if app is not None and isinstance(d, Signature):
        d._app = app
    return d


subtask = signature
maybe_subtask = maybe_signature
