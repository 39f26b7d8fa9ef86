"""Applications for tests of results: tasks are noted rather than sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from celery.app.base import Celery
from celery.backends.base import KeyValueStoreBackend


class DictBackend(KeyValueStoreBackend):
    """A store in a dictionary, which counts how often it is read.

    Args:
        app: The application, of which it becomes the backend.
        failures: Raised, one after the other, by the next reads.
    """

    def __init__(
        self, app: Any, *args: Any, failures: Iterable[Exception] = (), **kwargs: Any
    ) -> None:
        super().__init__(app, *args, **kwargs)
        self.values: dict[Any, Any] = {}
        self.writes: list[tuple[Any, Any]] = []
        self.reads = 0
        self.failures = list(failures)
        self.pauses: list[float] = []
        app.backend = self

    def get(self, key: Any) -> Any:
        self.reads += 1
        if self.failures:
            raise self.failures.pop(0)
        return self.values.get(key)

    def set(self, key: Any, value: Any) -> None:
        self.writes.append((key, value))
        self.values[key] = value

    def delete(self, key: Any) -> None:
        self.values.pop(key, None)

    def incr(self, key: Any) -> int:
        self.values[key] = int(self.values.get(key, 0)) + 1
        count: int = self.values[key]
        return count

    def exception_safe_to_retry(self, exc: Exception) -> bool:
        return isinstance(exc, OSError)

    def _sleep(self, amount: float) -> None:
        self.pauses.append(amount)


class CountingBackend(DictBackend):
    """A store that counts the parts of chords."""

    implements_incr = True


def make_app(**settings: Any) -> Celery:
    """An application over memory, current in this thread."""
    settings = {"result_backend": "cache+memory://", **settings}
    return Celery("results", broker="memory://results", fixups=(), changes=settings)
