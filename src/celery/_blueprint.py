"""The blueprint: steps in the order of what they require, started and stopped together.

Part of :mod:`celery.bootsteps`, where its states are drawn.
"""

from collections.abc import Callable, Iterable, Iterator
from threading import Event
from typing import Any, Final, Protocol

from celery.utils.graph import DependencyGraph, GraphFormatter
from celery.utils.imports import symbol_by_name
from celery.utils.log import get_logger

__all__ = ("CLOSE", "RUN", "TERMINATE", "Blueprint", "StepFormatter")

#: States of a blueprint; before :meth:`Blueprint.start` it has none.
RUN: Final = 0x1
CLOSE: Final = 0x2
TERMINATE: Final = 0x3

logger = get_logger("celery.bootsteps")


class HasSteps(Protocol):
    """What a blueprint needs of its parent."""

    @property
    def steps(self) -> list[Any]: ...


class StepFormatter(GraphFormatter):
    """Draws the steps of a blueprint: the last one stands for the blueprint itself."""

    blueprint_prefix = "⧉"
    conditional_prefix = "∘"
    blueprint_scheme = {
        "shape": "parallelogram",
        "color": "slategray4",
        "fillcolor": "slategray3",
    }

    def label(self, step: Any) -> str:
        if step is None:  # no step is the last one
            return ""
        name = step.label or step.name.rpartition(".")[2]
        if step.last:
            return f"{self.blueprint_prefix}{name}"
        return f"{self.conditional_prefix}{name}" if step.conditional else name

    def node(self, obj: Any, **attrs: Any) -> str:
        scheme = self.blueprint_scheme if obj.last else self.node_scheme
        return self.draw_node(obj, scheme, attrs)

    def edge(self, a: Any, b: Any, **attrs: Any) -> str:
        if a.last:
            attrs.update(arrowhead="none", color="darkseagreen3")
        return self.draw_edge(a, b, self.edge_scheme, attrs)


