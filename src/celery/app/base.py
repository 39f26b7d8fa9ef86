"""The application: one object that names the parts which do the work."""

from __future__ import annotations

import os
import threading
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, tzinfo
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Self

from kombu.clocks import LamportClock
from kombu.common import oid_from
from kombu.utils.objects import cached_property
from kombu.utils.uuid import uuid

from celery import _state, platforms
from celery._late import late
from celery.app._config import Configuration, PendingConfiguration
from celery.app._connections import Connections
from celery.app._periodic import PeriodicTasks
from celery.app._pydantic import pydantic_wrapper
from celery.app._send import send_task
from celery.app._tasks import TaskSet, shared_task
from celery.app.annotations import prepare as prepare_annotations
from celery.app.backends import by_url
from celery.app.utils import AppPickler, _unpickle_app_v2, appstr, bugreport
from celery.exceptions import AlwaysEagerIgnored
from celery.loaders import get_loader_cls
from celery.signals import import_modules
from celery.utils.dispatch import Signal
from celery.utils.functional import first, head_from_fun, maybe_list
from celery.utils.imports import gen_task_name, instantiate, symbol_by_name
from celery.utils.time import timezone

if TYPE_CHECKING:
    from celery._broker.base import Broker
    from celery.app.amqp import AMQP
    from celery.app.registry import TaskRegistry

__all__ = ["BUILTIN_FIXUPS", "App", "Celery", "PendingConfiguration", "app_has_custom", "pydantic_wrapper"]

BUILTIN_FIXUPS = {"celery.fixups.django:fixup"}

#: Settings that the constructor's own arguments stand for.
_CONSTRUCTOR_SETTINGS = {"broker": "broker_url", "backend": "result_backend", "include": "include"}


def app_has_custom(app: Celery, attr: str) -> bool:
    """Whether the app's class overrides an attribute of `Celery`."""
    mine = getattr(type(app), attr, None)
    return mine is not getattr(Celery, attr, None)


