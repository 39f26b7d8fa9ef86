"""A chord: a group (the header), and a task (the body) that gets all its results."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from kombu.utils.uuid import uuid

from celery.canvas.factory import maybe_signature
from celery.canvas.group import group
from celery.canvas.signature import Signature
from celery.canvas.unroll import chord_size
from celery.exceptions import CPendingDeprecationWarning
from celery.result import allow_join_result

__all__ = ["_chord", "chord"]


def _header(header: Any) -> Any:
    """Whatever was given as a header, as a group: the steps of a chain are members too."""
    if isinstance(header, group):
        return header
    if isinstance(header, Signature):
        return group(header.kwargs["tasks"] if header.get("subtask_type") == "chain" else [header])
    if isinstance(header, Mapping):
        return maybe_signature(header)
    return group(header)


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
        if not isinstance(header, Mapping):
            header = group([maybe_signature(task, app=app) for task in header], app=app)
        made = cls(
            maybe_signature(header, app=app),
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
        """The group."""
        return self.kwargs["header"]

    @property
    def tasks(self) -> list[Any]:
        """The members of the header."""
        members: list[Any] = self.kwargs["header"].tasks
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
        copy.kwargs["header"] = maybe_signature(copy.kwargs["header"], clone=True)
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
        kwargs = dict(kwargs or {})
        body = maybe_signature(kwargs.pop("body", None) or self.body, app=app)
        if app.conf.task_always_eager:
            with allow_join_result():
                return self.apply(args, {"body": body}, task_id=task_id, **options)
        merged = {**self.options, **{k: v for k, v in options.items() if v is not None}}
        task_id = task_id or merged.pop("task_id", None)
        partial = (*(args or ()), *(self.args or ()))
        header = self.header.clone()
        if not header.tasks:
            merged.pop("task_id", None)
            return body.apply_async(([],), task_id=task_id, **merged)
        return self.run(header, body.clone(), partial, task_id=task_id, **merged)

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
        """
        app = app or self.app
        group_id = header.options.get("task_id") or uuid()
        header.options["task_id"] = group_id
        following = options.pop("chain", None)
        if following:
            for step in reversed(following):
                body = body | maybe_signature(step, app=app)
        for_header = {key: options.pop(key) for key in ("eta",) if key in options}
        links = {key: options.pop(key, None) for key in ("link", "link_error")}
        for key, signatures in links.items():
            for signature in signatures or ():
                getattr(body, key)(signature)
        root_id = options.pop("root_id", None) or body.options.get("root_id")
        result = body.freeze(
            task_id,
            group_id=options.pop("group_id", None) or group_id,
            chord=options.pop("chord", None),
            root_id=root_id,
            group_index=options.pop("group_index", None),
        )
        for key, value in options.items():
            body.options.setdefault(key, value)
        header_result = header.freeze(chord=body, root_id=root_id)
        app.backend.apply_chord(
            (header_result.id, header_result.results),
            body,
            interval=interval,
            countdown=countdown,
            max_retries=max_retries,
        )
        sent = header.apply_async(
            partial_args, {}, task_id=group_id, chord=body, root_id=root_id, **for_header
        )
        first = result
        while first.parent is not None:
            first = first.parent
        first.parent = sent
        return result

    def apply(
        self, args: Any = None, kwargs: Any = None, propagate: bool = True, **options: Any
    ) -> Any:
        """Run header and body here and now."""
        body = (kwargs or {}).get("body") or self.body
        header = self.header.clone()
        with allow_join_result():
            results = header.apply((*(args or ()), *(self.args or ()))).get(propagate=propagate)
        return body.apply((results,), **{k: v for k, v in options.items() if k == "task_id"})

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
        header_result = self.header.freeze(root_id=root_id, parent_id=parent_id, chord=self.body)
        result = self.body.freeze(
            _id,
            group_id=group_id,
            chord=chord,
            root_id=root_id,
            parent_id=parent_id,
            group_index=group_index,
        )
        self.options["task_id"] = result.id
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
        self.header.set_immutable(immutable)

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
        """The app: the one given, else that of the header, else the current one."""
        if self._app is None:
            return self.header.app
        return self._app

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


chord = _chord
