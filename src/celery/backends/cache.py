"""Results in memcached, or in the memory of this process.

============================  ==============================================================
URL                           where
============================  ==============================================================
``cache+memcached://h1;h2/``  memcached servers (``host:port`` or path of a socket), through
                              pymemcache; ``memcache``, ``pymemcache`` and ``pylibmc`` are the
                              same
``cache+memory://``           this process: all its applications and threads share it
============================  ==============================================================
"""

import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, Final, Protocol

from kombu.utils.encoding import ensure_bytes
from kombu.utils.objects import cached_property

from celery.backends.base import KeyValueStoreBackend
from celery.exceptions import ImproperlyConfigured

__all__ = ("CacheBackend",)

#: Memcached takes more seconds than these, thirty days, for a date.
LONGEST_RELATIVE_EXPIRY_S: Final = 30 * 24 * 60 * 60


class CacheClient(Protocol):
    """What is used of pymemcache's clients."""

    def get(self, key: bytes) -> bytes | None: ...
    def get_many(self, keys: Iterable[bytes]) -> Mapping[bytes, bytes]: ...
    def set(self, key: bytes, value: bytes, expire: int = 0, noreply: bool = False) -> Any: ...
    def add(self, key: bytes, value: bytes, expire: int = 0, noreply: bool = False) -> Any: ...
    def delete(self, key: bytes, noreply: bool = False) -> Any: ...
    def incr(self, key: bytes, value: int, noreply: bool = False) -> int | None: ...
    def touch(self, key: bytes, expire: int = 0, noreply: bool = False) -> Any: ...
    def close(self) -> None: ...


