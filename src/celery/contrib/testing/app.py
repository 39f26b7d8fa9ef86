"""Applications for tests: in memory, quiet, and not current unless asked for."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from celery import _state
from celery.app.base import Celery
from celery.app.log import Logging

__all__ = ["DEFAULT_TEST_CONFIG", "TestApp", "Trap", "UnitLogging", "set_trap", "setup_default_app"]

#: Settings of every test app.
DEFAULT_TEST_CONFIG: Mapping[str, Any] = {
    "worker_hijack_root_logger": False,
    "worker_log_color": False,
    "accept_content": {"json"},
    "enable_utc": True,
    "timezone": "UTC",
    "broker_url": "memory://",
    "result_backend": "cache+memory://",
    "broker_heartbeat": 0,
}


class Trap:
    """A default app that must not be used: every access says so."""

    def __getattr__(self, name: str) -> Any:
        # Python itself looks at special names, for example when the object is copied.
        if name.startswith("__") or name == "_is_coroutine":
            raise AttributeError(name)
        raise RuntimeError(
            f"The test uses the default app ({name!r} of it): pass the app, or use the fixture "
            "depends_on_current_app"
        )


class UnitLogging(Logging):
    """Logging that counts as set up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.already_setup = True


def TestApp(
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    enable_logging: bool = False,
    set_as_current: bool = False,
    log: Any = UnitLogging,
    backend: str | None = None,
    broker: str | None = None,
    **kwargs: Any,
) -> Celery:
    """An app for tests.

    Args:
        config: settings besides `DEFAULT_TEST_CONFIG`, or instead of them.
        enable_logging: let it set up logging.
        **kwargs: arguments of `Celery`.
    """
    settings = {**deepcopy(dict(DEFAULT_TEST_CONFIG)), **(config or {})}
    if broker is not None:
        settings.pop("broker_url", None)
    if backend is not None:
        settings.pop("result_backend", None)
    app = Celery(
        name or "celery.tests",
        set_as_current=set_as_current,
        log=None if enable_logging else log,
        broker=broker,
        backend=backend,
        **kwargs,
    )
    app.add_defaults(settings)
    return app


TestApp.__test__ = False  # type: ignore[attr-defined]  # it is not a test, whatever its name


@contextmanager
def set_trap(app: Any) -> Iterator[None]:
    """Within the block, whoever falls back to the default app gets an error."""
    trap: Any = Trap()
    previous, thread_app = _state.default_app, _state._tls.current_app
    _state.set_default_app(trap)
    _state._tls.current_app = None
    try:
        yield
    finally:
        _state.set_default_app(previous)
        _state._tls.current_app = thread_app


@contextmanager
def setup_default_app(app: Any, use_trap: bool = False) -> Iterator[None]:
    """Within the block the app is the only one, and the default (or nobody is, with the trap)."""
    previous = _state.default_app
    finalizers, apps = set(_state._on_app_finalizers), _state._apps
    thread_app = _state._tls.current_app
    _state._apps = weakref.WeakSet()
    try:
        if use_trap:
            with set_trap(app):
                yield
        else:
            _state.set_default_app(app)
            _state._set_current_app(app)
            yield
    finally:
        _state.set_default_app(previous)
        _state._set_current_app(thread_app)
        if thread_app is not app:
            app.close()
        _state._on_app_finalizers.clear()
        _state._on_app_finalizers.update(finalizers)
        _state._apps = apps
