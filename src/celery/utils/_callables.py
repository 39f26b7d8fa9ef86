"""What arguments a callable takes, as its signature says."""

import inspect
from collections.abc import Callable
from typing import Any

__all__ = ("arity_greater", "fun_accepts_kwargs", "fun_takes_argument", "head_from_fun")

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _parameters(fun: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters of `fun` itself, not of what it wraps; those of ``f(*args, **kwargs)``
    if it does not tell."""
    try:
        signature = inspect.signature(fun, follow_wrapped=False)
    except ValueError:  # some built-ins
        signature = inspect.signature(_tells_nothing)
    return list(signature.parameters.values())


def _tells_nothing(*args: Any, **kwargs: Any) -> None:
    """Have the signature assumed of callables that have none."""


def head_from_fun(fun: Callable[..., Any], bound: bool = False) -> Callable[..., Any]:
    """Make a function that takes the arguments `fun` takes, and does nothing.

    Calling it tells whether a later call of `fun` can succeed, without calling `fun`.

    Args:
        fun: The function.
        bound: Leave the first parameter out: `fun` will be bound as a method.

    Returns:
        A function that raises :exc:`TypeError`, as calling `fun` would, if the arguments do not
        fit.
    """
    parameters = _parameters(fun)
    if bound and parameters and parameters[0].kind in _POSITIONAL:
        parameters = parameters[1:]
    signature = inspect.Signature(parameters)
    name = getattr(fun, "__name__", None) or type(fun).__name__

    def head(*args: Any, **kwargs: Any) -> None:
        try:
            signature.bind(*args, **kwargs)
        except TypeError as exc:
            raise TypeError(f"{name}() {exc}") from None

    head.__name__ = head.__qualname__ = name
    head.__module__ = getattr(fun, "__module__", None) or __name__
    head.__doc__ = fun.__doc__
    return head


def fun_accepts_kwargs(fun: Callable[..., Any]) -> bool:
    """Say whether `fun` takes any keyword argument."""
    return any(p.kind is p.VAR_KEYWORD for p in _parameters(fun))


def fun_takes_argument(name: str, fun: Callable[..., Any], position: int | None = None) -> bool:
    """Say whether `fun` takes an argument `name`, by keyword or as the one at `position`.

    Args:
        name: Name of the argument.
        fun: The function.
        position: Say yes also if there are that many positional parameters.
    """
    parameters = _parameters(fun)
    if any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) or p.name == name for p in parameters):
        return True
    return (
        position is not None and len([p for p in parameters if p.kind in _POSITIONAL]) >= position
    )


def arity_greater(fun: Callable[..., Any], n: int) -> bool:
    """Say whether `fun` takes more than `n` positional arguments."""
    parameters = _parameters(fun)
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return True
    return len([p for p in parameters if p.kind in _POSITIONAL]) > n
