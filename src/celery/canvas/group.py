"""A group: tasks that are sent together and run side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kombu.utils.uuid import uuid

from celery.canvas.factory import maybe_signature
from celery.canvas.links import as_list
from celery.canvas.registry import class_of
from celery.canvas.signature import Signature
from celery.canvas.unroll import chord_size, flatten_members
from celery.utils.functional import regen

__all__ = ["group"]


def _members(tasks: tuple[Any, ...]) -> Any:
    """What was given to the constructor: one iterable, or the members themselves."""
    if len(tasks) != 1:
        return tasks
    only = tasks[0]
    if isinstance(only, group):
        return only.tasks
    if isinstance(only, Signature):
        return [only]
    return only if isinstance(only, (list, tuple)) else regen(only)


@Signature.register_type()
class group(Signature):  # the documented name
    """Tasks to run side by side; its result is a `GroupResult`.

    Args:
        tasks: the members, or one iterable of them; a generator is used when it is needed.

    Example:
        >>> group(add.s(i, i) for i in range(4)).apply_async().get()
        [0, 2, 4, 6]
    """

    def __init__(self, *tasks: Any, **options: Any) -> None:
        app = options.pop("app", None)
        members = _members(tasks)
        if isinstance(members, (list, tuple)):
            members = [maybe_signature(member, clone=True) for member in members]
        super().__init__(
            "celery.group", (), {"tasks": members}, options, subtask_type="group", app=app
        )

    @classmethod
    def from_dict(cls, d: Mapping[str, Any], app: Any = None) -> Any:
        """Of a dict that came over the wire; partial arguments go to every member."""
        tasks = [maybe_signature(task, app=app) for task in d["kwargs"]["tasks"]]
        if d["args"]:
            tasks = [task.clone(d["args"]) for task in tasks]
        return cls(tasks, app=app, **d["options"])

    @property
    def tasks(self) -> list[Any]:
        """The members."""
        members = self.kwargs["tasks"]
        if not isinstance(members, list):
            members = [maybe_signature(member, clone=True) for member in members]
            self.kwargs["tasks"] = members
        return members

    @tasks.setter
    def tasks(self, members: Iterable[Any]) -> None:
        self.kwargs["tasks"] = list(members)

    def __len__(self) -> int:
        return len(self.tasks)

    def __call__(self, *partial_args: Any, **options: Any) -> Any:
        return self.apply_async(partial_args, **options)

    def clone(self, *args: Any, **kwargs: Any) -> Any:
        """A copy; the members are copied too."""
        copy = super().clone(*args, **kwargs)
        copy.kwargs["tasks"] = [maybe_signature(member, clone=True) for member in copy.tasks]
        return copy

    def __or__(self, other: Any) -> Any:
        if not isinstance(other, Signature):
            return NotImplemented
        return class_of("chain").join(self, other)

    def skew(self, start: float = 1.0, stop: float | None = None, step: float = 1.0) -> Any:
        """Let the members start one after another: seconds of countdown from start to stop."""
        wait = float(start)
        for task in self.tasks:
            task.set(countdown=wait)
            wait = wait + step if stop is None else min(wait + step, float(stop))
        return self

    # -- sending

    def apply_async(  # type: ignore[override]  # a workflow has options of its own
        self,
        args: Any = None,
        kwargs: Any = None,
        add_to_parent: bool = True,
        producer: Any = None,
        link: Any = None,
        link_error: Any = None,
        **options: Any,
    ) -> Any:
        """Send every member; returns a `GroupResult`.

        Raises:
            TypeError: a callback for the whole group is given: that is a chord.
        """
        if link is not None:
            raise TypeError("Cannot add link to group: use a chord")
        if link_error is not None:
            raise TypeError("Cannot add link to group: do that on individual tasks")
        app = self.app
        if app.conf.task_always_eager:
            return self.apply(args, kwargs, **options)
        args, kwargs, options = self._merge(args, kwargs, options)
        group_id = options.pop("task_id", None) or uuid()
        root_id, parent_id = options.pop("root_id", None), options.pop("parent_id", None)
        chord = options.pop("chord", None)
        members = self._prepared(args, kwargs, options)
        results = [
            member.freeze(
                group_id=group_id,
                chord=chord,
                root_id=root_id,
                parent_id=parent_id,
                group_index=index,
            )
            for index, member in enumerate(members)
        ]
        if chord is not None:
            app.backend.set_chord_size(group_id, chord_size(members))
        for member in members:
            member.apply_async(producer=producer, add_to_parent=False, **_of_call(options))
        result = app.GroupResult(group_id, results)
        parent = app.current_worker_task
        if add_to_parent and parent is not None:
            parent.add_trail(result)
        return result

    def _prepared(self, args: Any, kwargs: Any, options: Mapping[str, Any]) -> list[Any]:
        """Copies of the members with partial arguments and the group's own links."""
        partial = {key: value for key, value in kwargs.items() if key != "tasks"}
        links = {key: as_list(options.get(key)) for key in ("link", "link_error")}
        prepared = []
        for member in flatten_members(self.tasks):
            copy = member.clone(args, partial)
            copy._app = copy._app or self._app
            for key, signatures in links.items():
                for signature in signatures:
                    getattr(copy, key)(signature)
            prepared.append(copy)
        return prepared

    def apply(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        """Run the members here and now, one after another."""
        args, kwargs, options = self._merge(args, kwargs, options)
        group_id = options.pop("task_id", None) or uuid()
        calls = {k: v for k, v in options.items() if k not in ("link", "link_error", "chord")}
        members = self._prepared(args, kwargs, options)
        return self.app.GroupResult(group_id, [member.apply(**calls) for member in members])

    def freeze(  # the documented signature
        self,
        _id: str | None = None,
        group_id: str | None = None,
        chord: Any = None,
        root_id: str | None = None,
        parent_id: str | None = None,
        group_index: int | None = None,
    ) -> Any:
        """Give every member its id; returns a `GroupResult`. The group keeps an id of its own."""
        options = self.options
        own_id = options.setdefault("task_id", uuid())
        options.update(root_id=root_id, parent_id=parent_id)
        if chord is not None:
            options["chord"] = chord
        members = flatten_members(self.tasks)
        self.kwargs["tasks"] = members
        results = [
            member.freeze(
                group_id=group_id,
                chord=chord,
                root_id=root_id,
                parent_id=parent_id,
                group_index=index,
            )
            for index, member in enumerate(members)
        ]
        return self.app.GroupResult(own_id, results)

    _freeze = freeze

    # -- links

    def set_immutable(self, immutable: bool) -> None:
        """Whether a call may add arguments to the members."""
        for task in self.tasks:
            task.set_immutable(immutable)

    def link(self, sig: Any) -> Any:
        """Add a callback to the first member; it gets no arguments."""
        return self.tasks[0].link(sig.clone().set(immutable=True))

    def link_error(self, sig: Any) -> Any:
        """Add an errback to every member."""
        for task in self.tasks:
            task.link_error(sig.clone())
        return sig

    def __iter__(self) -> Any:
        return dict.__iter__(self)

    def __repr__(self) -> str:
        members = self.tasks
        if not members:
            return "group()"
        return f"group({tuple(members)!r})" if len(members) > 1 else f"group(({members[0]!r},))"

    @property
    def app(self) -> Any:
        """The app: the one given, else that of the first member, else the current one."""
        if self._app is None:
            members = self.tasks
            if members:
                return members[0].app
        return Signature.app.fget(self)  # type: ignore[attr-defined]  # a property

    @app.setter
    def app(self, app: Any) -> None:
        self._app = app


#: Options of the group's call that every member is sent with.
_NOT_FOR_MEMBERS = frozenset(
    {"task_id", "group_id", "group_index", "chord", "chain", "link", "link_error", "reply_to"}
)


def _of_call(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key not in _NOT_FOR_MEMBERS}
