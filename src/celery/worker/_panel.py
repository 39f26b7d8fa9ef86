"""The registry of remote-control commands, and the decorators that register them."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from celery.utils.functional import maybe_list

__all__ = ["Panel", "control_command", "controller_info_t", "inspect_command", "nok", "ok"]

Command = TypeVar("Command", bound=Callable[..., Any])


class controller_info_t(NamedTuple):  # the documented name
    """What the command line shows of a command.

    Args:
        alias: another name.
        type: ``control`` or ``inspect``.
        visible: listed by ``--list``.
        default_timeout: seconds to wait for replies.
        help, signature: texts.
        args: (name, type) of each positional argument.
        variadic: name of the argument that takes all that is left.
    """

    alias: str | None
    type: str
    visible: bool
    default_timeout: float
    help: str | None
    signature: str | None
    args: Sequence[tuple[str, Any]] | None
    variadic: str | None


def ok(value: Any) -> dict[str, Any]:
    """The reply of a command that worked."""
    return {"ok": value}


def nok(value: Any) -> dict[str, Any]:
    """The reply of a command that did not."""
    return {"error": value}


class Panel(UserDict[str, Callable[..., Any]]):
    """The commands by name; `Panel.data` and `Panel.meta` are shared by all."""

    data: dict[str, Callable[..., Any]] = {}
    meta: dict[str, controller_info_t] = {}

    @classmethod
    def register(cls, *args: Any, **kwargs: Any) -> Any:
        """Register a function; a decorator, with or without options (see `controller_info_t`)."""
        if args:
            return cls._register(**kwargs)(*args)
        return cls._register(**kwargs)

    @classmethod
    def _register(  # noqa: PLR0913  # the documented options
        cls,
        name: str | None = None,
        alias: str | None = None,
        type: str = "control",
        visible: bool = True,
        default_timeout: float = 1.0,
        help: str | None = None,
        signature: str | None = None,
        args: Sequence[tuple[str, Any]] | None = None,
        variadic: str | None = None,
    ) -> Callable[[Command], Command]:
        def add(function: Command) -> Command:
            known_as = name or function.__name__
            text = help or (function.__doc__ or "").strip().split("\n")[0]
            cls.data[known_as] = function
            cls.meta[known_as] = controller_info_t(
                alias, type, visible, default_timeout, text, signature, args, variadic
            )
            if alias:
                cls.data[alias] = function
            return function

        return add


def control_command(**kwargs: Any) -> Callable[[Command], Command]:
    """Register a command that changes something; see `controller_info_t` for the options.

    The function is called with the state (`app`, `hostname`, `consumer`) and the command's
    arguments, on the thread of the worker's loop; what it returns is the reply.
    """
    registered: Callable[[Command], Command] = Panel.register(type="control", **kwargs)
    return registered


def inspect_command(**kwargs: Any) -> Callable[[Command], Command]:
    """Register a command that only looks; otherwise like `control_command`."""
    registered: Callable[[Command], Command] = Panel.register(type="inspect", **kwargs)
    return registered


def as_ids(value: Any) -> list[str]:
    """Ids given as one string or several."""
    return [str(item) for item in maybe_list(value) or []]
