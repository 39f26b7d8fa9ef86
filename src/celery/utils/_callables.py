"""What arguments a callable takes, as its signature says."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ("arity_greater", "fun_accepts_kwargs", "fun_takes_argument", "head_from_fun")

Parameters = Sequence[inspect.Parameter]

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _parameters(fun: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters of `fun` itself, not of a function it wraps.

    Some built-ins do not tell: of those, any arguments are taken to be right.
    """
    try:
        signature = inspect.signature(fun, follow_wrapped=False)
    except ValueError:
        signature = inspect.signature(_tells_nothing)
    return list(signature.parameters.values())


def _tells_nothing(*args: Any, **kwargs: Any) -> None:
    """Have the signature assumed of callables that have none."""


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
    return position is not None and len(_positional(parameters)) >= position


def arity_greater(fun: Callable[..., Any], n: int) -> bool:
    """Say whether `fun` takes more than `n` positional arguments."""
    parameters = _parameters(fun)
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return True
    return len(_positional(parameters)) > n


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
    name = getattr(fun, "__name__", None) or type(fun).__name__
    accepted = _Accepted.from_parameters(parameters)

    def head(*args: Any, **kwargs: Any) -> None:
        problem = accepted.problem_with(args, kwargs)
        if problem:
            raise TypeError(f"{name}() {problem}")

    head.__name__ = head.__qualname__ = name
    head.__module__ = getattr(fun, "__module__", None) or __name__
    head.__doc__ = fun.__doc__
    return head


@dataclass(frozen=True, slots=True, kw_only=True)
class _Accepted:
    """The arguments a function takes, and what Python says of any others."""

    #: Names of the positional parameters; how many of them have no default.
    positional: tuple[str, ...]
    needed: int
    #: Those that cannot be given by keyword.
    positional_only: frozenset[str]
    #: Names of the keyword-only parameters, and of those that have no default.
    keywords: frozenset[str]
    needed_keywords: tuple[str, ...]
    any_positional: bool
    any_keyword: bool

    @classmethod
    def from_parameters(cls, parameters: Parameters) -> "_Accepted":
        positional = _positional(parameters)
        keywords = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
        return cls(
            positional=tuple(p.name for p in positional),
            needed=sum(p.default is p.empty for p in positional),
            positional_only=frozenset(p.name for p in positional if p.kind is p.POSITIONAL_ONLY),
            keywords=frozenset(p.name for p in keywords),
            needed_keywords=tuple(p.name for p in keywords if p.default is p.empty),
            any_positional=any(p.kind is p.VAR_POSITIONAL for p in parameters),
            any_keyword=any(p.kind is p.VAR_KEYWORD for p in parameters),
        )

    def problem_with(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
        """Return what is wrong with a call, in the words of Python; ``None`` if nothing is."""
        given = len(args)
        if not kwargs and self.needed <= given <= len(self.positional) and not self.needed_keywords:
            return None  # most calls
        return (
            self._wrong_keyword(given, kwargs)
            or self._too_many(given)
            or _missing("positional", self._missing_positional(given, kwargs))
            or _missing("keyword-only", [n for n in self.needed_keywords if n not in kwargs])
        )

    def _wrong_keyword(self, given: int, kwargs: Mapping[str, Any]) -> str | None:
        for name in kwargs:
            if name in self.positional and name not in self.positional_only:
                if name in self.positional[:given]:
                    return f"got multiple values for argument {name!r}"
            elif name in self.keywords or self.any_keyword:
                continue
            elif name in self.positional_only:
                return f"got some positional-only arguments passed as keyword arguments: {name!r}"
            else:
                return f"got an unexpected keyword argument {name!r}"
        return None

    def _too_many(self, given: int) -> str | None:
        most = len(self.positional)
        if self.any_positional or given <= most:
            return None
        takes = f"{most}" if self.needed == most else f"from {self.needed} to {most}"
        arguments = "argument" if most == 1 else "arguments"
        were = "was" if given == 1 else "were"
        return f"takes {takes} positional {arguments} but {given} {were} given"

    def _missing_positional(self, given: int, kwargs: Mapping[str, Any]) -> list[str]:
        return [
            name
            for name in self.positional[given : self.needed]
            if name not in kwargs or name in self.positional_only
        ]


def _missing(kind: str, names: Sequence[str]) -> str | None:
    """Return the sentence about missing arguments."""
    if not names:
        return None
    arguments = "argument" if len(names) == 1 else "arguments"
    return f"missing {len(names)} required {kind} {arguments}: {_enumerated(names)}"


def _enumerated(names: Sequence[str]) -> str:
    """Return the names as Python enumerates them: ``'a', 'b', and 'c'``."""
    *others, last = map(repr, names)
    if not others:
        return last
    comma = "," if len(others) > 1 else ""
    return f"{', '.join(others)}{comma} and {last}"


def _positional(parameters: Parameters) -> list[inspect.Parameter]:
    return [p for p in parameters if p.kind in _POSITIONAL]
