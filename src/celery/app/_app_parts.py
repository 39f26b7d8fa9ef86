"""The part of the application that makes its parts: helpers, and classes bound to the app."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from kombu.utils.objects import cached_property

from celery._late import late
from celery.app.annotations import prepare as prepare_annotations
from celery.loaders import get_loader_cls
from celery.utils.imports import instantiate, symbol_by_name

if TYPE_CHECKING:
    from celery.app.amqp import AMQP

__all__ = ["AppParts"]


class AppParts:
    """Parts made when they are first used; each may be replaced by a subclass. Base of `Celery`."""

    amqp_cls: Any = "celery.app.amqp:AMQP"
    events_cls: Any = "celery.app.events:Events"
    loader_cls: Any = None
    log_cls: Any = "celery.app.log:Logging"
    control_cls: Any = "celery.app.control:Control"
    task_cls: Any = "celery.app.task:Task"
    conf: Any

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
        Class: Any,  # the documented name
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
    def Task(self) -> Any:  # the documented names of classes, from here on
        """Base class of this app's tasks."""
        return self.create_task_cls()

    @cached_property
    def AsyncResult(self) -> Any:
        """`celery.result.AsyncResult` of this app."""
        return self.subclass_with_self("celery.result:AsyncResult", keep_reduce=True)

    @cached_property
    def ResultSet(self) -> Any:
        """`celery.result.ResultSet` of this app."""
        return self.subclass_with_self(
            "celery.result:ResultSet", attribute="_app", keep_reduce=True
        )

    @cached_property
    def GroupResult(self) -> Any:
        """`celery.result.GroupResult` of this app."""
        return self.subclass_with_self(
            "celery.result:GroupResult", attribute="_app", keep_reduce=True
        )

    @cached_property
    def Worker(self) -> Any:
        """The worker program of this app."""
        return self.subclass_with_self(late("celery.apps.worker:Worker"))

    @cached_property
    def WorkController(self) -> Any:
        """The worker of this app, without the program around it."""
        return self.subclass_with_self(late("celery.worker:WorkController"))

    @cached_property
    def Beat(self) -> Any:
        """The beat program of this app."""
        return self.subclass_with_self(late("celery.apps.beat:Beat"))


def _unpickle_part(app: Any, path: str, args: tuple[Any, ...]) -> Any:
    return attrgetter(path)(app)(*args)
