"""Shortening, laying out and filling in text."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from io import StringIO
from pprint import pformat
from re import Match, Pattern
from textwrap import fill
from typing import Any

__all__ = (
    "abbr",
    "abbrtask",
    "dedent",
    "dedent_initial",
    "ensure_newlines",
    "ensure_sep",
    "fill_paragraphs",
    "indent",
    "join",
    "pluralize",
    "pretty",
    "simple_format",
    "str_to_list",
    "truncate",
)

RE_FORMAT = re.compile(r"%(\w|%)")


def str_to_list(s: Any) -> Any:
    """Split ``"a,b"`` at the commas; return anything but a string as it is."""
    return s.split(",") if isinstance(s, str) else s


def dedent_initial(s: str, n: int = 4) -> str:
    """Remove the first `n` characters if they are blank."""
    return s[n:] if s[:n] == " " * n else s


def dedent(s: str, sep: str = "\n") -> str:
    """Remove four blanks from the start of each line that has them."""
    return sep.join(dedent_initial(line) for line in s.splitlines())


def fill_paragraphs(s: str, width: int, sep: str = "\n") -> str:
    """Wrap each line, a paragraph, to `width` columns."""
    return sep.join(fill(paragraph, width) for paragraph in s.split(sep))


def join(l: Iterable[Any], sep: str = "\n") -> str:  # noqa: E741  # documented name
    """Join what is not empty."""
    return sep.join(item for item in l if item)


def ensure_sep(sep: str, s: str, n: int = 2) -> str:
    """Append `sep` until there are `n` of them in the text."""
    return s + sep * (n - s.count(sep))


ensure_newlines = partial(ensure_sep, "\n")


def abbr(S: str | None, max: int, ellipsis: str | bool | None = "...") -> str:
    """Cut to at most `max` characters, the last of them `ellipsis`; ``"???"`` for no text."""
    if S is None:
        return "???"
    if len(S) <= max:
        return S
    tail = ellipsis if isinstance(ellipsis, str) else ""
    return S[: max - len(tail)] + tail


def abbrtask(S: str | None, max: int) -> str:  # documented name
    """Cut a dotted task name to about `max` characters, keeping its last part whole.

    >>> abbrtask("feeds.tasks.refresh", 18)
    'feeds.ta[.]refresh'
    """
    if S is None:
        return "???"
    if len(S) <= max:
        return S
    module, _, name = S.rpartition(".")
    return f"{abbr(module, max - len(name) - 3, False)}[.]{name}"


def indent(t: str, indent: int = 0, sep: str = "\n") -> str:
    """Put `indent` blanks before each line."""
    return sep.join(" " * indent + line for line in t.split(sep))


def truncate(s: str, maxlen: int | None = 128, suffix: str = "...") -> str:
    """Cut text of `maxlen` characters or more, at a blank if there is one, and append `suffix`."""
    if maxlen and len(s) >= maxlen:
        return s[:maxlen].rsplit(" ", 1)[0] + suffix
    return s


def pluralize(n: float, text: str, suffix: str = "s") -> str:
    """Append `suffix` unless there is exactly one.

    >>> f"{3} {pluralize(3, 'task')}"
    '3 tasks'
    """
    return text if n == 1 else text + suffix


def pretty(value: Any, width: int = 80, nl_width: int = 80, sep: str = "\n", **kw: Any) -> str:
    """Format a value for people, mappings and tuples on lines of their own.

    Args:
        value: What to format.
        width: Columns there are.
        nl_width: Columns there are where a new line was begun.
        sep: Line separator.
        **kw: Options of :func:`pprint.pformat`.
    """
    if isinstance(value, Mapping):
        return f"{sep}    {pformat(value, 4, nl_width, **kw)[1:].lstrip()}"
    if isinstance(value, tuple):
        return f"{sep}    {pformat(value, width=nl_width, **kw)}"
    return pformat(value, width=width, **kw)


def match_case(s: str, other: str) -> str:
    """Return `s` in upper case if `other` is, else in lower case."""
    return s.upper() if other.isupper() else s.lower()


def simple_format(
    s: str,
    keys: Mapping[str, str | Callable[[], Any]],
    pattern: Pattern[str] = RE_FORMAT,
    expand: str = r"\1",
) -> str:
    """Fill in one-letter fields: ``%n`` is ``keys["n"]``, called if it can be; ``%%`` is ``%``.

    Raises:
        ValueError: There is no such field.
    """
    if not s:
        return s

    def resolve(match: Match[str]) -> str:
        key = match.expand(expand)
        try:
            value = fields[key]
        except KeyError:
            raise ValueError(
                f"Unknown format %{key} in string {s!r}. A percent sign that begins no field is "
                "written '%%'; a value that was already filled in must not be filled in again."
            ) from None
        return str(value() if callable(value) else value)

    fields = {"%": "%", **keys}
    return pattern.sub(resolve, s)


def remove_repeating(substr: str, s: str) -> str:
    """Remove `substr` everywhere but where it first occurs."""
    head, found, tail = s.partition(substr)
    return head + found + tail.replace(substr, "")


def remove_repeating_from_task(task_name: str, s: str) -> str:
    """Remove the module of `task_name` everywhere but where it first occurs.

    >>> remove_repeating_from_task("proj.add", "proj.add(proj.add(2), proj.mul(4))")
    'proj.add(add(2), mul(4))'
    """
    module = task_name.rpartition(".")[0]
    return remove_repeating(f"{module}.", s) if module else s


class WhateverIO(StringIO):
    """A text buffer that takes bytes as well."""

    def __init__(self, v: bytes | str | None = None, *a: Any, **kw: Any) -> None:
        super().__init__(v.decode() if isinstance(v, bytes) else v, *a, **kw)

    def write(self, data: bytes | str) -> int:
        """Append text, or bytes of UTF-8."""
        return super().write(data.decode() if isinstance(data, bytes) else data)
