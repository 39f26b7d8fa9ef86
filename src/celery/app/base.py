"""The application: one object that names the parts which do the work."""

from __future__ import annotations

import os
import threading
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from kombu.clocks import LamportClock
from kombu.utils.uuid import uuid

from celery import _state, platforms
from celery._late import late
from celery.app import builtins as _builtins  # noqa: F401  # adds its tasks to every app
from celery.app._app_configuration import AppConfiguration
from celery.app._app_connections import AppConnections
from celery.app._app_parts import AppParts
from celery.app._config import Configuration, PendingConfiguration
from celery.app._connections import Connections
from celery.app._options import exec_options
from celery.app._periodic import PeriodicTasks
from celery.app._pydantic import pydantic_wrapper
from celery.app._send import send_task
from celery.app._tasks import TaskSet, shared_task
from celery.app.routes import merge_route
from celery.app.utils import AppPickler, _unpickle_app_v2, appstr, bugreport
from celery.exceptions import AlwaysEagerIgnored
from celery.signals import import_modules
from celery.utils.dispatch import Signal
from celery.utils.functional import head_from_fun, maybe_list
from celery.utils.imports import gen_task_name, instantiate, symbol_by_name

if TYPE_CHECKING:
    from celery.app.registry import TaskRegistry

__all__ = [
    "BUILTIN_FIXUPS",
    "App",
    "Celery",
    "PendingConfiguration",
    "app_has_custom",
    "pydantic_wrapper",
]

BUILTIN_FIXUPS = {"celery.fixups.django:fixup"}

#: Settings that the constructor's own arguments stand for.
_CONSTRUCTOR_SETTINGS = {"broker": "broker_url", "backend": "result_backend", "include": "include"}


def app_has_custom(app: Celery, attr: str) -> bool:
    """Whether the app's class overrides an attribute of `Celery`."""
    mine = getattr(type(app), attr, None)
    return mine is not getattr(Celery, attr, None)


