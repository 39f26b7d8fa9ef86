"""What every loader does: read configuration, import the modules that hold tasks."""

import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from types import ModuleType
from typing import Any, Final

from celery._ports import AppPort
from celery._settings.convert import parse_assignments
from celery.signals import import_modules
from celery.utils.collections import DictAttribute, force_mapping
from celery.utils.functional import maybe_list
from celery.utils.imports import NotAPackage, find_module, import_from_cwd, symbol_by_name

__all__ = ("BaseLoader", "autodiscover_tasks", "find_related_module", "is_absence_of")

_UNREAD: Final = object()


class BaseLoader:
    """Reads configuration and imports tasks for an application, and is told what happens to it.

    To change either, subclass it, and name the class in ``Celery(loader=...)`` or
    ``CELERY_LOADER``.  The ``on_...`` methods are there to be overridden.

    Args:
        app: The application.
        **kwargs: Accepted and ignored.
    """

    #: Imported before the application's own modules.
    builtin_modules: frozenset[str] = frozenset()
    #: A configuration module was found.
    configured = False
    #: Result backend aliases that differ from the usual ones.
    override_backends: Mapping[str, str] = {}
    worker_initialized = False

    _conf: Any = _UNREAD

    def __init__(self, app: AppPort, **kwargs: Any) -> None:
        self.app = app
        #: Names of the task modules imported so far.
        self.task_modules: set[str] = set()

    # -- told by the worker

    def on_task_init(self, task_id: str, task: Any) -> None:
        """Called before a task runs."""

    def on_process_cleanup(self) -> None:
        """Called after a task has run."""

    def on_worker_init(self) -> None:
        """Called when a worker starts."""

    def on_worker_shutdown(self) -> None:
        """Called when a worker shuts down."""

    def on_worker_process_init(self) -> None:
        """Called when a child of a worker starts."""

    def init_worker(self) -> None:
        """A worker starts: import the tasks, once."""
        if not self.worker_initialized:
            self.worker_initialized = True
            self.import_default_modules()
            self.on_worker_init()

    def shutdown_worker(self) -> None:
        """A worker shuts down."""
        self.on_worker_shutdown()

    def init_worker_process(self) -> None:
        """A child of a worker starts."""
        self.on_worker_process_init()

    # -- importing

    def import_module(self, module: str, package: str | None = None) -> ModuleType:
        """Import a module."""
        return importlib.import_module(module, package=package)

    def import_task_module(self, module: str) -> ModuleType:
        """Import a module that holds tasks; the current directory is searched first."""
        self.task_modules.add(module)
        imported: ModuleType = self.import_from_cwd(module)
        return imported

    def import_from_cwd(
        self, module: str, imp: Callable[..., Any] | None = None, package: str | None = None
    ) -> Any:
        """Import a module, searching the current directory first."""
        return import_from_cwd(module, self.import_module if imp is None else imp, package=package)

    def find_module(self, module: str) -> Any:
        """Find a module; see :func:`celery.utils.imports.find_module`."""
        return find_module(module)

    @cached_property
    def default_modules(self) -> tuple[str, ...]:
        """The modules the settings ``imports`` and ``include`` name."""
        conf = self.app.conf
        return (
            *self.builtin_modules,
            *(maybe_list(conf.imports) or ()),
            *(maybe_list(conf.include) or ()),
        )

    def import_default_modules(self) -> list[ModuleType]:
        """Import what the settings name and what autodiscovery finds.

        Raises:
            Exception: What the first failing module, or receiver of the signal
                ``import_modules``, has raised: logging is not set up at this point, so that it
                would be lost otherwise.
        """
        for _receiver, response in import_modules.send(sender=self.app):
            if isinstance(response, Exception):
                raise response
        return [self.import_task_module(module) for module in self.default_modules]

    def autodiscover_tasks(
        self, packages: Iterable[str] | None, related_name: str | None = "tasks"
    ) -> None:
        """Import the task modules of `packages`; see :func:`autodiscover_tasks`."""
        found = autodiscover_tasks(packages or (), related_name=related_name)
        self.task_modules.update(module.__name__ for module in found if module is not None)

    # -- configuration

    @property
    def conf(self) -> Any:
        """The settings as read, or None if there are none."""
        if self._conf is _UNREAD:
            self._conf = self.read_configuration()
        return self._conf

    def read_configuration(self, env: str = "CELERY_CONFIG_MODULE") -> Mapping[str, Any] | None:
        """Return the settings of the module the environment variable `env` names, if it is set.

        Raises:
            ImportError: It cannot be imported.
        """
        name = os.environ.get(env)
        if not name:
            return None
        return DictAttribute(self._import_config_module(name))

    def config_from_object(self, obj: Any, silent: bool = False) -> bool:
        """Take the settings from `obj`: an object, a mapping, or the name of one.

        Args:
            obj: As a name: ``"module"``, ``"module:attribute"`` or ``"module.attribute"``.
            silent: Return False when it cannot be imported.

        Raises:
            ImportError, AttributeError: It cannot be imported (if not `silent`).
        """
        if isinstance(obj, str):
            try:
                obj = self._smart_import(obj)
            except (ImportError, AttributeError):
                if silent:
                    return False
                raise
        self._conf = force_mapping(obj)
        if self._conf.get("override_backends") is not None:
            self.override_backends = self._conf["override_backends"]
        return True

    def cmdline_config_parser(
        self, args: Iterable[str], namespace: str = "celery", **kwargs: Any
    ) -> dict[str, Any]:
        """Return the settings given on a command line as ``worker.prefetch_multiplier=1``.

        Raises:
            ValueError: One is not such an assignment, or has no such value.
        """
        return parse_assignments(args, namespace)

    def _smart_import(self, path: str) -> Any:
        if ":" in path:
            return symbol_by_name(path, imp=self.import_from_cwd)
        try:
            return self.import_from_cwd(path)
        except ModuleNotFoundError as exc:
            if "." not in path or not is_absence_of(path, exc):
                raise
            return symbol_by_name(path, imp=self.import_from_cwd)

    def _import_config_module(self, name: str) -> ModuleType:
        try:
            self.find_module(name)
        except NotAPackage as exc:
            if name.endswith(".py"):
                message = _NO_MODULE.format(name) + f"Did you mean '{name[:-3]}'?\n"
            else:
                message = _NO_MODULE.format(name)
            raise NotAPackage(message) from exc
        module: ModuleType = self.import_from_cwd(name)
        return module

    # -- time

    def now(self, utc: bool = True) -> datetime:
        """Return the time: aware in UTC, or naive and local."""
        return datetime.now(UTC) if utc else datetime.now()


