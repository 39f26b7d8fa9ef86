"""The public description of a setting: ``Option``, and what a search for one finds."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from celery._settings.convert import convert
from celery._settings.schema import SETTINGS, SETTINGS_BY_NAME
from celery._settings.setting import Setting, SettingType

__all__ = ("NAMESPACES", "Option", "SearchResult", "find")


class Option:
    """The type, default and old names of one setting."""

    alt: str | None = None
    """What to use instead, if the setting is deprecated."""
    deprecate_by: str | None = None
    remove_by: str | None = None
    old: Iterable[str] = ()

    def __init__(
        self, default: Any = None, *, type: SettingType = "string", **attributes: Any
    ) -> None:
        self.default = default
        self.type = type
        self.__dict__.update(attributes)

    def to_python(self, value: Any) -> Any:
        """Return `value`, perhaps text from a command line, as the setting's type."""
        return convert(value, self.type)

    def __repr__(self) -> str:
        return f"<Option: type->{self.type} default->{self.default!r}>"


class SearchResult(NamedTuple):
    """Where a setting was found; `namespace` is None for a name given in full."""

    namespace: str | None
    key: str
    type: Option


def _option(setting: Setting) -> Option:
    return Option(setting.default, type=setting.type, old={setting.old}, doc=setting.doc)


def _by_namespace() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for setting in SETTINGS:
        group = found.setdefault(setting.namespace, {}) if setting.namespace else found
        group[setting.key] = _option(setting)
    return found


#: Namespace -> key -> option; settings without a namespace stand beside the namespaces.
NAMESPACES: dict[str, Any] = _by_namespace()


def find(name: str, namespace: str = "celery") -> SearchResult:
    """Return the setting `name` means: in `namespace`, else in the first that has it, else in full.

    Raises:
        KeyError: There is no such setting.
    """
    name = name.lower()
    preferred = NAMESPACES.get(namespace)
    if isinstance(preferred, dict) and name in preferred:
        return SearchResult(namespace, name, preferred[name])
    for candidate, options in NAMESPACES.items():
        if isinstance(options, dict) and name in options:
            return SearchResult(candidate, name, options[name])
    setting = SETTINGS_BY_NAME.get(name)
    if setting is None:
        raise KeyError(name)
    options = NAMESPACES[setting.namespace] if setting.namespace else NAMESPACES
    return SearchResult(None, name, options[setting.key])