class Blueprint:
    """Steps, in the order of what they require, and the state they are in together.

    Args:
        steps: Steps besides :attr:`default_steps`: classes, or ``"module:Class"``.
        name: Name in logs.
        on_start: Called before the first step is started.
        on_close: Called before the steps are closed.
        on_stopped: Called when all are stopped.
    """

    GraphFormatter = StepFormatter

    name: str | None = None
    #: Steps every blueprint of this class has.
    default_steps: Iterable[Any] = frozenset()
    state_to_name = {0: "initializing", RUN: "running", CLOSE: "closing", TERMINATE: "terminating"}

    def __init__(
        self,
        steps: Iterable[Any] | None = None,
        name: str | None = None,
        on_start: Callable[[], Any] | None = None,
        on_close: Callable[[], Any] | None = None,
        on_stopped: Callable[[], Any] | None = None,
    ) -> None:
        self.name = name or self.name or type(self).__name__
        self.types: set[Any] = {*(steps or ()), *self.default_steps}
        self.on_start = on_start
        self.on_close = on_close
        self.on_stopped = on_stopped
        self.shutdown_complete = Event()
        self.state: int | None = None
        #: How many of the parent's steps have been started, the one being started included.
        self.started = 0
        #: The steps by name; filled by :meth:`apply`.
        self.steps: dict[str, Any] = {}
        #: The steps in the order they are started.
        self.order: list[Any] = []

    # -- making the steps

    def apply(self, parent: HasSteps, **kwargs: Any) -> "Blueprint":
        """Make all steps, each given `kwargs`, and include those that are wanted in `parent`."""
        self._debug("Preparing bootsteps.")
        classes = self.claim_steps()
        self._debug("Building graph...")
        self.order = [cls(parent, **kwargs) for cls in self._sorted(classes)]
        self.steps = {step.name: step for step in self.order}
        self._debug("New boot order: {%s}", ", ".join(step.alias for step in self.order))
        for step in self.order:
            step.include(parent)
        return self

    def claim_steps(self) -> dict[str, Any]:
        """Return the step classes by name: those given, and all that these require."""
        claimed: dict[str, Any] = {}
        waiting = [self.load_step(step) for step in self.types]
        while waiting:
            name, cls = waiting.pop()
            if claimed.setdefault(name, cls) is cls:
                waiting.extend(
                    required
                    for required in map(self.load_step, cls.requires)
                    if required[0] not in claimed
                )
        return dict(sorted(claimed.items()))

    def load_step(self, step: Any) -> tuple[str, Any]:
        """Return name and class of `step`, which may be ``"module:Class"``."""
        cls = symbol_by_name(step)
        return cls.name, cls

    def _sorted(self, classes: dict[str, Any]) -> Iterator[Any]:
        last = next((cls for cls in classes.values() if cls.last), None)
        required = {
            cls: [classes[self.load_step(other)[0]] for other in cls.requires]
            for cls in classes.values()
        }
        if last is not None:
            required[last] = [cls for cls in required if cls is not last]
        self.graph = DependencyGraph(
            list(required.items()), formatter=self.GraphFormatter(root=last)
        )
        return iter(self.graph.topsort())

    def connect_with(self, other: "Blueprint") -> None:
        """Draw the steps of `other` after those of this blueprint."""
        self.graph.connect(other.graph)
        self.graph.add_edge(type(other.order[0]), type(self.order[-1]))

    # -- starting and stopping them

    def start(self, parent: HasSteps) -> None:
        """Start the parent's steps, and return when the last one has (or has run to its end).

        What a step raises passes through; :meth:`stop` then stops what has been started.
        """
        self.state = RUN
        if self.on_start is not None:
            self.on_start()
        for at, step in enumerate(list(parent.steps), start=1):
            if self.state != RUN:
                return
            self._debug("Starting %s", step.alias)
            self.started = at
            step.start(parent)
            logger.debug("^-- substep ok")

    def close(self, parent: HasSteps) -> None:
        """Tell every step, in order, to take nothing new."""
        self._close(parent.steps, parent, propagate=True)

    def restart(
        self,
        parent: HasSteps,
        method: str = "stop",
        description: str | None = "restarting",
        propagate: bool = False,
    ) -> None:
        """Stop the steps in reverse, to be started again; errors are logged."""
        self.send_all(parent, method, description, propagate=propagate)

    def stop(self, parent: HasSteps, close: bool = True, terminate: bool = False) -> None:
        """Stop what has been started, and release :meth:`join`.

        Does nothing when that is under way or done.  Errors of steps are logged, and the others
        are stopped all the same.

        Args:
            parent: Whose steps to stop.
            close: Close the steps first.
            terminate: Drop what is being done instead of letting it finish.
        """
        if self.state in (CLOSE, TERMINATE):
            return
        was_running, self.state = self.state == RUN, CLOSE
        try:
            if was_running:
                started = parent.steps[: self.started]
                self._stop_steps(started, parent, close=close, terminate=terminate)
        finally:
            self.state = TERMINATE
            self.shutdown_complete.set()

    def _stop_steps(
        self, steps: list[Any], parent: HasSteps, *, close: bool, terminate: bool
    ) -> None:
        if close:
            self._close(steps, parent, propagate=False)
        method, what = ("terminate", "terminating") if terminate else ("stop", "stopping")
        self._send(steps[::-1], parent, method, what, propagate=False)
        if self.on_stopped is not None:
            self.on_stopped()

    def _close(self, steps: list[Any], parent: HasSteps, *, propagate: bool) -> None:
        if self.on_close is not None:
            self.on_close()
        self._send(steps, parent, "close", "closing", propagate=propagate)

    def send_all(
        self,
        parent: HasSteps,
        method: str,
        description: str | None = None,
        reverse: bool = True,
        propagate: bool = True,
        args: tuple[Any, ...] = (),
    ) -> None:
        """Call `method` of every step that has it, with the parent and `args`.

        Args:
            parent: Whose steps to call.
            method: Name of the method.
            description: What to call it in the log.
            reverse: Last step first.
            propagate: Let the first error pass through, instead of logging each.
            args: Arguments after the parent.
        """
        steps = parent.steps[::-1] if reverse else list(parent.steps)
        self._send(steps, parent, method, description, propagate=propagate, args=args)

    def _send(
        self,
        steps: Iterable[Any],
        parent: HasSteps,
        method: str,
        description: str | None,
        *,
        propagate: bool,
        args: tuple[Any, ...] = (),
    ) -> None:
        description = description or method.replace("_", " ")
        for step in steps:
            call = getattr(step, method, None)
            if call is None:
                continue
            self._debug("%s %s...", description.capitalize(), step.alias)
            try:
                call(parent, *args)
            except Exception as exc:
                if propagate:
                    raise
                logger.exception("Error on %s %s: %r", description, step.alias, exc)

    def join(self, timeout: float | None = None) -> None:
        """Wait until :meth:`stop` has finished, for `timeout` seconds at most."""
        self.shutdown_complete.wait(timeout)

    # -- looking at them

    def info(self, parent: HasSteps) -> dict[str, Any]:
        """Return what the steps tell about themselves, in one dictionary."""
        return {
            key: value for step in parent.steps for key, value in (step.info(parent) or {}).items()
        }

    def human_state(self) -> str:
        """Return the state in a word."""
        return self.state_to_name[self.state or 0]

    @property
    def alias(self) -> str:
        """The name to show."""
        return (self.name or "").rpartition(".")[2]

    def __getitem__(self, name: str) -> Any:
        return self.steps[name]

    def _debug(self, message: str, *args: Any) -> None:
        logger.debug(f"| %s: {message}", self.alias, *args)
