"""Entries that programs add to the beat schedule: kept until the configuration is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from celery.utils.log import get_logger

if TYPE_CHECKING:
    from celery.app.base import Celery

__all__ = ["PeriodicTasks"]

logger = get_logger(__name__)


class PeriodicTasks:
    """What `add_periodic_task` has added to one app."""

    def __init__(self, app: Celery) -> None:
        self.app = app
        self._pending: list[tuple[str, dict[str, Any], str | None]] = []

    def add(
        self,
        schedule: Any,
        sig: Any,
        args: Any,
        kwargs: Any,
        name: str | None,
        options: Mapping[str, Any],
    ) -> str:
        """Add an entry; returns its key: the name, else the text of the signature."""
        if isinstance(sig, str):
            sig = self.app.signature(sig, args, kwargs)
        elif args or kwargs:
            sig = sig.clone(args, dict(kwargs))
        key = name or repr(sig)
        entry = {
            "schedule": schedule,
            "task": sig.name,
            "args": sig.args,
            "kwargs": sig.kwargs,
            "options": {**sig.options, **options},
        }
        if self.app.configured:
            self._install(key, entry, name)
        else:
            self._pending.append((key, entry, name))
        return key

    def flush(self) -> None:
        """The configuration has been read: add what was waiting for it."""
        pending, self._pending = self._pending, []
        for item in pending:
            self._install(*item)

    def _install(self, key: str, entry: dict[str, Any], name: str | None) -> None:
        schedule = self.app.conf.beat_schedule
        if name is None and key in schedule:
            logger.warning(
                "Periodic task %s is in the schedule already; the new one replaces it. "
                "Give each of them a name= to keep both.",
                key,
            )
        schedule[key] = entry
