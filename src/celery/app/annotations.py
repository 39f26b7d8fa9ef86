"""The setting `task_annotations`: changing attributes of tasks without touching their code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from celery.utils.functional import firstmethod, mlazy
from celery.utils.imports import instantiate

__all__ = ["MapAnnotation", "prepare", "resolve_all"]

_first_match = firstmethod("annotate")
_first_match_any = firstmethod("annotate_any")


class MapAnnotation(dict[str, Any]):
    """Annotations as a table: task name to attributes; ``*`` is for every task."""

    def annotate_any(self) -> dict[str, Any] | None:
        """Attributes for every task."""
        found = self.get("*")
        return dict(found) if found is not None else None

    def annotate(self, task: Any) -> dict[str, Any] | None:
        """Attributes for this task."""
        found = self.get(task.name)
        return dict(found) if found is not None else None


def prepare(annotations: Any) -> tuple[Any, ...]:
    """Turn the setting into objects with `annotate`; dotted names are imported when used."""
    if annotations is None:
        return ()
    if not isinstance(annotations, (list, tuple)):
        annotations = (annotations,)
    return tuple(_prepare_one(annotation) for annotation in annotations)


def _prepare_one(annotation: Any) -> Any:
    if isinstance(annotation, Mapping):
        return MapAnnotation(annotation)
    if isinstance(annotation, str):
        return mlazy(instantiate, annotation)  # type: ignore[no-untyped-call]  # of kombu's base
    return annotation


def resolve_all(annotations: Any, task: Any) -> Iterator[Mapping[str, Any]]:
    """The attributes that apply to a task: those for all first, its own last."""
    return (
        found for found in (_first_match_any(annotations), _first_match(annotations, task)) if found
    )
