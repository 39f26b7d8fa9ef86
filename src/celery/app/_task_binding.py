"""How a task class comes to belong to an app: options from the settings, annotations."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from celery._message.context import Context
from celery._state import get_current_app
from celery.app.annotations import resolve_all
from celery.exceptions import CDeprecationWarning
from celery.local import class_property
from celery.utils.threads import LocalStack

if TYPE_CHECKING:
    from celery.app.base import Celery

__all__ = ["TaskBinding"]

#: Attributes that say where a task goes: an old way, `task_routes` is the better place.
_ROUTING_ATTRIBUTES = (
    "queue",
    "exchange",
    "exchange_type",
    "routing_key",
    "priority",
    "delivery_mode",
)


class TaskBinding:
    """The part of a task that is about its class and its app. Base of `Task`."""

    __bound__ = False
    _app: Any = None
    name: str
    typing: bool | None
    acks_on_failure_or_timeout: bool | None
    acks_on_failure: bool | None
    acks_on_timeout: bool | None
    request_stack: LocalStack[Context]

    #: (attribute, setting): a task that leaves the attribute None takes the setting's value.
    from_config: ClassVar[tuple[tuple[str, str], ...]] = (
        ("serializer", "task_serializer"),
        ("rate_limit", "task_default_rate_limit"),
        ("priority", "task_default_priority"),
        ("time_limit", "task_time_limit"),
        ("soft_time_limit", "task_soft_time_limit"),
        ("track_started", "task_track_started"),
        ("acks_late", "task_acks_late"),
        ("acks_on_failure_or_timeout", "task_acks_on_failure_or_timeout"),
        ("acks_on_failure", "task_acks_on_failure"),
        ("acks_on_timeout", "task_acks_on_timeout"),
        ("reject_on_worker_lost", "task_reject_on_worker_lost"),
        ("retry_on_worker_lost", "task_retry_on_worker_lost"),
        ("ignore_result", "task_ignore_result"),
        ("store_eager_result", "task_store_eager_result"),
        ("store_errors_even_if_ignored", "task_store_errors_even_if_ignored"),
    )

    @classmethod
    def bind(cls, app: Celery) -> Celery:
        """Make this class belong to an app: options left open are taken from its settings."""
        was_bound = "__bound__" in cls.__dict__
        cls.__bound__ = True
        cls._app = app
        if not was_bound:
            cls._warn_of_routing_attributes()
        conf = app.conf
        if "request_stack" not in cls.__dict__:
            cls.request_stack = LocalStack()
        if getattr(cls, "typing", None) is None:
            cls.typing = app.strict_typing
        for attribute, setting in cls.from_config:
            if getattr(cls, attribute, None) is None:
                setattr(cls, attribute, conf[setting])
        cls._resolve_ack_policy()
        if not was_bound:
            cls.annotate()
        cls.on_bound(app)
        return app

    @classmethod
    def _warn_of_routing_attributes(cls) -> None:
        for name in _ROUTING_ATTRIBUTES:
            if cls.__dict__.get(name) is not None:
                warnings.warn(
                    f"Task {cls.name}: the attribute {name!r} is deprecated; "
                    "route the task with the setting task_routes",
                    CDeprecationWarning,
                    stacklevel=2,
                )

    @classmethod
    def _resolve_ack_policy(cls) -> None:
        both = True if cls.acks_on_failure_or_timeout is None else cls.acks_on_failure_or_timeout
        cls.acks_on_failure = both if cls.acks_on_failure is None else cls.acks_on_failure
        cls.acks_on_timeout = both if cls.acks_on_timeout is None else cls.acks_on_timeout

    @classmethod
    def on_bound(cls, app: Celery) -> None:
        """Called when the class has been bound to an app; override at will."""

    @classmethod
    def _get_app(cls) -> Any:
        if cls._app is None:
            cls._app = get_current_app()
        if not cls.__bound__:
            cls.bind(cls._app)
        return cls._app

    app: Any = class_property(_get_app, bind)

    @classmethod
    def annotate(cls) -> None:
        """Apply the setting `task_annotations` to this class."""
        for annotation in resolve_all(cls.app.annotations, cls):
            for key, value in annotation.items():
                if key.startswith("@"):
                    cls.add_around(key[1:], value)
                else:
                    setattr(cls, key, value)

    @classmethod
    def add_around(cls, attr: str, around: Callable[[Any], Any]) -> None:
        """Decorate a method of this class, once."""
        original = getattr(cls, attr)
        if not hasattr(original, "__wrapped__"):
            decorated = around(original)
            decorated.__wrapped__ = original
            setattr(cls, attr, decorated)
