"""Django: settings module, autodiscovery, and database connections around each task.

Active when ``DJANGO_SETTINGS_MODULE`` is set. Django itself is imported when it is needed.
"""

from __future__ import annotations

import os
import sys
import warnings
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from celery import _state, signals
from celery.exceptions import FixupWarning, ImproperlyConfigured
from celery.utils.imports import symbol_by_name

if TYPE_CHECKING:
    from celery.app.base import Celery

__all__ = ["DjangoFixup", "DjangoWorkerFixup", "fixup"]

_OLDEST = (1, 11)
_TASK_CLASS = "celery.contrib.django.task:DjangoTask"


def fixup(app: Celery, env: str = "DJANGO_SETTINGS_MODULE") -> DjangoFixup | None:
    """Adapt an app to Django, if this process has a Django settings module.

    Raises:
        ImproperlyConfigured: Django is too old.
    """
    if not os.environ.get(env) or "django" in str(app.loader_cls).lower():
        return None
    try:
        django = import_module("django")
    except ImportError:
        warnings.warn(
            f"Environment variable {env} is defined but Django is not installed: "
            "Celery will not adapt to it",
            FixupWarning,
            stacklevel=2,
        )
        return None
    if django.VERSION < _OLDEST:
        raise ImproperlyConfigured("Celery needs Django 1.11 or newer")
    return DjangoFixup(app).install()


class DjangoFixup:
    """What an app needs in a Django project."""

    def __init__(self, app: Celery) -> None:
        self.app = app
        if _state.default_app is None:
            app.set_default()
        self._worker_fixup: DjangoWorkerFixup | None = None

    def install(self) -> DjangoFixup:
        """Connect to what happens in the app."""
        sys.path.insert(0, os.getcwd())
        self._settings = symbol_by_name("django.conf:settings")
        self.app.loader.now = self.now
        if not self.app._custom_task_cls_used:
            self.app.task_cls = _TASK_CLASS
        signals.import_modules.connect(self.on_import_modules, sender=self.app)
        signals.worker_init.connect(self.on_worker_init)
        return self

    @property
    def worker_fixup(self) -> DjangoWorkerFixup:
        """What a worker of the app needs."""
        if self._worker_fixup is None:
            self._worker_fixup = DjangoWorkerFixup(self.app)
        return self._worker_fixup

    def now(self, utc: bool = False) -> datetime:
        """The time, as Django has it."""
        now: datetime = datetime.now(UTC) if utc else symbol_by_name("django.utils.timezone:now")()
        return now

    def autodiscover_tasks(self) -> list[str]:
        """The packages of the installed Django apps."""
        apps = symbol_by_name("django.apps:apps")
        return [config.name for config in apps.get_app_configs()]

    def on_import_modules(self, **kwargs: Any) -> None:
        """Before the task modules are imported: set Django up and check it."""
        import_module("django").setup()
        self.worker_fixup.validate_models()

    def on_worker_init(self, sender: Any = None, **kwargs: Any) -> None:
        """A worker begins: if it is one of our app, it gets its own fixup."""
        if sender is None or getattr(sender, "app", self.app) is self.app:
            self.worker_fixup.install()


class DjangoWorkerFixup:
    """Database connections and caches of a worker: closed around tasks, not shared by a fork."""

    def __init__(self, app: Celery) -> None:
        self.app = app
        self._db = import_module("django.db")
        self._cache = import_module("django.core.cache")
        self._settings = symbol_by_name("django.conf:settings")
        self._recycles = 0
        self.db_reuse_max = self.app.conf.get("CELERY_DB_REUSE_MAX", None)

    def install(self) -> DjangoWorkerFixup:
        """Connect to what happens in the worker."""
        signals.beat_embedded_init.connect(self.close_database)
        signals.task_prerun.connect(self.on_task_prerun)
        signals.task_postrun.connect(self.on_task_postrun)
        signals.worker_process_init.connect(self.on_worker_process_init)
        self.close_database()
        self.close_cache()
        return self

    def validate_models(self) -> None:
        """Run Django's system checks, unless ``CELERY_SKIP_CHECKS`` says not to."""
        import_module("django").setup()
        if not os.environ.get("CELERY_SKIP_CHECKS"):
            symbol_by_name("django.core.checks:run_checks")()

    def on_worker_process_init(self, **kwargs: Any) -> None:
        """In a new child: the parent's sockets are not ours to talk over."""
        for connection in self._db.connections.all():
            inner = getattr(connection, "connection", None)
            fileno = getattr(inner, "fileno", None)
            try:
                if fileno is not None:
                    os.close(fileno())
            except (AttributeError, OSError, TypeError, self._db.InterfaceError):
                # Closed already, or a driver without a descriptor: nothing is shared then.
                continue
        self._close_database()
        self.close_cache()
        if os.environ.get("FORKED_BY_MULTIPROCESSING"):
            self.validate_models()

    def on_task_prerun(self, sender: Any, **kwargs: Any) -> None:
        """Before a task: connections that have aged are closed."""
        if not getattr(sender.request, "is_eager", False):
            self.close_database()

    def on_task_postrun(self, sender: Any, **kwargs: Any) -> None:
        """After a task: no connection stays open over the time in between."""
        if not getattr(sender.request, "is_eager", False):
            self.close_database()
            self.close_cache()

    def close_database(self, **kwargs: Any) -> None:
        """Close the connections, or, with ``CELERY_DB_REUSE_MAX`` set, every n-th time."""
        if not self.db_reuse_max:
            self._close_database()
            return
        if self._recycles >= self.db_reuse_max * 2:
            self._recycles = 0
            self._close_database()
        self._recycles += 1

    def _close_database(self) -> None:
        for connection in self._db.connections.all():
            try:
                connection.close()
            except (self._db.InterfaceError, self._db.DatabaseError) as exc:
                if "closed" not in str(exc) and "not connected" not in str(exc):
                    raise

    def close_cache(self) -> None:
        """Close the caches' connections."""
        self._cache.close_caches()
