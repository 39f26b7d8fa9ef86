"""From a function to a registered task: the decorator's work, lazily or at once."""

from __future__ import annotations

import threading
import warnings
import weakref
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from celery._state import (
    _announce_app_finalized,
    _get_active_apps,
    connect_on_app_finalize,
    get_current_app,
)
from celery.app._pydantic import pydantic_wrapper
from celery.app.autoretry import add_autoretry_behaviour
from celery.app.registry import TaskRegistry
from celery.app.task import Task
from celery.exceptions import DuplicateTaskNameWarning
from celery.local import PromiseProxy, Proxy, maybe_evaluate
from celery.utils.functional import head_from_fun

if TYPE_CHECKING:
    from celery.app.base import Celery

__all__ = ["TaskSet", "shared_task"]

_PYDANTIC_OPTIONS = ("pydantic", "pydantic_strict", "pydantic_context", "pydantic_dump_kwargs")


class TaskSet:
    """The tasks of one app: those registered, and those declared but not looked at yet.

    ::

        declared (a promise) --first use, or finalize--> registered --finalize--> bound

    Args:
        app: the app.
        registry: where registered tasks are kept.
    """

    def __init__(self, app: Celery, registry: TaskRegistry) -> None:
        self.app = app
        self.registry = registry
        self.finalized = False
        self._pending: deque[PromiseProxy] = deque()
        self._lock = threading.RLock()
        self._warned: set[str] = set()

    def declare(self, fun: Callable[..., Any], options: dict[str, Any]) -> Any:
        """Register a function as a task: at once if the app is finalized, else when it is used."""
        options = dict(options)
        lazy, shared = options.pop("lazy", True), options.pop("shared", True)
        wrap = options.pop("filter", None)
        if shared:
            connect_on_app_finalize(_offering(fun, options, weakref.ref(self.app)))
        if not lazy or self.finalized:
            task = self.from_fun(fun, **options)
        else:
            task = PromiseProxy(self.from_fun, (fun,), options, __doc__=fun.__doc__)
            self._pending.append(task)
        return wrap(task) if wrap is not None else task

    def from_fun(
        self,
        fun: Callable[..., Any],
        name: str | None = None,
        base: type[Task] | None = None,
        bind: bool = False,
        **options: Any,
    ) -> Any:
        """Make and register the task of a function; the first one of a name stays."""
        app = self.app
        if not self.finalized and not app.autofinalize:
            raise RuntimeError("Contract breach: app not finalized")
        name = name or app.gen_task_name(fun.__name__, fun.__module__)
        existing = dict.get(self.registry, name)
        if existing is not None:
            self._warn_if_other(existing, fun, name)
            return existing
        base = base or app.Task
        run: Any = fun
        pydantic = {key: options.pop(key) for key in _PYDANTIC_OPTIONS if key in options}
        if pydantic.pop("pydantic", False):
            run = _pydantic_run(app, fun, name, pydantic)
        if not bind:
            run = staticmethod(run)
        cls = type(
            fun.__name__,
            (base,),
            {
                "app": app,
                "name": name,
                "run": run,
                "_decorated": True,
                "_decorated_fun": staticmethod(fun),
                "__doc__": fun.__doc__,
                "__module__": fun.__module__,
                "__annotations__": getattr(fun, "__annotations__", {}),
                "__header__": staticmethod(head_from_fun(fun, bound=bind)),
                "__wrapped__": run,
                **options,
            },
        )
        task = cls()
        cls.__qualname__ = task.__qualname__ = getattr(fun, "__qualname__", fun.__name__)
        self.registry[name] = task
        task.bind(app)
        add_autoretry_behaviour(task, **options)
        return task

    def adopt(self, fun: Callable[..., Any], name: str | None = None, **options: Any) -> Any:
        """Register a function that is a task of another app, unless its name is taken here."""
        name = name or self.app.gen_task_name(fun.__name__, fun.__module__)
        existing = dict.get(self.registry, name)
        return self.from_fun(fun, name, **options) if existing is None else existing

    def register(self, task: Any, **options: Any) -> Any:
        """Register a task class or instance; one of the same name is replaced.

        Raises:
            TypeError: it is neither.
        """
        if not task.name:
            cls = task if isinstance(task, type) else type(task)
            task.name = self.app.gen_task_name(cls.__name__, cls.__module__)
        instance: Any = task() if isinstance(task, type) else task
        existing = dict.get(self.registry, instance.name)
        if existing is not None and type(existing) is not type(instance):
            self._warn(instance.name, "the new one replaces it")
        add_autoretry_behaviour(instance, **options)
        self.registry[instance.name] = instance
        instance._app = self.app
        instance.bind(self.app)
        return instance

    def _warn_if_other(self, existing: Any, fun: Callable[..., Any], name: str) -> None:
        known = getattr(existing, "_decorated_fun", None)
        if known is not None and known is not fun:
            same = (known.__module__, known.__qualname__) == (fun.__module__, fun.__qualname__)
            if not same:
                self._warn(name, "the first one is kept")

    def _warn(self, name: str, what: str) -> None:
        if name not in self._warned:
            self._warned.add(name)
            warnings.warn(
                f"Task name {name!r} is already registered to a different callable; {what}. "
                "Give one of them an explicit name=.",
                DuplicateTaskNameWarning,
                stacklevel=5,
            )

    def finalize(self, auto: bool = False) -> None:
        """Register what is shared or built in, evaluate what is pending, bind every task. Once.

        Raises:
            RuntimeError: `auto` though the app forbids it.
        """
        with self._lock:
            if self.finalized:
                return
            if auto and not self.app.autofinalize:
                raise RuntimeError("Contract breach: app not finalized")
            self.finalized = True
            while self._pending:  # before what is shared: the app's own tasks have the first say
                maybe_evaluate(self._pending.popleft())
            _announce_app_finalized(self.app)
            for task in list(self.registry.values()):
                task.bind(self.app)
            self.app.on_after_finalize.send(sender=self.app)


