"""Types of options and arguments: text of the command line -> values."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click import Context, Parameter, ParamType

from celery.utils.iso8601 import parse_iso8601

__all__ = [
    "COMMA_SEPARATED_LIST",
    "ISO8601",
    "ISO8601_OR_FLOAT",
    "JSON_ARRAY",
    "JSON_OBJECT",
    "LOG_LEVEL",
    "SWITCH",
    "UMASK",
    "CommaSeparatedList",
    "ISO8601DateTime",
    "ISO8601DateTimeOrFloat",
    "JsonArray",
    "JsonObject",
    "LogLevel",
    "Switch",
    "Umask",
    "ValueType",
]

if TYPE_CHECKING:
    ValueType = ParamType[Any]
else:  # in older releases of click it is not generic
    ValueType = ParamType

Container = TypeVar("Container", list[Any], dict[str, Any])


class CommaSeparatedList(ValueType):
    """Names with commas between them."""

    name = "comma separated list"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> list[str]:
        """The names, without the space around them; empty ones are left out."""
        if not isinstance(value, str):
            return list(value)
        return [name for part in value.split(",") if (name := part.strip())]


class JsonArray(ValueType):
    """A list, as JSON."""

    name = "json array"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> list[Any]:
        """The list."""
        return _from_json(self, value, list, "an array", param, ctx)


class JsonObject(ValueType):
    """A mapping, as JSON."""

    name = "json object"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> dict[str, Any]:
        """The mapping."""
        return _from_json(self, value, dict, "an object", param, ctx)


def _from_json(
    type_: ValueType,
    value: Any,
    expected: type[Container],
    noun: str,
    param: Parameter | None,
    ctx: Context | None,
) -> Container:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as exc:
            type_.fail(str(exc), param, ctx)
    if not isinstance(value, expected):
        type_.fail(f"{value} was not {noun}", param, ctx)
    return value


class ISO8601DateTime(ValueType):
    """A point in time, such as ``2030-01-31T12:00:00+00:00``."""

    name = "iso-8601"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> datetime:
        """The point in time; naive if it names no time zone."""
        if isinstance(value, datetime):
            return value
        try:
            return parse_iso8601(value)
        except (TypeError, ValueError) as exc:
            self.fail(str(exc), param, ctx)


class ISO8601DateTimeOrFloat(ISO8601DateTime):
    """A point in time, or a number of seconds."""

    name = "iso-8601 or float"

    def convert(  # type: ignore[override]  # it is wider: seconds, too
        self, value: Any, param: Parameter | None, ctx: Context | None
    ) -> datetime | float:
        """The number if it is one, else the point in time."""
        try:
            return float(value)
        except (TypeError, ValueError):
            return super().convert(value, param, ctx)


class LogLevel(click.Choice):  # type: ignore[type-arg]  # as ValueType
    """A log level by name, in any case."""

    levels: Sequence[str] = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "FATAL")

    def __init__(self) -> None:
        super().__init__(self.levels, case_sensitive=False)

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> Any:
        """The level's number."""
        if isinstance(value, int):
            return value
        return logging.getLevelNamesMapping()[super().convert(value, param, ctx).upper()]


class Switch(click.types.BoolParamType):
    """On or off in an environment variable: any other word than those for off means on."""

    name = "switch"
    _off = frozenset({"", "0", "f", "false", "n", "no", "off"})

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> bool:
        """Whether it is on."""
        return value.strip().lower() not in self._off if isinstance(value, str) else bool(value)


class Umask(ValueType):
    """Permissions that new files do not get, such as ``022``."""

    name = "text"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> int:
        """The mask: octal if it begins with 0, as everybody writes it, else decimal."""
        if isinstance(value, int):
            return value
        try:
            return int(value, 8 if value.startswith("0") else 10)
        except ValueError:
            self.fail(f"{value!r} is no mask of permissions; one is 022", param, ctx)


COMMA_SEPARATED_LIST = CommaSeparatedList()
JSON_ARRAY = JsonArray()
JSON_OBJECT = JsonObject()
ISO8601 = ISO8601DateTime()
ISO8601_OR_FLOAT = ISO8601DateTimeOrFloat()
LOG_LEVEL = LogLevel()
SWITCH = Switch()
UMASK = Umask()