class MemoryClient:
    """A memcached in this process, with the methods of a client.  Safe to use from any thread.

    Args:
        clock: Returns seconds; time that only goes forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        #: Key -> value, and when it goes, if it does.
        self._items: dict[bytes, tuple[bytes, float | None]] = {}

    def _live(self, key: bytes) -> bytes | None:
        value, deadline = self._items.get(key, (None, None))
        if deadline is not None and deadline <= self._clock():
            del self._items[key]
            return None
        return value

    def _put(self, key: bytes, value: bytes, expire: float) -> None:
        self._items[key] = value, (self._clock() + expire if expire else None)

    def get(self, key: bytes) -> bytes | None:
        with self._lock:
            return self._live(key)

    def get_many(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        with self._lock:
            found = {key: self._live(key) for key in keys}
        return {key: value for key, value in found.items() if value is not None}

    def set(self, key: bytes, value: bytes, expire: int = 0, noreply: bool = False) -> bool:
        with self._lock:
            self._put(key, value, expire)
        return True

    def add(self, key: bytes, value: bytes, expire: int = 0, noreply: bool = False) -> bool:
        with self._lock:
            if self._live(key) is not None:
                return False
            self._put(key, value, expire)
        return True

    def delete(self, key: bytes, noreply: bool = False) -> bool:
        with self._lock:
            return self._items.pop(key, None) is not None

    def incr(self, key: bytes, value: int, noreply: bool = False) -> int | None:
        with self._lock:
            current = self._live(key)
            if current is None:
                return None
            total = int(current) + value
            self._items[key] = b"%d" % total, self._items[key][1]
        return total

    def touch(self, key: bytes, expire: int = 0, noreply: bool = False) -> bool:
        with self._lock:
            value = self._live(key)
            if value is None:
                return False
            self._put(key, value, expire)
        return True

    def close(self) -> None:
        """Keep everything: others use it."""


#: Every backend of this process sees the same memory, as it would see the same server: there is
#: one backend for each thread, and the caller and the worker are different threads.
_memory: Final = MemoryClient()


def _memory_client(servers: list[str], options: Mapping[str, Any]) -> CacheClient:
    return _memory


def _memcached_client(servers: list[str], options: Mapping[str, Any]) -> CacheClient:
    """Return a client that spreads the keys over `servers`."""
    try:
        hash_client = import_module("pymemcache.client.hash").HashClient
    except ImportError as exc:
        raise ImproperlyConfigured(
            "The memcached result backend needs the library pymemcache: install it."
        ) from exc
    client: CacheClient = hash_client(servers, **options)
    return client


#: Scheme of the URL -> what makes a client.
_CLIENTS: Final[Mapping[str, Callable[[list[str], Mapping[str, Any]], CacheClient]]] = {
    "memcache": _memcached_client,
    "memcached": _memcached_client,
    "pylibmc": _memcached_client,
    "pymemcache": _memcached_client,
    "memory": _memory_client,
}


class CacheBackend(KeyValueStoreBackend):
    """Keeps results in memcached, or in memory; they are gone when that restarts.

    Args:
        app: The application.
        expires: Seconds results are kept.
        backend: URL, or the name alone; the setting ``cache_backend`` if neither this nor `url`.
        options: For the client, over those of ``cache_backend_options``.
        url: As `backend`, and before it.
    """

    supports_autoexpire = True
    supports_native_join = True
    implements_incr = True

    def __init__(
        self,
        app: Any,
        expires: Any = None,
        backend: str | None = None,
        options: Mapping[str, Any] | None = None,
        url: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(app, expires=expires, expires_type=int, **kwargs)
        conf = app.conf
        self.url = url
        self.options: dict[str, Any] = {**(conf.cache_backend_options or {}), **(options or {})}
        location = url or backend or conf.cache_backend
        servers: str
        self.backend, _, servers = str(location or "").partition("://")
        self.servers = servers.rstrip("/").split(";")
        if self.backend not in _CLIENTS:
            raise ImproperlyConfigured(
                f"The cache backend {self.backend or None!r} is unknown, "
                f"use one of these instead: {', '.join(sorted(_CLIENTS))}"
            )

    def __reduce__(self, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        own = {"backend": self.as_uri(), "expires": self.expires, "options": self.options}
        return super().__reduce__(args, {**own, **(kwargs or {})})

    def as_uri(self, include_password: bool = False) -> str:
        """Return the URL; there is no password in it."""
        return f"{self.backend}://{';'.join(self.servers)}/"

    @cached_property
    def client(self) -> CacheClient:
        """The client; connects when it is used, and disconnects when the backend goes."""
        options = self.options
        if self.thread_safe and self.backend != "memory":
            options = {"use_pooling": True, **options}
        client = _CLIENTS[self.backend](self.servers, options)
        weakref.finalize(self, client.close)
        return client

    def exception_safe_to_retry(self, exc: Exception) -> bool:
        """Return whether `exc` is of the connection."""
        return isinstance(exc, OSError)

    def get(self, key: Any) -> Any:
        """Return the value of `key`, or None."""
        return self.client.get(key)

    def mget(self, keys: list[Any]) -> Any:
        """Return the values found, by key."""
        return self.client.get_many(keys)

    def set(self, key: Any, value: Any) -> Any:
        """Write `value`."""
        return self.client.set(
            key, ensure_bytes(value), expire=_memcached_time(self.expires), noreply=False
        )

    def delete(self, key: Any) -> Any:
        """Remove `key`."""
        return self.client.delete(key, noreply=False)

    def incr(self, key: Any) -> int:
        """Add one to the number at `key`, and return it."""
        while True:
            count: int | None = self.client.incr(key, 1, noreply=False)
            if count is not None:
                return count
            # Not there: one of those who come now makes it, and the others add to it.
            expire = _memcached_time(self.chord_expires)
            if self.client.add(key, b"1", expire=expire, noreply=False):
                return 1

    def expire(self, key: Any, value: Any) -> Any:
        """Let `key` go after `value` seconds."""
        return self.client.touch(key, expire=_memcached_time(value), noreply=False)

    def _apply_chord_incr(
        self, header_result_args: Iterable[Any], body: Any, **kwargs: Any
    ) -> None:
        """Get ready to count; the counter is made here, as Celery's own workers only add to it."""
        header_result_args = tuple(header_result_args)
        counter = self.get_key_for_chord(header_result_args[0])
        self.client.set(counter, b"0", expire=_memcached_time(self.chord_expires), noreply=False)
        super()._apply_chord_incr(header_result_args, body, **kwargs)


def _memcached_time(seconds: float | None) -> int:
    """Return `seconds` from now as memcached wants them: 0 is for ever."""
    if not seconds:
        return 0
    if seconds > LONGEST_RELATIVE_EXPIRY_S:
        return int(time.time() + seconds)
    return max(1, int(seconds))