class Celery(AppConfiguration, AppConnections, AppParts):
    """A Celery application.

    Args:
        main: name of the module if it is run as ``__main__``; prefix of its tasks' names.
        broker: URL of the broker; none: one SQLite file, no server (see `docs/brokers.md`).
        backend: URL or class of the result backend; none beside the default broker: that file.
        include: modules that the worker imports.
        set_as_current: make it the current app of this thread.
        tasks: a registry, or its class.
        changes, kwargs: settings.
        config_source: as for `config_from_object`.
        autofinalize: if false, using the tasks before `finalize()` is an error.
        namespace: prefix of the settings' names in the configuration object.
        strict_typing: check the arguments of every call against the task's signature.

    Example:
        >>> app = Celery("hello", broker="memory://")
        >>> @app.task
        ... def add(x, y):
        ...     return x + y
    """

    IS_macOS = platforms.IS_macOS
    IS_WINDOWS = platforms.IS_WINDOWS
    SYSTEM = platforms.SYSTEM
    Pickler = AppPickler

    registry_cls: Any = "celery.app.registry:TaskRegistry"
    builtin_fixups = BUILTIN_FIXUPS

    def __init__(  # noqa: PLR0913  # the documented constructor
        self,
        main: str | None = None,
        loader: Any = None,
        backend: Any = None,
        amqp: Any = None,
        events: Any = None,
        log: Any = None,
        control: Any = None,
        set_as_current: bool = True,
        tasks: Any = None,
        broker: Any = None,
        include: Any = None,
        changes: Mapping[str, Any] | None = None,
        config_source: Any = None,
        fixups: Iterable[Any] | None = None,
        task_cls: Any = None,
        autofinalize: bool = True,
        namespace: str | None = None,
        strict_typing: bool = True,
        config_source_silent: bool = False,
        **kwargs: Any,
    ) -> None:
        self.main = main
        self.clock = LamportClock()
        self.amqp_cls = amqp or self.amqp_cls
        self.events_cls = events or self.events_cls
        self.loader_cls = loader or self.loader_cls or self._default_loader()
        self.log_cls = log or self.log_cls
        self.control_cls = control or self.control_cls
        self._custom_task_cls_used = bool(task_cls) or type(self).task_cls is not Celery.task_cls
        self.task_cls = task_cls or self.task_cls
        self.set_as_current = set_as_current
        self.autofinalize = autofinalize
        self.strict_typing = strict_typing
        self.user_options: defaultdict[str, set[Any]] = defaultdict(set)
        self.steps: defaultdict[str, set[Any]] = defaultdict(set)
        self.on_configure = Signal(name="app.on_configure")
        self.on_after_configure = Signal(name="app.on_after_configure", providing_args={"source"})
        self.on_after_finalize = Signal(name="app.on_after_finalize")
        self.on_after_fork = Signal(name="app.on_after_fork")
        named = {"broker": broker, "backend": backend, "include": maybe_list(include)}
        given = {_CONSTRUCTOR_SETTINGS[key]: value for key, value in named.items() if value}
        self._configuration = Configuration(
            loader=lambda: self.loader,
            changes={**(changes or {}), **given, **kwargs},
            constructor_keys={*given, *kwargs},
            source=config_source,
            silent=config_source_silent,
            namespace=namespace,
            before=lambda: self.on_configure.send(sender=self),
            after=self._after_configured,
        )
        self._connections = Connections(self)
        self._periodic = PeriodicTasks(self)
        registry = instantiate(self.registry_cls) if tasks is None else tasks
        self._task_set = TaskSet(self, registry() if isinstance(registry, type) else registry)
        self._local = threading.local()
        self._shared_backend: Any = None
        if set_as_current:
            self.set_current()
        self.fixups = set(self.builtin_fixups if fixups is None else fixups)
        self._fixups = [made for f in self.fixups if (made := symbol_by_name(f)(self)) is not None]
        self.on_init()
        _state._register_app(self)

    def on_init(self) -> None:
        """Called at the end of the constructor; override at will."""

    @staticmethod
    def _default_loader() -> str:
        return os.environ.get("CELERY_LOADER") or "celery.loaders.app:AppLoader"

    # -- life

    def set_current(self) -> None:
        """Make this the current app of this thread."""
        _state._set_current_app(self)

    def set_default(self) -> None:
        """Make this the app of threads that have none of their own."""
        _state.set_default_app(self)

    def close(self) -> None:
        """Release connections; the app may be used again. For apps that come and go."""
        self._connections.close()
        _state._deregister_app(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def start(self, argv: Sequence[str] | None = None) -> Any:
        """Run the `celery` command with this app; `argv` without the program's name."""
        return late("celery.bin.celery:start")(self, argv)

    def worker_main(self, argv: Sequence[str] | None = None) -> Any:
        """Run `celery worker` with this app.

        Raises:
            ValueError: "worker" is not among the arguments.
        """
        return late("celery.bin.celery:worker_main")(self, argv)

    def _after_fork(self) -> None:
        """In a child process: nothing of the parent's connections may be used."""
        self._connections.after_fork()
        self._local = threading.local()
        self._shared_backend = None
        self.on_after_fork.send(sender=self)

    # -- tasks

    def task(self, *args: Any, **opts: Any) -> Any:
        """Declare a function as a task; a decorator, bare or with the options of the task.

        Raises:
            TypeError: it is given anything else than one callable.
        """
        if not args:
            return lambda fun: self._declare(fun, opts)
        if len(args) > 1:
            raise TypeError(f"@task() takes exactly 1 argument ({len(args)} given)")
        if not callable(args[0]):
            raise TypeError("argument 1 to @task() must be a callable")
        return self._declare(args[0], opts)

    def _declare(self, fun: Callable[..., Any], options: dict[str, Any]) -> Any:
        if os.environ.get("FORKED_BY_MULTIPROCESSING") and options.get("lazy", True):
            return shared_task(
                **{key: value for key, value in options.items() if key not in ("lazy", "shared")}
            )(fun)
        return self._task_set.declare(fun, options)

    def _task_from_fun(
        self, fun: Callable[..., Any], name: str | None = None, **options: Any
    ) -> Any:
        return self._task_set.from_fun(fun, name, **options)

    def register_task(self, task: Any, **options: Any) -> Any:
        """Register a task class or an instance of one; returns the instance."""
        return self._task_set.register(task, **options)

    def type_checker(self, fun: Callable[..., Any], bound: bool = False) -> Any:
        """A function that accepts what `fun` accepts and does nothing else."""
        return staticmethod(head_from_fun(fun, bound=bound))

    def gen_task_name(self, name: str, module: str) -> str:
        """Name of a task that was given none; override to name tasks in another way."""
        return gen_task_name(self, name, module)

    def finalize(self, auto: bool = False) -> None:
        """Register shared and built-in tasks and evaluate all that are declared. Safe twice."""
        self._task_set.finalize(auto=auto)

    @property
    def finalized(self) -> bool:
        """Whether `finalize` has run."""
        return self._task_set.finalized

    @property
    def tasks(self) -> TaskRegistry:
        """All tasks by name; finalizes the app."""
        self.finalize(auto=True)
        return self._task_set.registry

    @property
    def _tasks(self) -> TaskRegistry:
        return self._task_set.registry

    def autodiscover_tasks(
        self, packages: Any = None, related_name: str | None = "tasks", force: bool = False
    ) -> None:
        """Import ``package.tasks`` of each package when the worker imports its modules.

        Args:
            packages: names, or a function returning them; None: ask the fixups (Django's apps).
            related_name: the module looked for; None: only the packages themselves.
            force: import now.
        """

        def discover(**_: Any) -> None:
            self._autodiscover_tasks(packages, related_name)

        if force:
            discover()
        else:
            import_modules.connect(discover, weak=False, sender=self)

    def _autodiscover_tasks(self, packages: Any, related_name: str | None) -> None:
        if packages:
            names = packages() if callable(packages) else packages
            self.loader.autodiscover_tasks(names, related_name)
            return
        for fixup in self._fixups:
            if hasattr(fixup, "autodiscover_tasks"):
                self.loader.autodiscover_tasks(fixup.autodiscover_tasks(), related_name)

    def add_periodic_task(
        self,
        schedule: Any,
        sig: Any,
        args: Any = (),
        kwargs: Any = (),
        name: str | None = None,
        **opts: Any,
    ) -> str:
        """Add an entry to the beat schedule; returns its key."""
        return self._periodic.add(schedule, sig, args, kwargs, name, opts)

    # -- sending

    def send_task(  # noqa: PLR0913  # the documented signature
        self,
        name: str,
        args: Any = None,
        kwargs: Any = None,
        countdown: float | None = None,
        eta: Any = None,
        task_id: str | None = None,
        producer: Any = None,
        connection: Any = None,
        router: Any = None,
        result_cls: Any = None,
        expires: Any = None,
        publisher: Any = None,
        link: Any = None,
        link_error: Any = None,
        add_to_parent: bool = True,
        **options: Any,
    ) -> Any:
        """Send a task by name; it need not be registered here.

        If it is, its own options (queue, time limits and so on) hold for what is not given.

        Args:
            connection, producer: kombu's, to publish with instead of the app's broker.
            result_cls: makes the result; default: `AsyncResult`.
            add_to_parent: remember the result as a child of the task that is running here.
            options: as for `Task.apply_async`.

        Raises:
            kombu.exceptions.OperationalError: the broker cannot be reached.
        """
        if self.conf.task_always_eager and options.get("task_type") is None:
            warnings.warn(
                "task_always_eager has no effect on send_task: the message is sent",
                AlwaysEagerIgnored,
                stacklevel=2,
            )
        given = {
            "countdown": countdown,
            "eta": eta,
            "expires": expires,
            "link": link,
            "link_error": link_error,
            "task_id": task_id or uuid(),
            **options,
        }
        task = None if "task_type" in options else dict.get(self._tasks, name)
        return send_task(
            self,
            name,
            args,
            kwargs,
            given if task is None else merge_route(exec_options(task), given),
            producer=producer or publisher,
            connection=connection,
            result_cls=result_cls or self.AsyncResult,
            add_to_parent=add_to_parent,
            router=router,
        )

    def signature(self, *args: Any, **kwargs: Any) -> Any:
        """A signature bound to this app."""
        kwargs["app"] = self
        return late("celery.canvas:signature")(*args, **kwargs)

    @property
    def current_task(self) -> Any:
        """The task that is running here, or None."""
        return _state.get_current_task()

    @property
    def current_worker_task(self) -> Any:
        """The task that a worker is running here, or None."""
        return _state.get_current_worker_task()

    def bugreport(self) -> str:
        """What a bug report needs: versions, platform, settings (secrets masked)."""
        return bugreport(self)

    def _after_configured(self, conf: Any) -> None:
        self._periodic.flush()
        self.on_after_configure.send(sender=self, source=conf)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {appstr(self)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unpickle_app_v2, (type(self), self.__reduce_keys__()))

    def __reduce_keys__(self) -> dict[str, Any]:
        """The constructor's arguments that make an app like this one."""
        return {
            "main": self.main,
            "changes": dict(self.conf.changes),
            "loader": self.loader_cls,
            "backend": self.backend_cls,
            "amqp": self.amqp_cls,
            "events": self.events_cls,
            "log": self.log_cls,
            "control": self.control_cls,
            "fixups": self.fixups,
            "config_source": self._configuration.source,
            "task_cls": self.task_cls,
            "namespace": self.namespace,
        }


def _forget_connections_after_fork() -> None:
    for app in list(_state._get_active_apps()):
        app._after_fork()


os.register_at_fork(after_in_child=_forget_connections_after_fork)

App = Celery
