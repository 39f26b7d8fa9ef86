"""The names a setting goes by: new, old, and with a prefix."""

from collections.abc import Mapping
from copy import deepcopy
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from celery._settings.schema import SETTINGS

__all__ = ("NEW_TO_OLD", "OLD_TO_NEW", "Style", "default_values", "spellings", "with_underscore")

OLD_TO_NEW: Final[Mapping[str, str]] = {setting.old: setting.name for setting in SETTINGS}
NEW_TO_OLD: Final[Mapping[str, str]] = {new: old for old, new in OLD_TO_NEW.items()}


class Style(Enum):
    """How the settings of one source are named."""

    NEW = "new"
    """In lower case: ``broker_url``, ``worker_concurrency``."""
    OLD = "old"
    """In upper case, as before version 4: ``BROKER_URL``, ``CELERYD_CONCURRENCY``."""


def default_values(style: Style = Style.NEW) -> dict[str, Any]:
    """Return every setting's default, under its name in `style`: the caller's own copies."""
    old = style is Style.OLD
    return {row.old if old else row.name: deepcopy(row.default) for row in SETTINGS}


def with_underscore(namespace: str | None) -> str:
    """Return what is put before a key: ``CELERY_`` for the namespaces CELERY and CELERY_."""
    return f"{namespace.rstrip('_')}_" if namespace else ""


# A pure function of two short strings, asked at each reading of a setting.
@lru_cache(maxsize=4096)
def spellings(key: str, prefix: str = "") -> tuple[str, ...]:
    """Return the names under which the setting `key` may be found, the strongest first.

    With a `prefix` that is the prefixed name, in the prefix's case; then the name as it is
    written; then its new and its old form.
    """
    new = OLD_TO_NEW.get(key, key)
    if prefix and key.startswith(prefix) and new == key:
        bare = key.removeprefix(prefix).lower()
        new = bare if bare in NEW_TO_OLD else key
    names = [key, new, NEW_TO_OLD.get(new, new)]
    if prefix:
        full = prefix + new
        names.insert(0, full.upper() if prefix.isupper() else full.lower())
    return tuple(dict.fromkeys(names))
