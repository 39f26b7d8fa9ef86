"""Results in memcached's memory, or this process's."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from celery.app.base import Celery
from celery.backends.cache import CacheBackend, MemoryClient, _memcached_time
from celery.exceptions import ImproperlyConfigured


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_memory_expires() -> None:
    clock = Clock()
    client = MemoryClient(clock)
    client.set(b"k", b"v", expire=10)
    client.set(b"stays", b"v")
    clock.now = 9.9
    assert client.get(b"k") == b"v"
    assert client.touch(b"k", expire=10)
    clock.now = 19.8
    assert client.get_many([b"k", b"none"]) == {b"k": b"v"}
    clock.now = 20
    assert client.get(b"k") is None
    assert not client.touch(b"k", expire=10)
    assert client.get(b"stays") == b"v"


def test_memory_counts() -> None:
    client = MemoryClient(Clock())
    assert client.incr(b"n", 1) is None
    assert client.add(b"n", b"1")
    assert not client.add(b"n", b"1")
    assert client.incr(b"n", 2) == 3
    assert client.delete(b"n")
    assert not client.delete(b"n")


def test_threads_see_the_same_memory(app: Celery) -> None:
    backend = CacheBackend(app, url="memory://")
    backend.store_result("id-of-threads-test", 1, "SUCCESS")
    seen: list[Any] = []

    def read() -> None:
        seen.append(CacheBackend(app, url="memory://").get_result("id-of-threads-test"))

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert seen == [1]


@pytest.mark.parametrize(
    ("url", "servers", "uri"),
    [
        ("memcached://h1:11211;h2/", ["h1:11211", "h2"], "memcached://h1:11211;h2/"),
        ("pymemcache:///tmp/socket", ["/tmp/socket"], "pymemcache:///tmp/socket/"),
        ("memory://", [""], "memory:///"),
    ],
)
def test_url(app: Celery, url: str, servers: list[str], uri: str) -> None:
    backend = CacheBackend(app, url=url)
    assert (backend.servers, backend.as_uri()) == (servers, uri)
    assert CacheBackend(app, url=backend.as_uri()).servers == servers


def test_setting(app: Celery) -> None:
    app.conf.update(cache_backend="memory://", cache_backend_options={"a": 1})
    backend = CacheBackend(app, options={"b": 2})
    assert (backend.backend, backend.options) == ("memory", {"a": 1, "b": 2})


@pytest.mark.parametrize("url", ["nope://", None])
def test_unknown(app: Celery, url: str | None) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"is unknown.*memcached"):
        CacheBackend(app, url=url)


@pytest.mark.parametrize(
    ("seconds", "sent"), [(None, 0), (0, 0), (0.5, 1), (3600.7, 3600), (2592000, 2592000)]
)
def test_expiry_as_memcached_has_it(seconds: float | None, sent: int) -> None:
    assert _memcached_time(seconds) == sent


def test_long_expiry_is_a_date() -> None:
    assert _memcached_time(31 * 86400) > 1_700_000_000