class Celery:
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

    amqp_cls: Any = "celery.app.amqp:AMQP"
    backend_cls: Any = None
    events_cls: Any = "celery.app.events:Events"
    loader_cls: Any = None
    log_cls: Any = "celery.app.log:Logging"
    control_cls: Any = "celery.app.control:Control"
    task_cls: Any = "celery.app.task:Task"
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

    def _task_from_fun(self, fun: Callable[..., Any], name: str | None = None, **options: Any) -> Any:
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
    ) -> Any:
        """Import ``package.tasks`` of each package when the worker imports its modules.

        Args:
            packages: names, or a function returning them; None: ask the fixups (Django's apps).
            related_name: the module looked for; None: only the packages themselves.
            force: import now.
        """
        if force:
            return self._autodiscover_tasks(packages, related_name)

        def discover(**_: Any) -> None:
            self._autodiscover_tasks(packages, related_name)

        import_modules.connect(discover, weak=False, sender=self)
        return None

    def _autodiscover_tasks(self, packages: Any, related_name: str | None) -> list[Any]:
        if packages:
            names = packages() if callable(packages) else packages
            return list(self.loader.autodiscover_tasks(names, related_name))
        return [
            module
            for fixup in self._fixups
            if hasattr(fixup, "autodiscover_tasks")
            for module in self.loader.autodiscover_tasks(fixup.autodiscover_tasks(), related_name)
        ]

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
        times = {"countdown": countdown, "eta": eta, "expires": expires}
        links = {"link": link, "link_error": link_error}
        return send_task(
            self,
            name,
            args,
            kwargs,
            {**options, **times, **links, "task_id": task_id or uuid()},
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

    # -- configuration

    @property
    def conf(self) -> Any:
        """The settings; read when the first one is."""
        return self._configuration.settings

    @conf.setter
    def conf(self, value: Mapping[str, Any]) -> None:
        self._configuration.settings.update(value)

    @property
    def configured(self) -> bool:
        """Whether the configuration has been read."""
        return self._configuration.configured

    @property
    def namespace(self) -> str | None:
        """Prefix of the settings' names in the configuration object."""
        return self._configuration.namespace

    def config_from_object(
        self, obj: Any, silent: bool = False, force: bool = False, namespace: str | None = None
    ) -> Any:
        """Take the configuration from an object, a mapping or a module given by name.

        Args:
            silent: no error if the module does not exist.
            force: read it now, not when the first setting is used.
            namespace: prefix of the settings' names there, for example ``CELERY``.
        """
        return self._configuration.from_object(
            obj, silent=silent, force=force, namespace=namespace
        )

    def config_from_envvar(
        self, variable_name: str, silent: bool = False, force: bool = False
    ) -> Any:
        """Take the configuration from the module that an environment variable names."""
        return self._configuration.from_envvar(variable_name, silent=silent, force=force)

    def config_from_cmdline(self, argv: list[str], namespace: str = "celery") -> None:
        """Change settings by words such as ``worker.prefetch_multiplier=1``."""
        self._configuration.from_cmdline(argv, namespace)

    def add_defaults(self, fun: Any) -> None:
        """Add defaults, or a function that returns them when the configuration is read."""
        self._configuration.add_defaults(fun)

    def setup_security(self, *args: Any, **kwargs: Any) -> Any:
        """Sign messages and refuse unsigned ones; see `celery.security.setup_security`."""
        return late("celery.security:setup_security")(*args, app=self, **kwargs)

    def _after_configured(self, conf: Any) -> None:
        self._periodic.flush()
        self.on_after_configure.send(sender=self, source=conf)

    def either(self, default_key: str, *defaults: Any) -> Any:
        """The first of the values that is not None, else the setting."""
        return first(None, (first(None, defaults), self.conf.get(default_key)))

    def select_queues(self, queues: Any = None) -> None:
        """Consume from these queues only."""
        self.amqp.queues.select(queues)

    # -- the broker

    def broker_for_read(self) -> Broker:
        """The broker that workers of this app fetch from."""
        return self._connections.broker_for_read()

    def broker_for_write(self) -> Broker:
        """The broker that this app publishes to."""
        return self._connections.broker_for_write()

    def connection_for_read(self, url: Any = None, **kwargs: Any) -> Any:
        """A kombu connection to consume with."""
        return self._connections.connection_for_read(url, **kwargs)

    def connection_for_write(self, url: Any = None, **kwargs: Any) -> Any:
        """A kombu connection to publish with."""
        return self._connections.connection_for_write(url, **kwargs)

    def connection(self, hostname: Any = None, **kwargs: Any) -> Any:
        """A kombu connection; prefer `connection_for_read` and `connection_for_write`."""
        return self._connections.connection_for_write(hostname, **kwargs)

    broker_connection = connection

    def connection_or_acquire(
        self, connection: Any = None, pool: bool = True, *_: Any, **__: Any
    ) -> AbstractContextManager[Any]:
        """For ``with``: the connection given, or one from the pool."""
        return self._connections.acquired_connection(connection, pool)

    default_connection = connection_or_acquire

    def producer_or_acquire(self, producer: Any = None) -> AbstractContextManager[Any]:
        """For ``with``: the producer given, or one from the pool."""
        return self._connections.acquired_producer(producer)

    default_producer = producer_or_acquire

    @property
    def pool(self) -> Any:
        """Pool of kombu connections."""
        return self._connections.pools.connections

    @property
    def producer_pool(self) -> Any:
        """Pool of kombu producers."""
        return self._connections.pools.producers

    # -- results

    @property
    def backend(self) -> Any:
        """The result backend: one per thread, or one for all if the settings say it is safe."""
        if self._shared_backend is not None:
            return self._shared_backend
        try:
            return self._local.backend
        except AttributeError:
            backend = self._get_backend()
        if getattr(backend, "thread_safe", False):
            self._shared_backend = backend
        else:
            self._local.backend = backend
        return backend

    @backend.setter
    def backend(self, value: Any) -> None:
        self._shared_backend = value

    def _get_backend(self) -> Any:
        cls, url = by_url(self.backend_cls or _result_backend(self.conf), self.loader)
        return cls(app=self, url=url)

    # -- time and identity

    def now(self) -> datetime:
        """The current time, aware, in the app's time zone."""
        now = self.loader.now(utc=True)
        aware = now if now.tzinfo is not None else now.replace(tzinfo=UTC)
        return aware.astimezone(self.timezone)

    def uses_utc_timezone(self) -> bool:
        """Whether the app's time zone is UTC."""
        return self.timezone == timezone.utc

    @cached_property
    def timezone(self) -> tzinfo:
        """The app's time zone: the setting, else UTC, or local time if `enable_utc` is off."""
        conf = self.conf
        if not conf.timezone:
            return timezone.utc if conf.enable_utc else timezone.local
        zone: tzinfo = timezone.get_timezone(conf.timezone)
        return zone

    @cached_property
    def oid(self) -> str:
        """Identifies this app in this process."""
        return str(oid_from(self, threads=False))

    @property
    def thread_oid(self) -> str:
        """Identifies this app in this thread: where results sent as messages come back to."""
        try:
            return str(self._local.oid)
        except AttributeError:
            self._local.oid = oid = str(oid_from(self, threads=True))
            return oid

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

    # -- parts, made when first used

    @cached_property
    def amqp(self) -> AMQP:
        """Queues, routes, messages."""
        made: AMQP = instantiate(self.amqp_cls, app=self)
        return made

    @cached_property
    def control(self) -> Any:
        """Commands and questions to workers."""
        return instantiate(self.control_cls, app=self)

    @cached_property
    def events(self) -> Any:
        """Monitoring events."""
        return instantiate(self.events_cls, app=self)

    @cached_property
    def log(self) -> Any:
        """Set-up of logging."""
        return instantiate(self.log_cls, app=self)

    @cached_property
    def loader(self) -> Any:
        """Reads the configuration and imports task modules."""
        return get_loader_cls(self.loader_cls)(app=self)

    @cached_property
    def annotations(self) -> Any:
        """The setting `task_annotations`, prepared."""
        return prepare_annotations(self.conf.task_annotations)

    # -- classes bound to this app

    def subclass_with_self(
        self,
        Class: Any,  # noqa: N803  # the documented name
        name: str | None = None,
        attribute: str = "app",
        reverse: str | None = None,
        keep_reduce: bool = False,
        **kw: Any,
    ) -> Any:
        """A subclass whose `attribute` is this app.

        Args:
            reverse: dotted attribute of the app under which unpickling finds it.
            keep_reduce: leave pickling to the class.
        """
        base = symbol_by_name(Class)
        path = reverse or base.__name__
        members = {attribute: self, "__module__": base.__module__, "__doc__": base.__doc__, **kw}
        if not keep_reduce:
            members["__reduce__"] = lambda instance: (
                _unpickle_part,
                (self, path, instance.__reduce_args__()),
            )
        return type(name or base.__name__, (base,), members)

    def create_task_cls(self) -> Any:
        """The base class of this app's tasks."""
        return self.subclass_with_self(
            self.task_cls, name="Task", attribute="_app", keep_reduce=True, abstract=True
        )

    @cached_property
    def Task(self) -> Any:  # noqa: N802  # the documented names of classes, from here on
        """Base class of this app's tasks."""
        return self.create_task_cls()

    @cached_property
    def AsyncResult(self) -> Any:  # noqa: N802
        """`celery.result.AsyncResult` of this app."""
        return self.subclass_with_self("celery.result:AsyncResult")

    @cached_property
    def ResultSet(self) -> Any:  # noqa: N802
        """`celery.result.ResultSet` of this app."""
        return self.subclass_with_self("celery.result:ResultSet", attribute="_app")

    @cached_property
    def GroupResult(self) -> Any:  # noqa: N802
        """`celery.result.GroupResult` of this app."""
        return self.subclass_with_self("celery.result:GroupResult", attribute="_app")

    @cached_property
    def Worker(self) -> Any:  # noqa: N802
        """The worker program of this app."""
        return self.subclass_with_self(late("celery.apps.worker:Worker"))

    @cached_property
    def WorkController(self) -> Any:  # noqa: N802
        """The worker of this app, without the program around it."""
        return self.subclass_with_self(late("celery.worker:WorkController"))

    @cached_property
    def Beat(self) -> Any:  # noqa: N802
        """The beat program of this app."""
        return self.subclass_with_self(late("celery.apps.beat:Beat"))

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


def _result_backend(conf: Any) -> Any:
    """The setting; beside the embedded default broker, when nothing is set, the same file."""
    if conf.result_backend is None and conf.broker_url is None:
        return "sqlite://"
    return conf.result_backend


def _unpickle_part(app: Celery, path: str, args: tuple[Any, ...]) -> Any:
    return attrgetter(path)(app)(*args)


def _forget_connections_after_fork() -> None:
    for app in list(_state._get_active_apps()):
        app._after_fork()


os.register_at_fork(after_in_child=_forget_connections_after_fork)

App = Celery
