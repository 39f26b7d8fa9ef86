"""The embedded result store: results in one SQLite file, beside the embedded broker's messages.

Results, groups and chord counters are rows with an expiry. Who waits for a result is told of
changes, within the process at once, from other processes within a few milliseconds (see
`celery._stores.sqlite.changes`).

``result_backend_transport_options`` may have ``synchronous`` and ``busy_timeout``, as for the
broker, and ``global_keyprefix``.
"""

import sqlite3
import threading
import time
from collections.abc import Iterable
from typing import Any

from kombu.utils.encoding import bytes_to_str

from celery._ports import AppPort
from celery._stores.sqlite import open_database, path_of
from celery._stores.sqlite.results import Results
from celery.backends.base import KeyValueStoreBackend
from celery.states import FAILURE

__all__ = ("SQLiteBackend",)

#: While waiting, a look at many results is followed by a pause of twice the time it took.
_PAUSE_SHARE = 2


class SQLiteBackend(KeyValueStoreBackend):
    """Keeps results in the file that the URL names; without a URL, in the default file.

    Args:
        app: The application it belongs to.
        url: ``sqlite://``, ``sqlite:///relative/path`` or ``sqlite:////absolute/path``.
        **kwargs: As of :class:`~celery.backends.base.Backend`.

    Raises:
        ValueError: The URL names no file.
    """

    key_t = staticmethod(bytes_to_str)
    implements_incr = True
    supports_autoexpire = True
    supports_native_join = True
    supports_result_compression = True
    supports_failure_expires = True

    def __init__(self, app: AppPort, url: str | None = None, **kwargs: Any) -> None:
        super().__init__(app, url=url, **kwargs)
        options = app.conf.result_backend_transport_options
        self._database = open_database(
            path_of(url),
            synchronous=str(options.get("synchronous", "NORMAL")),
            busy_timeout=float(options.get("busy_timeout", 30.0)),
        )
        self._results = Results(self._database)
        self._failure_expires = self.prepare_expires(app.conf.result_failure_expires)
        self._looks = _Looks()

    def __reduce__(self, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        return super().__reduce__(args, {"url": self.url, **(kwargs or {})})

    def as_uri(self, include_password: bool = False) -> str:
        """Return the URL of the file."""
        return f"sqlite:///{self._database.path}"

    def get(self, key: Any) -> Any:
        self._looks.begin(self._database.changes.seen)
        return self._results.get(self.key_t(key))

    def mget(self, keys: Iterable[Any]) -> Any:
        self._looks.begin(self._database.changes.seen)
        return self._results.get_many([self.key_t(key) for key in keys])

    def set(self, key: Any, value: Any) -> None:
        self._results.put(self.key_t(key), value, seconds=self.expires)

    def _set_with_state(self, key: Any, value: Any, state: str) -> None:
        seconds = self._failure_expires if state == FAILURE else self.expires
        self._results.put(self.key_t(key), value, seconds=seconds)

    def delete(self, key: Any) -> None:
        self._results.drop(self.key_t(key))

    def incr(self, key: Any) -> int:
        return self._results.increment(self.key_t(key))

    def expire(self, key: Any, value: Any) -> None:
        self._results.expire(self.key_t(key), value)

    def cleanup(self) -> None:
        """Remove all that has expired; otherwise it goes little by little."""
        self._results.purge()

    def exception_safe_to_retry(self, exc: Exception) -> bool:
        return isinstance(exc, sqlite3.OperationalError)

    def _pause(self, seconds: float) -> None:
        """Until something has changed since the last look of this thread, at most so long."""
        deadline = time.monotonic() + seconds
        cost = time.monotonic() - self._looks.began
        self._sleep(min(_PAUSE_SHARE * cost, seconds))
        left = deadline - time.monotonic()
        if left > 0:
            self._database.changes.wait(self._looks.seen, left)


class _Looks(threading.local):
    """When this thread looked last, and which changes it knew of before."""

    seen: int = 0
    began: float = 0.0

    def begin(self, seen: int) -> None:
        self.seen = seen
        self.began = time.monotonic()
