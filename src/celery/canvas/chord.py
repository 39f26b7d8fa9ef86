"""A chord: a group (the header), and a task (the body) that gets all its results."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from kombu.utils.uuid import uuid

from celery.canvas.factory import maybe_signature
from celery.canvas.group import group
from celery.canvas.links import as_list
from celery.canvas.signature import Signature
from celery.canvas.unroll import chord_size
from celery.exceptions import CPendingDeprecationWarning
from celery.result import allow_join_result

__all__ = ["_chord", "chord"]


def _header(header: Any) -> Any:
    """Whatever was given as a header, as a list of members; steps of a chain are members too.

    A group that has options, of which its id is one, stays a group.
    """
    if isinstance(header, Mapping):
        header = maybe_signature(header)
    if isinstance(header, group):
        return header if header.options else header.tasks
    if isinstance(header, Signature):
        return header.kwargs["tasks"] if header.get("subtask_type") == "chain" else [header]
    return group(header).tasks


@Signature.register_type(name="chord")
class _chord(Signature):
    """Run the header's tasks side by side, then the body with the list of their results.

    Args:
        header: a group, or an iterable of signatures.
        body: a signature; may be given to the call instead: ``chord(header)(body)``.

    Example:
        >>> chord([add.s(1, 1), add.s(2, 2)])(total.s()).get()
        6
    """

    def __init__(
        self,
        header: Any,
        body: Any = None,
        task: str = "celery.chord",
        args: Any = None,
        kwargs: Any = None,
        app: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(
            task,
            args or (),
            {
                "kwargs": kwargs or {},
                "header": _header(header),
                "body": maybe_signature(body, app=app),
            },
            options,
            subtask_type="chord",
            app=app,
        )

    @classmethod
    def from_dict(cls, d: Mapping[str, Any], app: Any = None) -> Any:
        """Of a dict that came over the wire; the header may be a list or a group."""
        kwargs = dict(d["kwargs"])
        header, body = kwargs.pop("header"), kwargs.pop("body", None)
        made = cls(
            group(header, app=app) if not isinstance(header, Mapping) else header,
            maybe_signature(body, app=app),
            args=d["args"],
            app=app,
            kwargs=kwargs.get("kwargs"),
            **d["options"],
        )
        made["immutable"] = d.get("immutable", False)
        return made

    # -- parts

    @property
    def header(self) -> Any:
        """The members as a group."""
        header = self.kwargs["header"]
        return header if isinstance(header, group) else group(header, app=self._app)

    @property
    def tasks(self) -> list[Any]:
        """The members of the header."""
        header = self.kwargs["header"]
        members: list[Any] = header.tasks if isinstance(header, group) else header
        return members

    @tasks.setter
    def tasks(self, members: Any) -> None:
        self.kwargs["header"] = _header(members)

    @property
    def body(self) -> Any:
        """The signature that gets the results."""
        return self.kwargs["body"]

    @body.setter
    def body(self, body: Any) -> None:
        self.kwargs["body"] = body

    def __length_hint__(self) -> int:
        return chord_size(self.tasks)

    def clone(self, *args: Any, **kwargs: Any) -> Any:
        """A copy; header and body are copied too."""
        copy = super().clone(*args, **kwargs)
        copy.kwargs["header"] = _header(self.header.clone())
        copy.kwargs["body"] = maybe_signature(copy.kwargs["body"], clone=True)
        return copy

    # -- sending

    def __call__(self, body: Any = None, **options: Any) -> Any:
        return self.apply_async((), {"body": body} if body else {}, **options)

    def apply_async(  # type: ignore[override]  # a workflow has options of its own
        self,
        args: Any = (),
        kwargs: Any = None,
        task_id: str | None = None,
        producer: Any = None,
        publisher: Any = None,
        connection: Any = None,
        router: Any = None,
        result_cls: Any = None,
        **options: Any,
    ) -> Any:
        """Send the header; returns the result of the body, whose `parent` is the header's."""
        app = self.app
        partial = dict(kwargs or {})
        body = maybe_signature(partial.pop("body", None) or self.body, app=app)
        if app.conf.task_always_eager:
            with allow_join_result():
                return self.apply(args, {**partial, "body": body}, task_id=task_id, **options)
        merged = {**self.options, **{k: v for k, v in options.items() if v is not None}}
        task_id = task_id or merged.pop("task_id", None)
        merged.pop("task_id", None)
        header = self.header.clone()
        if "countdown" in merged:
            header.options["countdown"] = merged.pop("countdown")
        return self.run(
            header,
            body.clone(),
            (*(args or ()), *(self.args or ())),
            task_id=task_id,
            kwargs=partial,
            producer=producer or publisher,
            **merged,
        )

    def run(  # noqa: PLR0913  # the documented signature
        self,
        header: Any,
        body: Any,
        partial_args: Any,
        app: Any = None,
        interval: float | None = None,
        countdown: float = 1,
        max_retries: int | None = None,
        eager: bool = False,
        task_id: str | None = None,
        kwargs: Any = None,
        **options: Any,
    ) -> Any:
        """Send header and body; see `apply_async`.

        Args:
            interval, countdown, max_retries: how stores that cannot count are polled (seconds).
            options: of header and body; body options that are set already stay.
        """
        app = app or self.app
        group_id = header.options.setdefault("task_id", uuid())
        body = _followed(body, options.pop("chain", None), app)
        for key in ("link", "link_error"):
            for signature in as_list(options.pop(key, None)):
                getattr(body, key)(signature)
        root_id, parent_id = options.pop("root_id", None), options.pop("parent_id", None)
        producer = options.pop("producer", None)
        result = body.freeze(
            task_id,
            group_id=options.pop("group_id", None) or group_id,
            chord=options.pop("chord", None),
            root_id=root_id,
            group_index=options.pop("group_index", None),
        )
        for key, value in options.items():
            if key != "eta":
                body.options.setdefault(key, value)
        if not header.tasks:
            body.apply_async(([],), producer=producer)
            result.parent = app.GroupResult(group_id, [])
            return result
        header_result = header.freeze(chord=body, root_id=root_id)
        app.backend.apply_chord(
            (header_result.id, header_result.results),
            body,
            interval=interval,
            countdown=countdown,
            max_retries=max_retries,
        )
        result.parent = header.apply_async(
            partial_args,
            kwargs,
            producer=producer,
            chord=body,
            root_id=root_id,
            parent_id=parent_id,
            **options,
        )
        return result

    def apply(
        self, args: Any = None, kwargs: Any = None, propagate: bool = True, **options: Any
    ) -> Any:
        """Run header and body here and now."""
        partial = dict(kwargs or {})
        body = partial.pop("body", None) or self.body
        with allow_join_result():
            header = self.header.clone().apply((*(args or ()), *(self.args or ())), partial)
            values = header.get(propagate=propagate)
        return body.apply((values,), **{k: v for k, v in options.items() if k == "task_id"})

    def freeze(  # the documented signature
        self,
        _id: str | None = None,
        group_id: str | None = None,
        chord: Any = None,
        root_id: str | None = None,
        parent_id: str | None = None,
        group_index: int | None = None,
    ) -> Any:
        """Give header and body their ids; returns the result of the body."""
        header = self.kwargs["header"] = self.header
        header_result = header.freeze(root_id=root_id, parent_id=parent_id)
        result = self.body.freeze(
            _id,
            group_id=group_id,
            chord=chord,
            root_id=root_id,
            group_index=group_index,
        )
        self.options["task_id"] = header_result.id
        family = {"chord": chord, "group_id": group_id, "group_index": group_index}
        self.options.update((key, value) for key, value in family.items() if value is not None)
        first = result
        while first.parent is not None:
            first = first.parent
        first.parent = header_result
        return result

    _freeze = freeze

    # -- links

    def set_immutable(self, immutable: bool) -> None:
        """Whether a call may add arguments to the header's members."""
        for task in self.tasks:
            task.set_immutable(immutable)

    def link(self, callback: Any) -> Any:
        """Add a callback to the body."""
        self.body.link(callback)
        return callback

    def link_error(self, errback: Any) -> Any:
        """Add an errback to the body, and to the header if the settings say so."""
        if self.app.conf.task_allow_error_cb_on_chord_header:
            for task in self.tasks:
                task.link_error(errback.clone(immutable=True))
        else:
            warnings.warn(
                "task_allow_error_cb_on_chord_header is off: the errback is called for the body "
                "only; a later version will call it for the header's tasks too",
                CPendingDeprecationWarning,
                stacklevel=2,
            )
        self.body.link_error(errback)
        return errback

    # -- looks

    @property
    def app(self) -> Any:
        """The app: the one given, else that of the first member, else the current one."""
        if self._app is None and self.tasks:
            return self.tasks[0].app
        return Signature.app.fget(self)  # type: ignore[attr-defined]  # a property

    @app.setter
    def app(self, app: Any) -> None:
        self._app = app

    def __repr__(self) -> str:
        if self.body is None:
            return f"<chord without body: {self.tasks!r}>"
        name = (
            self.body.tasks[0].task if self.body.get("subtask_type") == "chain" else self.body.task
        )
        return f"%{name}({self.tasks!r})"


def _followed(body: Any, chain: Sequence[Any] | None, app: Any) -> Any:
    """The body with the steps that come after it, the next one last, as chains travel."""
    following = [maybe_signature(step, app=app) for step in chain or ()]
    if following and isinstance(body, group):
        body |= following.pop()
    if following:
        body.options["chain"] = following + list(body.options.get("chain") or ())
    return body


chord = _chord
