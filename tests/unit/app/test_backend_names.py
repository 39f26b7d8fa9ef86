"""The store a name or URL stands for."""

from __future__ import annotations

from typing import Any

import pytest

from celery.app.backends import BACKEND_ALIASES, by_name, by_url
from celery.backends.base import DisabledBackend
from celery.backends.cache import CacheBackend
from celery.exceptions import ImproperlyConfigured


class Loader:
    override_backends = {"mine": "celery.backends.cache:CacheBackend", "disabled": CacheBackend}


NO_OVERRIDES: Any = type("NoOverrides", (), {"override_backends": {}})()


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        (None, DisabledBackend),
        ("disabled", DisabledBackend),
        ("cache", CacheBackend),
        ("celery.backends.cache.CacheBackend", CacheBackend),
        ("celery.backends.cache:CacheBackend", CacheBackend),
        (CacheBackend, CacheBackend),
    ],
)
def test_by_name(name: Any, cls: type) -> None:
    assert by_name(name, NO_OVERRIDES) is cls


@pytest.mark.parametrize("name", ["nope", "celery.backends.cache"])
def test_unknown(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="Unknown result backend"):
        by_name(name, NO_OVERRIDES)


def test_module_that_is_not_there_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="riak"):
        by_name("riak", NO_OVERRIDES)


def test_loader_comes_first() -> None:
    loader: Any = Loader()
    assert by_name("mine", loader) is CacheBackend
    assert by_name("disabled", loader) is CacheBackend


@pytest.mark.parametrize(
    ("given", "name", "url"),
    [
        ("cache+memory://", "cache", "memory://"),
        ("db+sqlite:///f", "db", "sqlite:///f"),
        ("file:///tmp", "file", "file:///tmp"),
        ("disabled://", "disabled", "disabled://"),
        ("celery.backends.cache.CacheBackend+memory://", "cache", "memory://"),
        ("cache", "cache", None),
        (None, "disabled", None),
    ],
)
def test_by_url(given: Any, name: str, url: str | None) -> None:
    assert by_url(given, NO_OVERRIDES) == (by_name(name, NO_OVERRIDES), url)


def test_embedded_store_has_a_name() -> None:
    assert BACKEND_ALIASES["sqlite"] == "celery.backends.sqlite:SQLiteBackend"
