"""The settings and their defaults, under the names extensions import."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from celery._settings import NAMESPACES, Option, default_values, find
from celery._settings.schema_messaging import DEFAULT_ACCEPT_CONTENT, DEFAULT_SECURITY_DIGEST
from celery._settings.schema_work import (
    DEFAULT_POOL,
    DEFAULT_PROCESS_LOG_FMT,
    DEFAULT_TASK_LOG_FMT,
)
from celery.exceptions import CDeprecationWarning

__all__ = (
    "DEFAULTS",
    "DEFAULT_ACCEPT_CONTENT",
    "DEFAULT_POOL",
    "DEFAULT_PROCESS_LOG_FMT",
    "DEFAULT_SECURITY_DIGEST",
    "DEFAULT_TASK_LOG_FMT",
    "NAMESPACES",
    "SETTING_KEYS",
    "Namespace",
    "Option",
    "find",
    "find_deprecated_settings",
    "flatten",
)

T = TypeVar("T")

#: Setting name -> default.  An application has its own copies.
DEFAULTS: dict[str, Any] = default_values()
SETTING_KEYS: set[str] = set(DEFAULTS)


def Namespace(__old__: Iterable[str] = (), **options: Option) -> dict[str, Option]:
    """Return `options` by key, those without old names getting them from the patterns `__old__`."""
    for key, option in options.items():
        option.old = option.old or {pattern.format(key) for pattern in __old__}
    return options


def _with_prefix(prefix: str, key: str, option: Option) -> Iterable[tuple[str, Any]]:
    return [(prefix + key, option)]


def flatten(
    d: Mapping[str, Any],
    root: str = "",
    keyfilter: Callable[[str, str, Option], Iterable[Any]] = _with_prefix,
) -> Iterator[Any]:
    """Yield what `keyfilter` makes of each option in `d`, a mapping like :data:`NAMESPACES`.

    Args:
        d: Key -> option, or namespace -> such a mapping.
        root: Namespace `d` is in.
        keyfilter: Called with the namespace and its underscore, the key and the option, it returns
            what is to be yielded: by default one pair of full name and option.
    """
    prefix = f"{root}_" if root else ""
    for key, value in d.items():
        if isinstance(value, Option):
            yield from keyfilter(prefix, key, value)
        else:
            yield from flatten(value, prefix + key, keyfilter)


def find_deprecated_settings(source: T) -> T:
    """Warn of each deprecated option that `source`, an object with settings, has; return it."""
    for name, option in flatten(NAMESPACES):
        if option.deprecate_by and getattr(source, name, None):
            warnings.warn(
                f"The setting {name} is deprecated since version {option.deprecate_by} and will "
                f"be removed in {option.remove_by}.  Use {option.alt} instead.",
                CDeprecationWarning,
                stacklevel=2,
            )
    return source