def _offering(
    fun: Callable[..., Any], options: dict[str, Any], owner: weakref.ref[Celery]
) -> Callable[[Any], Any]:
    """Offers one app's task to each other app that is finalized."""

    def offer(app: Any) -> Any:
        return None if app is owner() else app._task_set.adopt(fun, **options)

    return offer


def _pydantic_run(
    app: Any, fun: Callable[..., Any], name: str, options: dict[str, Any]
) -> Callable[..., Any]:
    return pydantic_wrapper(
        app,
        fun,
        name,
        options.get("pydantic_strict", False),
        options.get("pydantic_context"),
        options.get("pydantic_dump_kwargs"),
    )


@overload
def shared_task(fun: Callable[..., Any], /) -> Any: ...


@overload
def shared_task(**options: Any) -> Callable[[Callable[..., Any]], Any]: ...


def shared_task(*args: Any, **kwargs: Any) -> Any:
    """Declare a task for whichever app is current when it is used.

    For reusable packages that have no app of their own. Takes the options of `app.task`.

    Example:
        >>> @shared_task
        ... def add(x, y):
        ...     return x + y

    Raises:
        TypeError: the function is a shared task already.
    """

    def create(**options: Any) -> Callable[..., Any]:
        def decorate(fun: Callable[..., Any]) -> Any:
            return _share(fun, options)

        return decorate

    if len(args) == 1 and callable(args[0]):
        return create(**kwargs)(args[0])
    return create(*args, **kwargs)


def _share(fun: Callable[..., Any], options: dict[str, Any]) -> Any:
    if isinstance(fun, Proxy):
        raise TypeError(
            "This function is a task already: apply @shared_task only once, "
            "and not on top of @app.task"
        )
    name = options.get("name")
    connect_on_app_finalize(lambda app: app._task_from_fun(fun, **options))
    for app in list(_get_active_apps()):
        if app.finalized:
            app._task_from_fun(fun, **options)

    def task_by_current_app() -> Any:
        app = get_current_app()
        return app.tasks[name or app.gen_task_name(fun.__name__, fun.__module__)]

    return Proxy(task_by_current_app)
