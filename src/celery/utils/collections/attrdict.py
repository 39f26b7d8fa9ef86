"""Attributes that are items, and items that are attributes."""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

__all__ = ("AttributeDict", "AttributeDictMixin", "DictAttribute", "force_mapping")


class AttributeDictMixin:
    """Makes the items of a mapping readable and writable as attributes."""

    def __getattr__(self, k: str) -> Any:
        try:
            return self[k]  # type: ignore[index]  # the class it is mixed into is a mapping
        except KeyError:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {k!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value


class AttributeDict(dict[Any, Any], AttributeDictMixin):
    """A dictionary whose items are attributes, too."""


class DictAttribute(MutableMapping[str, Any]):
    """The attributes of an object, as a mapping.

    Reading and setting attributes of the mapping goes to the object as well.

    Args:
        obj: The object: a module, a class, anything.
    """

    obj: Any

    def __init__(self, obj: Any) -> None:
        object.__setattr__(self, "obj", obj)

    def __getattr__(self, key: str) -> Any:
        return getattr(self.obj, key)

    def __setattr__(self, key: str, value: Any) -> None:
        setattr(self.obj, key, value)

    def __getitem__(self, key: str) -> Any:
        try:
            return getattr(self.obj, key)
        except AttributeError:
            raise KeyError(key) from None

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self.obj, key, value)

    def __delitem__(self, key: str) -> None:
        try:
            delattr(self.obj, key)
        except AttributeError:
            raise KeyError(key) from None

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and hasattr(self.obj, key)

    def __iter__(self) -> Iterator[str]:
        return iter(dir(self.obj))

    def __len__(self) -> int:
        return len(dir(self.obj))


def force_mapping(m: Any) -> Mapping[str, Any]:
    """Return a mapping as it is, the attributes of any other object as one."""
    return m if isinstance(m, Mapping) else DictAttribute(m)