_NO_MODULE: Final = "Error: Module '{}' doesn't exist, or it's not a valid Python module name.\n"


def autodiscover_tasks(
    packages: Iterable[str], related_name: str | None = "tasks"
) -> list[ModuleType | None]:
    """Import the module `related_name` of each package, where there is one.

    Args:
        packages: Names of packages.
        related_name: Name of the module in each; None for the package itself.

    Returns:
        The modules, None where there is none.

    Raises:
        ImportError: A package does not exist, or an existing module cannot be imported.
    """
    return [find_related_module(package, related_name) for package in packages]


def find_related_module(package: str, related_name: str | None) -> ModuleType | None:
    """Import ``package.related_name`` and return it, or None if there is none.

    `package` may also name something in a package, which cannot be imported: its package is then
    looked in.

    Raises:
        ImportError: The package does not exist, or the module cannot be imported.
    """
    try:
        module = importlib.import_module(package)
        if not related_name:
            return module
    except ModuleNotFoundError as exc:
        parent = package.rpartition(".")[0]
        if not parent or not is_absence_of(package, exc):
            raise
        package = parent
    name = f"{package}.{related_name}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        if is_absence_of(name, exc):
            return None
        raise


def is_absence_of(name: str, exc: ModuleNotFoundError) -> bool:
    """Say whether `exc` means that the module `name` does not exist.

    It may also mean that the module exists and imports one that does not.
    """
    missing = exc.name or name
    return name == missing or name.startswith(f"{missing}.")
