"""Tasks whose arguments and result are pydantic models: validated in, dumped out."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, get_args, get_origin

from celery.exceptions import ImproperlyConfigured
from celery.utils.imports import symbol_by_name

__all__ = ["pydantic_wrapper"]


def _base_model() -> Any:
    """pydantic's `BaseModel`; pydantic is an extra.

    Raises:
        ImproperlyConfigured: it is not installed.
    """
    try:
        return symbol_by_name("pydantic:BaseModel")
    except ImportError as exc:
        raise ImproperlyConfigured(
            "Tasks with pydantic=True need pydantic: pip install 'celery[pydantic]'"
        ) from exc


def _model_of(annotation: Any, base: type) -> Any:
    """The model class in an annotation (also in ``Model | None``), or None."""
    if isinstance(annotation, type) and issubclass(annotation, base):
        return annotation
    if get_origin(annotation) in (typing.Union, UnionType):
        members = [arg for arg in get_args(annotation) if arg is not type(None)]
        if len(members) == 1:
            return _model_of(members[0], base)
    return None


def pydantic_wrapper(
    app: Any,
    task_fun: Callable[..., Any],
    task_name: str,
    strict: bool = True,
    context: Mapping[str, Any] | None = None,
    dump_kwargs: Mapping[str, Any] | None = None,
) -> Callable[..., Any]:
    """Wrap a function so that dicts become the models its annotations name, and models dicts.

    Args:
        strict: validate without coercing types.
        context: validation context; `celery_app` and `celery_task_name` are added.
        dump_kwargs: for `model_dump`; JSON mode unless it says otherwise.
    """
    base = _base_model()
    signature = inspect.signature(task_fun)
    hints = typing.get_type_hints(task_fun)
    models = {
        name: model
        for name in signature.parameters
        if (model := _model_of(hints.get(name), base)) is not None
    }
    validation = {"celery_app": app, "celery_task_name": task_name, **(context or {})}
    dumping = {"mode": "json", **(dump_kwargs or {})}

    @functools.wraps(task_fun)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            model = models.get(name)
            if model is not None and value is not None:
                bound.arguments[name] = model.model_validate(
                    value, strict=strict, context=validation
                )
        returned = task_fun(*bound.args, **bound.kwargs)
        return returned.model_dump(**dumping) if isinstance(returned, base) else returned

    return wrapper
