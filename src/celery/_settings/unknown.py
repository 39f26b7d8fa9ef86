"""Settings that do not exist, and the names that may have been meant."""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from inspect import isroutine
from types import ModuleType
from typing import Any, Final, NamedTuple

from celery._settings.names import NEW_TO_OLD, OLD_TO_NEW, with_underscore
from celery._settings.schema import SETTINGS, WITHOUT_DEFAULT

__all__ = ("UnknownSetting", "unknown_settings")

_KNOWN: Final = frozenset(row.name for row in (*SETTINGS, *WITHOUT_DEFAULT))

#: First words that are Celery's: whatever else begins with them is a mistake.
_NAMESPACES: Final = ("beat_", "broker_", "result_", "task_", "worker_")

#: First words that a program may well use for settings of its own (``cache_``, ``database_``): a
#: name is taken for a mistake only if it resembles a setting.
_SHARED_NAMESPACES: Final = tuple(
    {f"{row.namespace}_" for row in SETTINGS if row.namespace}.difference(_NAMESPACES)
)

#: First words of old names that belong to Celery alone.  Many others name their settings CELERY_x.
_OLD_NAMESPACES: Final = ("CELERYD_", "CELERYBEAT_")

#: Read by schedulers that are packages of their own, from settings named as if they were Celery's.
_OTHERS: Final = re.compile(
    r"beat_(dburi|schema|engine_options)"  # celery-sqlalchemy-scheduler
    r"|mongodb_scheduler_\w+"  # celerybeat-mongo
)


class UnknownSetting(NamedTuple):
    """A name as it was written, and the setting that may have been meant."""

    name: str
    suggestion: str | None

    def __str__(self) -> str:
        hint = f"  Did you mean {self.suggestion!r}?" if self.suggestion else ""
        return f"Celery has no setting {self.name!r}.{hint}"


def unknown_settings(
    source: Mapping[str, Any], namespace: str | None = None
) -> Iterator[UnknownSetting]:
    """Yield the names in `source` that look like Celery's settings and are none.

    That is judged by the first word: ``task_serialiser`` is reported, ``redbeat_lock_key`` is
    another project's.  Modules and functions in a configuration module are passed over, and, when
    there is a `namespace`, what is not in it.
    """
    prefix = with_underscore(namespace)
    for name in source:
        found = _judge_prefixed(name, prefix) if prefix else _judge(name)
        # Values are looked at last: reading all of a framework's settings may have effects.
        if found and not (isinstance(value := source[name], ModuleType) or isroutine(value)):
            yield found


def _judge_prefixed(name: str, prefix: str) -> UnknownSetting | None:
    key = name.removeprefix(prefix)
    if key == name or name in OLD_TO_NEW:
        return None
    found = _judge(key.lower())
    if found is None or found.suggestion is None:
        return found and UnknownSetting(name, None)
    meant = found.suggestion.upper() if prefix.isupper() else found.suggestion
    return UnknownSetting(name, prefix + meant)


def _judge(name: str) -> UnknownSetting | None:
    if name in _KNOWN or name in OLD_TO_NEW or _OTHERS.fullmatch(name):
        return None
    if name.startswith(_NAMESPACES):
        return UnknownSetting(name, _closest(name, _KNOWN))
    if name.startswith(_SHARED_NAMESPACES):
        suggestion = _closest(name, _KNOWN)
        return UnknownSetting(name, suggestion) if suggestion else None
    if name.startswith(_OLD_NAMESPACES):
        return UnknownSetting(name, _closest(name, NEW_TO_OLD.values()))
    return None


def _closest(name: str, names: Iterable[str]) -> str | None:
    return next(iter(get_close_matches(name, sorted(names), n=1, cutoff=0.75)), None)
