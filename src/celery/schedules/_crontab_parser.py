"""One field of a crontab, as text, to the numbers it stands for (pure)."""

import re
from collections.abc import Iterable
from typing import Final

__all__ = ("ParseException", "crontab_parser")

_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec"
_DAYS: Final = "sun mon tue wed thu fri sat"
#: First three letters -> number; names of months and of days have none in common.
_NAMES: Final[dict[str, int]] = {
    **{name: number for number, name in enumerate(_MONTHS.split(), start=1)},
    **{name: number for number, name in enumerate(_DAYS.split())},
}

_RANGE: Final = re.compile(
    r"(?:(?P<star>\*)|(?P<first>\w+)-(?P<last>\w+))(?:/(?P<step>\w*))?", re.ASCII
)


class ParseException(Exception):
    """The text is not a field of a crontab."""


class crontab_parser:
    """Parses the text of one field.

    The grammar::

        field  = part , { "," , part } ;
        part   = value | range , [ "/" , step ] ;
        range  = "*" | value , "-" , value ;
        value  = number | name of a month or day, its first three letters at least ;

    A range may wrap around (``fri-mon``); steps are counted from its beginning.

    >>> sorted(crontab_parser(24).parse("22-2"))
    [0, 1, 2, 22, 23]

    Args:
        max_: How many values the field has.
        min_: The smallest of them.
    """

    ParseException = ParseException

    def __init__(self, max_: int = 60, min_: int = 0) -> None:
        self.max_ = max_
        self.min_ = min_

    def parse(self, spec: str) -> set[int]:
        """Return the numbers `spec` stands for.

        Raises:
            ParseException: `spec` does not follow the grammar.
            ValueError: A value is out of range, or not one at all.
        """
        return {number for part in spec.split(",") for number in self._parse_part(part.strip())}

    def _parse_part(self, part: str) -> Iterable[int]:
        if not part:
            raise ParseException("empty part")
        found = _RANGE.fullmatch(part)
        if found is None:
            return (self._number(part),)
        values = self._range(found)
        step = found["step"]
        if step is None:
            return values
        if not step:
            raise ParseException("empty filter")
        if int(step) == 0:
            raise ValueError(f"A step of zero leads nowhere: {part!r}")
        return values[:: int(step)]

    def _range(self, found: re.Match[str]) -> list[int]:
        """Return the numbers of a range, in order; it wraps around if its end comes first."""
        end = self.max_ + self.min_
        if found["star"]:
            return list(range(self.min_, end))
        first, last = self._number(found["first"]), self._number(found["last"])
        if first <= last:
            return list(range(first, last + 1))
        return [*range(first, end), *range(self.min_, last + 1)]

    def _number(self, text: str) -> int:
        if text.startswith("-"):
            raise ParseException("negative numbers not supported")
        try:
            number = int(text)
        except ValueError:
            number = self._named(text)
        if number >= self.max_ + self.min_:
            raise ValueError(f"Invalid end range: {number} > {self.max_ + self.min_ - 1}.")
        if number < self.min_:
            raise ValueError(f"Invalid beginning range: {number} < {self.min_}.")
        return number

    def _named(self, text: str) -> int:
        try:
            return _NAMES[text[:3].lower()]
        except KeyError:
            raise ValueError(
                f"Invalid value {text!r}: not a number, the name of a day or month, or a range."
            ) from None


for _cls in (ParseException, crontab_parser):
    _cls.__module__ = "celery.schedules"
