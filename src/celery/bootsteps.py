"""Parts that are started in the order of their dependencies, and stopped in reverse.

A :class:`Step` is one part; a :class:`Blueprint` holds the parts of a *parent* (the worker, its
consumer), which keeps those to be started in ``parent.steps``::

    apply ---- every step made, in order; then each may include itself in parent.steps
      |
    start ---> RUN --- on_start, then start() of each step in order
                |
    stop -----> CLOSE (or TERMINATE) --- on_close, close() in order; then stop() (or
                |                        terminate()) in reverse, errors logged; on_stopped
                |
               TERMINATE; join() returns

Stopping is safe at any time and twice: before everything is started it stops what has been, and
the steps after those are not started any more.  To start again (a lost connection), call
:meth:`Blueprint.restart`, then :meth:`Blueprint.start`.
"""

from collections.abc import Iterable
from typing import Any

from kombu.common import ignore_errors

from celery._blueprint import CLOSE, RUN, TERMINATE, Blueprint, StepFormatter
from celery.utils.imports import instantiate

__all__ = (
    "CLOSE",
    "RUN",
    "TERMINATE",
    "Blueprint",
    "ConsumerStep",
    "StartStopStep",
    "Step",
    "StepFormatter",
    "StepType",
)


class StepType(type):
    """Class of step classes: names them, and shows them by name in graphs and errors."""

    name: str
    requires: Any

    def __new__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> "StepType":
        if not attrs.get("name"):
            attrs["name"] = f"{attrs['__module__']}.{attrs['__qualname__']}"
        return super().__new__(cls, name, bases, attrs)

    def __str__(cls) -> str:
        return cls.name

    def __repr__(cls) -> str:
        return f"step:{cls.name}{{{cls.requires!r}}}"


class Step(metaclass=StepType):
    """A part that is made when its blueprint is applied, and neither started nor stopped.

    Args:
        parent: What the part belongs to.
        **kwargs: The options the blueprint is applied with; a step takes those it knows.
    """

    #: Unique name; ``module.Class`` if not given.
    name: str = ""
    #: Name to show; the last part of `name` if not given.
    label: str | None = None
    #: Steps that come before this one: classes, or ``"module:Class"``.
    requires: Iterable[Any] = ()
    #: Whether the step exists depends on the options (shown in graphs).
    conditional: bool = False
    #: The step comes after all others; the blueprint returns from starting when it does.
    last: bool = False
    #: Include the step; see :meth:`include_if`.
    enabled: bool = True

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        pass

    def include_if(self, parent: Any) -> bool:
        """Say whether the step is wanted."""
        return self.enabled

    def create(self, parent: Any) -> Any:
        """Make the part, and return what is to be started (if anything)."""

    def instantiate(self, name: Any, *args: Any, **kwargs: Any) -> Any:
        """Make an object of the class `name`, which may be ``"module:Class"``."""
        return instantiate(name, *args, **kwargs)

    def include(self, parent: Any) -> bool:
        """Make the part if it is wanted; say whether it was."""
        return self._should_include(parent)[0]

    def info(self, obj: Any) -> dict[str, Any] | None:
        """Return what the worker's statistics should show of the part."""

    def _should_include(self, parent: Any) -> tuple[bool, Any]:
        if self.include_if(parent):
            return True, self.create(parent)
        return False, None

    @property
    def alias(self) -> str:
        """The name to show."""
        return self.label or self.name.rpartition(".")[2]

    def __repr__(self) -> str:
        return f"<step: {self.alias}>"


class StartStopStep(Step):
    """A part that is started and stopped: what :meth:`create` returns, unless overridden."""

    #: What :meth:`Step.create` returned.
    obj: Any = None

    def start(self, parent: Any) -> Any:
        """Start the part; the step after it is started when this returns."""
        if self.obj is not None:
            return self.obj.start()

    def stop(self, parent: Any) -> Any:
        """Stop the part; also called when a start has failed or is being undone."""
        if self.obj is not None:
            return self.obj.stop()

    def close(self, parent: Any) -> Any:
        """Take nothing new: called on every step before any is stopped."""

    def terminate(self, parent: Any) -> Any:
        """Stop the part at once, dropping what it does."""
        if self.obj is not None:
            return getattr(self.obj, "terminate", self.obj.stop)()

    def include(self, parent: Any) -> bool:
        included, made = self._should_include(parent)
        if included:
            self.obj = made
            parent.steps.append(self)
        return included


class ConsumerStep(StartStopStep):
    """A step of the worker's consumer that receives messages of its own.

    Override :meth:`get_consumers`.
    """

    requires: Iterable[Any] = ("celery.worker.consumer:Connection",)
    consumers: list[Any] | None = None

    def get_consumers(self, channel: Any) -> Iterable[Any] | None:
        """Return the :class:`kombu.Consumer` objects, made on `channel`."""
        raise NotImplementedError("missing get_consumers")

    def start(self, c: Any) -> None:
        """Start consuming."""
        channel = c.connection.channel()
        self.consumers = list(self.get_consumers(channel) or ())
        for consumer in self.consumers:
            consumer.consume()

    def stop(self, c: Any) -> None:
        """Cancel the consumers and close their channels."""
        self._close(c, cancel_consumers=True)

    def shutdown(self, c: Any) -> None:
        """Close the channels; the broker cancels what consumes from them."""
        self._close(c, cancel_consumers=False)

    def _close(self, c: Any, cancel_consumers: bool = True) -> None:
        consumers, self.consumers = self.consumers or [], None
        channels = {id(consumer.channel): consumer.channel for consumer in consumers}
        if cancel_consumers:
            for consumer in consumers:
                ignore_errors(c.connection, consumer.cancel)
        for channel in channels.values():
            if channel:
                ignore_errors(c.connection, channel.close)
