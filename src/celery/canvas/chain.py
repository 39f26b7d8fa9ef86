"""A chain: tasks that run one after another, each with the result of the one before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from kombu.utils.uuid import uuid

from celery.canvas.factory import maybe_signature
from celery.canvas.links import as_list
from celery.canvas.registry import class_of
from celery.canvas.signature import Signature
from celery.canvas.unroll import steps_of
from celery.utils.functional import is_list

__all__ = ["_chain", "chain"]


def _last_kind(sig: Any) -> Any:
    return sig.tasks[-1].get("subtask_type") if sig.tasks else None


def _opened(sig: Any) -> list[Any]:
    return sig.unchain_tasks() if _is(sig, "chain") else [sig]


def _alone(sig: Any) -> Any:
    """A group of one as that one."""
    if sig.get("subtask_type") == "group" and len(sig.tasks) == 1:
        return sig.tasks[0]
    return sig


def _is(sig: Any, kind: str) -> bool:
    return bool(sig.get("subtask_type") == kind)


def _join(left: Any, right: Any) -> Any:
    """``left | right``; neither is changed."""
    if _is(right, "group"):
        if not right.tasks and (_is(left, "chain") or _is(left, "group")):
            return left
        if not _is(left, "group"):
            right = _alone(right)
    if _is(left, "group"):
        if _is(right, "chain") and not right.tasks:
            return left
        return class_of("chord")(left, body=right, app=left._app)
    if _is(left, "chord"):
        return _join_chord(left, right)
    if _is(left, "chain"):
        return _extend(_copied(left), right)
    return _chain.of_steps([left, *_opened(right)], app=left._app)


def _join_chord(left: Any, right: Any) -> Any:
    if _is(right, "chain") or _is(right, "group"):
        return _chain.of_steps([left, *_opened(right)], app=left._app)
    joined = left.clone()
    joined.body = joined.body | right if joined.body is not None else right
    return joined


def _copied(sig: Any) -> Any:
    """A chain to be extended: what is linked to its end goes to the step that is the end now."""
    if _last_kind(sig) in ("group", "chord"):
        return sig.clone()
    return _chain(sig.unchain_tasks(), app=sig._app)


def _extend(joined: Any, right: Any) -> Any:
    """Add to the end of a chain, in place; returns it, or the group that a first group stays."""
    if _is(right, "chain"):
        return _fold(right.unchain_tasks(), joined)
    if _is(right, "group"):
        if not right.tasks:
            return joined
        right = _alone(right)
        if _is(right, "group") and not joined.tasks:
            return right
    last = _last_kind(joined)
    if last == "group" and not _is(right, "group"):
        joined.tasks[-1] = class_of("chord")(joined.tasks[-1], body=right, app=joined._app)
    elif last == "chord" and not _is(right, "chord"):
        chord = joined.tasks[-1] = joined.tasks[-1].clone()
        chord.body = chord.body | right
    else:
        joined.tasks.append(right)
    return joined


def _fold(steps: Iterable[Any], joined: Any) -> Any:
    """Join steps from left to right onto a chain of our own."""
    for step in steps:
        joined = _extend(joined, step) if _is(joined, "chain") else joined | step
    return joined


@Signature.register_type(name="chain")
class _chain(Signature):
    """The chain itself; `chain` makes it, or what the steps fold to."""

    def __init__(self, *tasks: Any, **options: Any) -> None:
        app = options.pop("app", None)
        steps = tasks[0] if len(tasks) == 1 and is_list(tasks[0]) else tasks
        super().__init__(
            "celery.chain",
            (),
            {"tasks": [maybe_signature(step) for step in steps]},
            options,
            subtask_type="chain",
            app=app,
        )

    @classmethod
    def of_steps(cls, steps: Iterable[Any], app: Any = None) -> Any:
        """A chain of exactly these steps; of one step, that step."""
        steps = list(steps)
        return steps[0] if len(steps) == 1 else cls(steps, app=app)

    @staticmethod
    def join(left: Any, right: Any) -> Any:
        """What ``left | right`` is."""
        return _join(left, right)

    @classmethod
    def from_dict(cls, d: Mapping[str, Any], app: Any = None) -> Any:
        """Of a dict that came over the wire; partial arguments go to the first step."""
        tasks = list(d["kwargs"]["tasks"])
        if tasks and d["args"]:
            tasks[0] = maybe_signature(tasks[0], app=app).clone(d["args"])
        made = cls([maybe_signature(task, app=app) for task in tasks], app=app, **d["options"])
        made["immutable"] = d.get("immutable", False)
        return made

    @property
    def tasks(self) -> list[Any]:
        """The steps."""
        steps: list[Any] = self.kwargs["tasks"]
        return steps

    @tasks.setter
    def tasks(self, steps: Iterable[Any]) -> None:
        self.kwargs["tasks"] = list(steps)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.apply_async(args, kwargs) if self.tasks else None

    def clone(self, *args: Any, **kwargs: Any) -> Any:
        """A copy; the steps are copied too."""
        copy = super().clone(*args, **kwargs)
        copy.kwargs["tasks"] = [maybe_signature(step, clone=True) for step in copy.kwargs["tasks"]]
        return copy

    def unchain_tasks(self) -> list[Any]:
        """Copies of the steps, which carry the links of the chain."""
        steps = [step.clone() for step in self.tasks]
        if steps:
            for link in as_list(self.options.get("link")):
                steps[-1].link(link)
        for errback in as_list(self.options.get("link_error")):
            for step in steps:
                step.link_error(errback)
        return steps

    # -- sending

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:  # type: ignore[override]  # a workflow has options of its own
        """Send the first step, which carries the others; returns the result of the last.

        The results of the earlier steps are its `parent`, the parent's parent and so on. Returns
        None if there are no steps.
        """
        if not self.tasks:
            return None
        if self.app.conf.task_always_eager:
            return self.apply(args, kwargs, **options)
        args, kwargs, options = self._merge(args, kwargs, options)
        return self.run(args, {k: v for k, v in kwargs.items() if k != "tasks"}, **options)

    def run(  # noqa: PLR0913  # the documented signature
        self,
        args: Any = (),
        kwargs: Any = None,
        group_id: str | None = None,
        chord: Any = None,
        task_id: str | None = None,
        link: Any = None,
        link_error: Any = None,
        publisher: Any = None,
        producer: Any = None,
        root_id: str | None = None,
        parent_id: str | None = None,
        app: Any = None,
        group_index: int | None = None,
        chain: Sequence[Any] | None = None,
        **options: Any,
    ) -> Any:
        """Send the chain; see `apply_async`."""
        following = [maybe_signature(step, app=self.app) for step in reversed(chain or ())]
        steps = steps_of([*self._linked(args, kwargs, link, link_error), *following])
        if not steps:
            return None
        own_id = None if following else task_id
        result = _freeze_steps(
            steps, own_id, group_id, chord, root_id, parent_id, group_index, self.app
        )
        first, rest = steps[0], steps[1:]
        if rest and self.app.conf.task_protocol == 1:  # which knows callbacks, but no chains
            for step, following_step in reversed(list(pairwise(steps))):
                step.link(following_step)
        elif rest:
            options["chain"] = rest[::-1]
        first.apply_async(producer=producer or publisher, **options)
        return result

    def _linked(self, args: Any, kwargs: Any, link: Any, link_error: Any) -> list[Any]:
        """Copies of the steps: the first with the arguments, the last with the callbacks."""
        steps = [step.clone() for step in self.tasks]
        if args or kwargs:
            steps[0] = steps[0].clone(args, kwargs)
        for step in steps:
            step._app = step._app or self._app
            for errback in as_list(link_error):
                step.link_error(errback)
        for callback in as_list(link):
            steps[-1].link(maybe_signature(callback, app=self._app))
        return steps

    def freeze(  # the documented signature
        self,
        _id: str | None = None,
        group_id: str | None = None,
        chord: Any = None,
        root_id: str | None = None,
        parent_id: str | None = None,
        group_index: int | None = None,
    ) -> Any:
        """Give every step its id; returns the result of the last one."""
        steps = steps_of(self.tasks)
        self.tasks = steps
        options = self.options
        if not steps:
            return self.app.GroupResult(_id or uuid(), [])
        result = _freeze_steps(
            steps,
            options.get("task_id") or _id,
            group_id,
            chord,
            root_id or options.get("root_id"),
            parent_id or options.get("parent_id"),
            group_index,
            self.app,
        )
        family = {"chord": chord, "group_id": group_id, "group_index": group_index}
        options.update((key, value) for key, value in family.items() if value is not None)
        options["task_id"] = result.id
        return result

    _freeze = freeze

    def apply(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        """Run the steps here and now; returns the last one's result.

        Raises:
            Exception: that of a step before the last one.
        """
        args, kwargs, options = self._merge(args, kwargs, options)
        partial = {key: value for key, value in kwargs.items() if key != "tasks"}
        links = (options.pop("link", None), options.pop("link_error", None))
        steps = steps_of(self._linked(args, partial, *links))
        passed_on = {key: options[key] for key in ("throw",) if key in options}
        result = None
        for position, step in enumerate(steps):
            if position == len(steps) - 1 and options.get("task_id"):
                passed_on["task_id"] = options["task_id"]
            more = () if result is None else (result.get(disable_sync_subtasks=False),)
            before, result = result, step.clone().apply(more, **passed_on)
            result.parent = before
        return result

    # -- looks

    @property
    def app(self) -> Any:
        """The app: the one given, else that of the first step, else the current one."""
        if self._app is None and self.tasks:
            return self.tasks[0].app
        return Signature.app.fget(self)  # type: ignore[attr-defined]  # a property

    @app.setter
    def app(self, app: Any) -> None:
        self._app = app

    def __repr__(self) -> str:
        if not self.tasks:
            return f"<{type(self).__name__}@{id(self):#x}: empty>"
        return " | ".join(repr(step) for step in self.tasks)


def _freeze_steps(  # the parts of `freeze`
    steps: list[Any],
    task_id: str | None,
    group_id: str | None,
    chord: Any,
    root_id: str | None,
    parent_id: str | None,
    group_index: int | None,
    app: Any,
) -> Any:
    """Freeze steps in order; the last one stands for the chain. Returns its result."""
    previous: Any = None
    for position, step in enumerate(steps):
        if position == len(steps) - 1:
            result = step.freeze(
                task_id,
                group_id=group_id,
                chord=chord,
                root_id=root_id,
                group_index=group_index,
            )
        else:
            result = step.freeze(root_id=root_id)
        if position == 0 and parent_id:
            step.options["parent_id"] = parent_id
        first = result
        while first.parent is not None and first is not previous:
            first = first.parent
        if previous is not None and first is not previous:
            first.parent = previous
        previous = result
    return previous


class chain(_chain):  # the documented name
    """Tasks that run one after another; each gets the result of the one before.

    The steps are folded with ``|``, so the answer may be a group or a chord; options turn that
    off. Without steps it is an empty chain, and calling it returns None.

    Example:
        >>> chain(add.s(2, 2), add.s(4)).apply_async().get()
        8
    """

    def __new__(cls, *tasks: Any, **kwargs: Any) -> Any:
        if not kwargs and tasks and (len(tasks) != 1 or is_list(tasks[0])):
            steps = tasks[0] if len(tasks) == 1 else tasks
            return _fold((maybe_signature(step, clone=True) for step in steps), _chain())
        return super().__new__(cls, *tasks, **kwargs)
