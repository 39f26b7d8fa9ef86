"""One setting as a value: its names, type, default and meaning."""

from typing import Any, Literal, NamedTuple, TypeAlias

__all__ = ("Row", "Setting", "SettingType", "rows")

SettingType: TypeAlias = Literal[
    "any", "bool", "bytes", "dict", "float", "int", "list", "str", "string", "tuple"
]

#: A line of a table: key, type, default, old name, doc.
Row: TypeAlias = tuple[str, SettingType, Any, str, str]


# A named tuple and not a dataclass: this module is on the way of ``import celery``, and
# ``dataclasses`` would more than double what it costs to load.
class Setting(NamedTuple):
    """What is known of one setting.

    The default is shared: copy it before handing it to a user, who may change it in place.
    """

    namespace: str
    """The first word of the name; empty for the settings that stand alone (``timezone``)."""
    key: str
    type: SettingType
    """What a value given as text, on the command line, is turned into."""
    default: Any
    old: str
    """The upper-case name used before lower-case names came, or empty."""
    doc: str

    @property
    def name(self) -> str:
        """The full name: ``broker_url``."""
        return f"{self.namespace}_{self.key}" if self.namespace else self.key


def rows(namespace: str, *table: Row) -> tuple[Setting, ...]:
    """Return the settings of one namespace, in the order of its table."""
    return tuple(Setting(namespace, *row) for row in table)
