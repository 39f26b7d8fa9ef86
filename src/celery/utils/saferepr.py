"""saferepr: ``repr()`` of any value, in bounded space and time.

Its text travels in the headers of a message (``argsrepr``, ``kwargsrepr``), so both ends of the
wire should write the same for the same value:

* strings are in single quotes and nothing but the quote is escaped; bytes that are not UTF-8 are
  written in hexadecimal;
* subclasses of the built-in containers look like the containers;
* what lies deeper than `maxlevels` is ``...``, and so is the rest of what is too long.

It works in two steps: :func:`reprstream` turns a value into tokens, one at a time, and
:func:`saferepr` writes them until there is no space left.  A third, ahead of both, lets Python do
it where that comes to the same (:func:`_plain_repr`): arguments are mostly a few short scalars.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import chain
from numbers import Number
from types import NoneType
from typing import Any, Final, NamedTuple

from celery.utils.text import truncate

__all__ = ("reprstream", "saferepr")

ELLIPSIS: Final = "..."
#: Written in place of all that no longer fits.
CUT_OFF: Final = ", ..."


class _Open(NamedTuple):
    """Token: a container begins; `closing` will end it."""

    text: str
    closing: str


class _Close(NamedTuple):
    """Token: the container opened last ends."""


class _Sep(NamedTuple):
    """Token: stands between two items."""

    text: str


class _Deeper(NamedTuple):
    """Token: stands for the contents of a container that is nested too deep."""


class _Key(NamedTuple):
    """Token: a key of a mapping, on its own whatever its depth."""

    value: Any


class _Quoted(NamedTuple):
    """Token: a string or bytes."""

    value: str | bytes


Token = _Open | _Close | _Sep | _Deeper | _Key | _Quoted | str

CLOSE: Final = _Close()
DEEPER: Final = _Deeper()
COMMA: Final = _Sep(", ")
COLON: Final = _Sep(": ")

_BRACES: Final = _Open("{", "}")
_BRACKETS: Final = _Open("[", "]")
_PARENTHESES: Final = _Open("(", ")")
_ONE_IN_PARENTHESES: Final = _Open("(", ",)")

# Tuples, for isinstance() with a union of types is slow.
_READY: Final = (_Sep, _Key)
_STRINGS: Final = (str, bytes)
_SETS: Final = (set, frozenset)

#: Types whose repr() :func:`_plain_repr` leaves to Python, strings being looked at more closely.
_SCALARS: Final = frozenset({int, float, bool, NoneType})
#: What counts as short for :func:`_plain_repr`: characters of a string, items of a container.
_SHORT: Final = 256
_FEW: Final = 16
#: How deep :func:`_plain_repr` looks if there is no limit.
_PLAIN_DEPTH: Final = 4


def saferepr(
    o: Any, maxlen: int | None = None, maxlevels: int = 3, seen: set[int] | None = None
) -> str:
    """Return a text that shows `o`, of about `maxlen` characters at most.

    Args:
        o: The value.  Its own ``__repr__`` is called for objects other than the built-in ones; if
            that raises, the text says so.
        maxlen: Characters before it is cut, ``None`` for no limit.  A few may be added by what
            shows that something was cut, and by the brackets still open.
        maxlevels: How deep nested containers are shown; 0 for no limit.
        seen: Ids of containers the value is in, not to be shown again.
    """
    if seen is None:
        plain = _plain_repr(o, maxlen, maxlevels)
        if plain is not None:
            return plain
    tokens = reprstream(deque([iter([o])]), seen, maxlevels)
    return "".join(_written(tokens, maxlen, maxlevels))


def _plain_repr(o: Any, maxlen: int | None, maxlevels: int) -> str | None:
    """Return ``repr(o)`` if that is what the long way would come to, else ``None``."""
    if not _is_plain(o, maxlevels or _PLAIN_DEPTH):
        return None
    try:
        text = repr(o)
    except ValueError:  # an int of more digits than Python agrees to convert
        return None
    if "\\" in text or '"' in text or (maxlen is not None and len(text) >= maxlen):
        return None
    return text


def _is_plain(o: Any, depth: int) -> bool:
    """Say whether `o` is short and made of built-in types only, not nested deeper than `depth`."""
    kind = type(o)
    if kind in _SCALARS:
        return True
    if kind is str:
        return len(o) <= _SHORT
    if depth <= 0 or kind not in (tuple, list, dict) or len(o) > _FEW:
        return False
    items: Iterable[Any] = o
    if kind is dict:
        if not all(type(key) is str and len(key) <= _SHORT for key in o):
            return False
        items = o.values()
    for item in items:
        if type(item) not in _SCALARS and not _is_plain(item, depth - 1):
            return False
    return True


# -- from tokens to text


def _written(tokens: Iterator[Token], maxlen: int | None, maxlevels: int) -> Iterator[str]:
    """Yield the text of the tokens until `maxlen` characters are used up; close what is open."""
    left = maxlen
    to_close: list[str] = []
    for token in tokens:
        if isinstance(token, _Close):
            text = to_close.pop()
        elif isinstance(token, _Deeper):
            text = ELLIPSIS
        elif left is not None and left <= 0:
            yield CUT_OFF
            break
        elif isinstance(token, _Open):
            to_close.append(token.closing)
            text = token.text
        else:
            text = _text_of(token, left, maxlevels)
        if left is not None:
            left -= len(text)
        yield text
    yield from reversed(to_close)


def _text_of(token: _Sep | _Key | _Quoted | str, left: int | None, maxlevels: int) -> str:
    """Return the text of one token that is no bracket, cut to `left` characters."""
    if isinstance(token, str):
        return truncate(token, left)
    if isinstance(token, _Sep):
        return token.text
    if isinstance(token, _Key):
        return saferepr(token.value, left, maxlevels)
    if isinstance(token.value, bytes):
        return _bytes_text(token.value, left)
    shown = truncate(token.value, left).replace("'", "\\'")
    return f"'{shown}'"


def _bytes_text(value: bytes, left: int | None) -> str:
    shown = value if left is None else value[:left]
    dots = ELLIPSIS if len(shown) < len(value) else ""
    try:
        text = shown.decode()
    except UnicodeDecodeError:
        text = shown.hex()
    return f"b'{text}{dots}'"


# -- from a value to tokens


def reprstream(
    stack: deque[Iterator[Any]],
    seen: set[int] | None = None,
    maxlevels: int = 3,
    level: int = 0,
) -> Iterator[Token]:
    """Yield the tokens of values, looking at no more of them than is asked for.

    Args:
        stack: Iterators over the values: those of the last one come first.  It is the stack of
            the walk, so that nesting costs no recursion.
        seen: Ids of containers the values are in.
        maxlevels: How deep to go; 0 for no limit.
        level: How deep the values are already.
    """
    ancestors = set() if seen is None else seen
    entered: list[int] = []
    while stack:
        for item in stack[-1]:
            if isinstance(item, _READY):
                yield item
                continue
            shape = _shape_of(item)
            if shape is None:
                yield _leaf(item)
            elif maxlevels and level + len(entered) >= maxlevels:
                yield from (shape, DEEPER, CLOSE)
            elif id(item) in ancestors:
                yield f"<Recursion on {type(item).__name__} with id={id(item)}>"
            else:
                ancestors.add(id(item))
                entered.append(id(item))
                yield shape
                stack.append(_contents(item))
                break
        else:
            stack.pop()
            if entered:
                ancestors.discard(entered.pop())
                yield CLOSE


def _shape_of(item: Any) -> _Open | None:
    """Return the brackets of a container, ``None`` for anything else (and for empty sets)."""
    if isinstance(item, dict):
        return _BRACES
    if isinstance(item, tuple):
        return _ONE_IN_PARENTHESES if len(item) == 1 else _PARENTHESES
    if isinstance(item, list):
        return _BRACKETS
    if isinstance(item, _SETS) and item:
        return _BRACES if type(item) is set else _Open(f"{type(item).__name__}({{", "})")
    return None


def _contents(container: Any) -> Iterator[Any]:
    """Yield the items of a container with what stands between them."""
    if isinstance(container, dict):
        pairs = ((COMMA, _Key(key), COLON, value) for key, value in dict.items(container))
    else:
        pairs = ((COMMA, item) for item in container)  # type: ignore[misc]  # shorter tuples
    contents = chain.from_iterable(pairs)
    next(contents, None)  # the comma before the first
    return contents


def _leaf(item: Any) -> Token:
    """Return the token of what is no container."""
    if type(item) is str or isinstance(item, _STRINGS):
        return _Quoted(item)
    if isinstance(item, _SETS):
        return f"{type(item).__name__}()"
    try:
        if type(item) in _SCALARS:
            return str(item)
        number = isinstance(item, Number) and not isinstance(item, Decimal)
        return str(item) if number else repr(item)
    except Exception as exc:  # whatever a user's class raises
        return f"<Unrepresentable {type(item)!r}{id(item):#x}: {exc!r}>"
