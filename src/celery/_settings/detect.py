"""Which naming style a source of settings uses; mixed styles are an error that says what to do."""

from collections.abc import Iterable
from typing import Final

from celery._settings.names import NEW_TO_OLD, OLD_TO_NEW, Style
from celery.exceptions import ImproperlyConfigured

__all__ = ("detect_style", "old_names")

_MIXED: Final = """\
The configuration mixes settings named in the {majority} style with settings named in the \
{minority} style.  Rename these:

{table}

or rename all the others instead."""


def old_names(keys: Iterable[object]) -> frozenset[str]:
    """Return those of `keys` that are old names of settings."""
    return frozenset(key for key in keys if isinstance(key, str) and key in OLD_TO_NEW)


def detect_style(keys: Iterable[object]) -> Style:
    """Return the style most of `keys` are written in; keys that are no settings do not count.

    A setting given under both of its names is no mistake: a configuration may serve two versions.

    Raises:
        ImproperlyConfigured: Some settings are written in the other style, and only in it.
    """
    present = {key for key in keys if isinstance(key, str)}
    old = present & OLD_TO_NEW.keys()
    new = present & NEW_TO_OLD.keys()
    style = Style.OLD if len(old) > len(new) else Style.NEW
    strays, rename = (new, NEW_TO_OLD) if style is Style.OLD else (old, OLD_TO_NEW)
    wrong = sorted(name for name in strays if rename[name] not in present)
    if wrong:
        minority = Style.NEW if style is Style.OLD else Style.OLD
        table = "\n".join(f"{name:<36} -> {rename[name]}" for name in wrong)
        raise ImproperlyConfigured(
            _MIXED.format(majority=style.value, minority=minority.value, table=table)
        )
    return style
