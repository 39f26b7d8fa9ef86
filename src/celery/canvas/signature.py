"""A signature: a task with arguments and options, as a dict that can be sent around."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from kombu.utils.functional import maybe_list
from kombu.utils.objects import cached_property
from kombu.utils.uuid import uuid

from celery._state import current_app
from celery.canvas import links, stamping
from celery.canvas.merge import append_unless_there, merge_call, merge_options
from celery.canvas.registry import TYPES, class_of, register_type
from celery.utils import abstract
from celery.utils.objects import getitem_property
from celery.utils.saferepr import saferepr

__all__ = ["Signature", "task_name_from"]


def task_name_from(task: Any) -> Any:
    """The name of a task, given as itself or by name."""
    return getattr(task, "name", task)


@abstract.CallableSignature.register
class Signature(dict[str, Any]):
    """A call of a task that has not been made yet.

    A dict with the keys ``task, args, kwargs, options, subtask_type, immutable``: it can be an
    argument, a callback or a step of a workflow, and travels as JSON.

    Args:
        task: a task, the name of one, or a dict with the keys above.
        args, kwargs: arguments; a call may add more (they come first, and win).
        options: of `Task.apply_async`.
        immutable: a call adds no arguments.

    Example:
        >>> add.s(2).apply_async((3,)).get()  # add(3, 2)
        5
    """

    TYPES = TYPES
    _app: Any = None
    _type: Any = None

    def __init__(
        self,
        task: Any = None,
        args: Any = None,
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        type: Any = None,  # the documented names
        subtask_type: str | None = None,
        immutable: bool = False,
        app: Any = None,
        **ex: Any,
    ) -> None:
        self._app = app
        if isinstance(task, Mapping):
            super().__init__(task)
            return
        self._type = type if type is not None else (task if hasattr(task, "apply_async") else None)
        super().__init__(
            task=task_name_from(task),
            args=tuple(args or ()),
            kwargs=dict(kwargs or {}),
            options={**(options or {}), **ex},
            subtask_type=subtask_type,
            immutable=immutable,
        )

    @classmethod
    def register_type(cls, name: str | None = None) -> Callable[[Any], Any]:
        """Make a subclass known under its ``subtask_type``."""
        return register_type(name)

    @classmethod
    def from_dict(cls, d: Mapping[str, Any], app: Any = None) -> Any:
        """The signature of a dict that came over the wire."""
        kind = d.get("subtask_type")
        if kind:
            target = class_of(kind)
            if target is not cls:
                return target.from_dict(d, app=app)
        return Signature(d, app=app)

    # -- calling

    def __call__(self, *partial_args: Any, **partial_kwargs: Any) -> Any:
        """Run the task here and now, as a function."""
        args, kwargs, _ = self._merge(partial_args, partial_kwargs, None)
        return self.type(*args, **kwargs)

    def delay(self, *partial_args: Any, **partial_kwargs: Any) -> Any:
        """Send the task; the arguments are added to the signature's."""
        return self.apply_async(partial_args, partial_kwargs)

    def apply(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Run the task here and now; returns an `EagerResult`."""
        args, kwargs, options = self._merge(args, kwargs, options)
        return self.type.apply(args, kwargs, **options)

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        route_name: str | None = None,
        **options: Any,
    ) -> Any:
        """Send the task; arguments and options are merged into the signature's."""
        args, kwargs, options = self._merge(args, kwargs, options)
        if route_name:
            options["route_name"] = route_name
        return self._send(args, kwargs, **options)

    def _send(self, args: Any, kwargs: Any, **options: Any) -> Any:
        """By the task if it is known here, else by its name."""
        task = self._type
        if task is None:
            task = self.app.tasks.get(self["task"])
        if task is not None:
            return task.apply_async(args, kwargs, **options)
        return self.app.send_task(self["task"], args, kwargs, **options)

    def _merge(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        force: bool = False,
    ) -> tuple[tuple[Any, ...], dict[str, Any], dict[str, Any]]:
        merged_args, merged_kwargs = merge_call(
            {**self, "immutable": self["immutable"] and not force}, args, kwargs
        )
        return merged_args, merged_kwargs, merge_options(self["options"], options)

    # -- copies

    def clone(self, args: Any = None, kwargs: Any = None, **opts: Any) -> Any:
        """A copy, with more arguments and options."""
        merged = self._merge(args, kwargs, opts) if args or kwargs or opts else None
        if merged is None:
            merged = (self["args"], self["kwargs"], self["options"])
        copy = self.from_dict(
            {
                "task": self["task"],
                "args": tuple(merged[0] or ()),
                "kwargs": dict(merged[1] or {}),
                "options": deepcopy(merged[2]),
                "subtask_type": self.get("subtask_type"),
                "immutable": self.get("immutable", False),
            },
            app=self._app,
        )
        copy._type = self._type
        return copy

    partial = clone

    def replace(self, args: Any = None, kwargs: Any = None, options: Any = None) -> Any:
        """A copy with other arguments or options."""
        copy = self.clone()
        if args is not None:
            copy["args"] = args
        if kwargs is not None:
            copy["kwargs"] = kwargs
        if options is not None:
            copy["options"] = options
        return copy

    def set(self, immutable: bool | None = None, **options: Any) -> Any:
        """Change options in place; returns the signature."""
        if immutable is not None:
            self.set_immutable(immutable)
        self["options"].update(options)
        return self

    def set_immutable(self, immutable: bool) -> None:
        """Whether a call may add arguments."""
        self["immutable"] = immutable

    def freeze(  # the documented signature
        self,
        _id: str | None = None,
        group_id: str | None = None,
        chord: Any = None,
        root_id: str | None = None,
        parent_id: str | None = None,
        group_index: int | None = None,
    ) -> Any:
        """Give the signature its id (one it has is kept) and family; returns its result."""
        options = self["options"]
        task_id = options.setdefault("task_id", _id or uuid())
        if not options.get("reply_to"):
            options["reply_to"] = self.app.thread_oid
        family = {"root_id": root_id, "parent_id": parent_id, "group_index": group_index}
        options.update((key, value) for key, value in family.items() if value is not None)
        if group_id and "group_id" not in options:
            options["group_id"] = group_id
        if chord:
            options["chord"] = chord
        return self.AsyncResult(task_id)

    _freeze = freeze

    # -- links and stamps

    def link(self, callback: Any) -> Any:
        """Call this signature with the result after success; returns it."""
        return links.link(self["options"], "link", callback)

    def link_error(self, errback: Any) -> Any:
        """Call this signature after failure; returns it."""
        return links.link(self["options"], "link_error", errback)

    def on_error(self, errback: Any) -> Any:
        """Like `link_error`, but returns this signature."""
        self.link_error(errback)
        return self

    def flatten_links(self) -> list[Any]:
        """This signature and all those it links to."""
        return list(links.flatten(self))

    def append_to_list_option(self, key: str, value: Any) -> Any:
        """Add to an option that is a list, unless it is there; returns the value."""
        self["options"][key] = append_unless_there(maybe_list(self["options"].get(key)), value)
        return value

    def extend_list_option(self, key: str, value: Any) -> None:
        """Add several to an option that is a list."""
        if value:
            self["options"].setdefault(key, []).extend(maybe_list(value))

    def stamp(self, visitor: Any = None, append_stamps: bool = False, **headers: Any) -> None:
        """Stamp this signature, its links and, in a workflow, its members; see `stamping`."""
        stamping.stamp(self, visitor, append_stamps, headers)

    def stamp_links(self, visitor: Any, append_stamps: bool = False, **headers: Any) -> None:
        """Stamp the links only."""
        stamping.stamp_links(self, visitor, append_stamps, headers)

    # -- operators

    def __or__(self, other: Any) -> Any:
        """Chain: this, then that."""
        if not isinstance(other, Signature):
            return NotImplemented
        return class_of("chain").join(self, other)

    def __ior__(self, other: Any) -> Any:
        return self.__or__(other)

    def __invert__(self) -> Any:
        return self.apply_async().get()

    def election(self) -> Any:
        """Send the task to one worker, whichever the workers choose among themselves."""
        app = self.app
        task_id = self["options"].get("task_id") or uuid()
        with app.producer_or_acquire(None) as producer:
            app.backend.on_task_call(producer, task_id)
            app.control.election(
                task_id, "task", self.clone(task_id=task_id), connection=producer.connection
            )
        return self.type.AsyncResult(task_id)

    # -- looks

    def reprcall(self, *args: Any, **kwargs: Any) -> str:
        """The call as Python would write it."""
        merged_args, merged_kwargs, _ = self._merge(args, kwargs, {}, force=True)
        parts = [saferepr(arg) for arg in merged_args]
        parts += [f"{key}={saferepr(value)}" for key, value in merged_kwargs.items()]
        return f"{self['task']}({', '.join(parts)})"

    def __repr__(self) -> str:
        return self.reprcall()

    def __json__(self) -> dict[str, Any]:
        return dict(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (dict(self),))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        memo[id(self)] = self
        copy = self.from_dict(deepcopy(dict(self), memo), app=self._app)
        copy._type = self._type
        return copy

    # -- properties

    @property
    def name(self) -> Any:
        """Name of the task."""
        return self["task"]

    @cached_property
    def type(self) -> Any:
        """The task."""
        return self._type if self._type is not None else self.app.tasks[self["task"]]

    @property
    def app(self) -> Any:
        """The app: the one given, that of the task, else the current one."""
        if self._app is None:
            self._app = (
                self._type.app if self._type is not None else current_app._get_current_object()
            )
        return self._app

    @app.setter
    def app(self, app: Any) -> None:
        self._app = app

    @property
    def AsyncResult(self) -> Any:  # the documented name
        """Makes the result of this task."""
        return self.app.AsyncResult

    @property
    def is_stamped(self) -> bool:
        """Whether the signature carries stamps."""
        return bool(self["options"].get("stamped_headers"))

    id: Any = getitem_property("options.task_id", "Id of the task, once it is frozen.")
    parent_id: Any = getitem_property("options.parent_id", "Id of the parent.")
    root_id: Any = getitem_property("options.root_id", "Id of the root.")
    task: Any = getitem_property("task", "Name of the task.")
    args: Any = getitem_property("args", "Positional arguments.")
    kwargs: Any = getitem_property("kwargs", "Keyword arguments.")
    options: Any = getitem_property("options", "Options of the call.")
    subtask_type: Any = getitem_property("subtask_type", "Type name on the wire.")
    immutable: Any = getitem_property("immutable", "Whether a call may add arguments.")


def _rebuild(d: dict[str, Any]) -> Any:
    return Signature.from_dict(d)
