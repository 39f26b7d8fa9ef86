"""From a broker URL to the adapter that serves it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from celery._broker.base import Broker
    from celery._broker.options import BrokerOptions

__all__ = ["DEFAULT_URL", "adapter_of", "open_broker", "scheme_of", "urls_of"]

#: What no URL means: one SQLite file, no server.
DEFAULT_URL = "sqlite://"

_NATIVE = {
    "memory": "celery._broker.memory:MemoryBroker",
    "sqlite": "celery._broker.sqlite:SQLiteBroker",
    "redis": "celery._broker.redis:RedisBroker",
    "rediss": "celery._broker.redis:RedisBroker",
    "redis+socket": "celery._broker.redis:RedisBroker",
    "sentinel": "celery._broker.redis:RedisBroker",
}
_KOMBU = "celery._broker.kombu:KombuBroker"


def urls_of(url: str | Sequence[str] | None) -> list[str]:
    """The alternatives in a setting: a list, or URLs joined by ``;``. None is the default URL."""
    if not url:
        return [DEFAULT_URL]
    parts = url.split(";") if isinstance(url, str) else list(url)
    return [part.strip() for part in parts if part.strip()]


def scheme_of(url: str) -> str:
    """The scheme of a URL; a bare word such as ``redis`` is one too."""
    return url.partition("://")[0]


def adapter_of(url: str | Sequence[str] | None) -> str:
    """The dotted name of the adapter for a URL.

    Several alternatives are served by kombu, which knows how to fail over; the nodes of one
    Redis Sentinel are not alternatives.
    """
    urls = urls_of(url)
    schemes = {scheme_of(one) for one in urls}
    if len(urls) > 1 and schemes != {"sentinel"}:
        return _KOMBU
    return _NATIVE.get(scheme_of(urls[0]), _KOMBU)


def open_broker(url: str | Sequence[str] | None, options: BrokerOptions) -> Broker:
    """The broker of a URL. Nothing is connected yet.

    Raises:
        ImproperlyConfigured: the URL is wrong, or the adapter's library is not installed.
    """
    module, _, name = adapter_of(url).partition(":")
    adapter: Any = getattr(import_module(module), name)
    broker: Broker = adapter.open(";".join(urls_of(url)), options)
    return broker
