"""Values and assignments given as text, turned into what the settings expect (pure)."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from celery._settings.names import OLD_TO_NEW
from celery._settings.schema import SETTINGS_BY_NAME, WITHOUT_DEFAULT
from celery._settings.setting import SettingType

__all__ = ("convert", "parse_assignments", "parse_bool")

_TRUTH: Final = {
    "1": True, "on": True, "true": True, "yes": True,
    "0": False, "off": False, "false": False, "no": False,
}  # fmt: skip

_TYPED_VALUE: Final = re.compile(r"\((\w+)\)(.*)", re.DOTALL)

_KNOWN_TYPES: Final[Mapping[str, SettingType]] = {
    **{setting.name: setting.type for setting in WITHOUT_DEFAULT},
    **{name: setting.type for name, setting in SETTINGS_BY_NAME.items()},
}


def parse_bool(value: Any) -> bool:
    """Return the truth `value` says: ``yes``/``no``, ``on``/``off``, ``true``/``false``, 1/0.

    Raises:
        TypeError: It is text and none of these.
    """
    if not isinstance(value, str):
        return bool(value)
    try:
        return _TRUTH[value.strip().lower()]
    except KeyError:
        raise TypeError(
            f"{value!r} is neither true nor false: write one of {list(_TRUTH)}"
        ) from None


def convert(value: Any, type_: SettingType) -> Any:
    """Return `value` as the type a setting declares.

    Text for a collection is JSON, or for a list or tuple words separated by commas.

    Raises:
        ValueError, TypeError: It cannot be read so.
    """
    return _CONVERTERS[type_](value)


def parse_assignments(arguments: Iterable[str], namespace: str = "celery") -> dict[str, Any]:
    """Read settings given as words of a command line.

    A word is ``name=value``, where name is a setting's (``task_acks_late``), a namespace and a
    key (``task.acks_late``), or a key with a leading dot (``.concurrency``), which belongs to
    `namespace`.  The value is read as the setting's type says, or as the type put before it in
    parentheses: ``task_annotations=(dict){"*": {"rate_limit": "10/s"}}``.

    Args:
        arguments: The words.
        namespace: Of keys with a leading dot; ``celery`` stands for no namespace.

    Returns:
        Setting name -> value.

    Raises:
        ValueError: A word is no assignment, names no setting (one with a type in parentheses may
            have any name), or its value is not of its type.
    """
    return dict(_parse_assignment(argument, namespace) for argument in arguments)


def _parse_assignment(argument: str, namespace: str) -> tuple[str, Any]:
    left, equals, text = argument.partition("=")
    if not equals:
        raise ValueError(f"{argument!r} sets nothing: write it as name=value")
    name = _setting_name(left, namespace)
    declared: str | None = _KNOWN_TYPES.get(name)
    typed = _TYPED_VALUE.fullmatch(text)
    if typed:
        declared, text = typed.groups()
    if declared is None:
        raise ValueError(
            f"There is no setting {name!r}.  For one that is not Celery's, "
            f"say its type: {left}=(string){text}"
        )
    converter = _FROM_TEXT.get(declared)
    if converter is None:
        raise ValueError(f"{argument!r}: unknown type {declared!r}, use one of {list(_FROM_TEXT)}")
    try:
        return name, converter(text)
    except (TypeError, ValueError) as exc:
        raise ValueError(f"{name!r}: {exc}") from exc


def _setting_name(text: str, namespace: str) -> str:
    name = text.strip().lower()
    if name.startswith("."):
        name = name[1:] if namespace == "celery" else namespace + name
    name = name.replace(".", "_", 1)
    return OLD_TO_NEW.get(name.upper(), name)


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _sequence(value: Any) -> Iterable[Any]:
    if not isinstance(value, str):
        return list(value)
    if value.lstrip().startswith("["):
        return list(json.loads(value))
    return (word.strip() for word in value.split(",") if word.strip())


def _mapping(value: Any) -> dict[Any, Any]:
    return dict(json.loads(value) if isinstance(value, str) else value)


_CONVERTERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "any": lambda value: value,
    "bool": parse_bool,
    "bytes": lambda value: value.encode() if isinstance(value, str) else bytes(value),
    "dict": _mapping,
    "float": float,
    "int": int,
    "list": lambda value: list(_sequence(value)),
    "str": str,
    "string": str,
    "tuple": lambda value: tuple(_sequence(value)),
}

#: From a command line ``worker.concurrency=3`` means the number.
_FROM_TEXT: Final[Mapping[str, Callable[[str], Any]]] = {**_CONVERTERS, "any": _json_or_text}
