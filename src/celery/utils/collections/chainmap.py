"""Mappings one upon the other: the first that has a key answers, the topmost takes changes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Self

from celery.utils.collections.attrdict import AttributeDictMixin
from celery.utils.text import match_case

__all__ = ("ChainMap", "ConfigurationView", "lpmerge")

KeyFunction = Callable[[Any], Any]


def lpmerge(L: MutableMapping[Any, Any], R: Mapping[Any, Any]) -> MutableMapping[Any, Any]:
    """Update `L` with the items of `R` that are not ``None``; return `L`."""
    L.update({key: value for key, value in R.items() if value is not None})
    return L


class ChainMap(MutableMapping[Any, Any]):
    """Several mappings as one.

    Reading looks at them one after the other; only the first takes changes.

    Args:
        *maps: The mappings, the one that counts first.
        key_t: Applied to keys before they are used.
    """

    key_t: KeyFunction | None
    #: The first mapping.
    changes: MutableMapping[Any, Any]
    #: The other mappings.
    defaults: list[Mapping[Any, Any]]
    maps: list[Any]
    _observers: list[Callable[..., Any]]

    def __init__(self, *maps: Mapping[Any, Any], key_t: KeyFunction | None = None) -> None:
        layers = list(maps or ({},))
        self._set(key_t=key_t, maps=layers, changes=layers[0], defaults=layers[1:], _observers=[])

    def _set(self, **attributes: Any) -> None:
        """Set attributes of this object: a subclass may make its items attributes."""
        self.__dict__.update(attributes)

    def add_defaults(self, d: Any) -> None:
        """Put a mapping right below the one that takes changes."""
        self.defaults.insert(0, d)
        self.maps.insert(1, d)

    def bind_to(self, callback: Callable[..., Any]) -> None:
        """Have `callback` called with the arguments of each :meth:`update`."""
        self._observers.append(callback)

    def _key(self, key: Any) -> Any:
        return self.key_t(key) if self.key_t is not None else key

    def __getitem__(self, key: Any) -> Any:
        wanted = self._key(key)
        for mapping in self.maps:
            try:
                return mapping[wanted]
            except KeyError:
                continue
        return self.__missing__(key)

    def __missing__(self, key: Any) -> Any:
        """Return the value of a key that is in none of the mappings."""
        raise KeyError(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.changes[self._key(key)] = value

    def __delitem__(self, key: Any) -> None:
        try:
            del self.changes[self._key(key)]
        except KeyError:
            raise KeyError(f"Key not found in first mapping: {key!r}") from None

    def __contains__(self, key: Any) -> bool:
        wanted = self._key(key)
        return any(wanted in mapping for mapping in self.maps)

    def __iter__(self) -> Iterator[Any]:
        """Yield each key once, those of the lowest mapping first."""
        return iter(dict.fromkeys(key for mapping in reversed(self.maps) for key in mapping))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return any(self.maps)

    def pop(self, key: Any, *default: Any) -> Any:
        """Remove a key from the first mapping, and return its value.

        Raises:
            KeyError: It is not there, and there is no default.
        """
        try:
            return self.changes.pop(self._key(key), *default)
        except KeyError:
            raise KeyError(f"Key not found in the first mapping: {key!r}") from None

    def clear(self) -> None:
        """Forget all changes."""
        self.changes.clear()

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Change several items, and tell whoever is bound to it."""
        self.changes.update(*args, **kwargs)
        for callback in self._observers:
            callback(*args, **kwargs)

    def copy(self) -> Self:
        """Return a copy that takes changes of its own; the other mappings are the same."""
        return type(self)(dict(self.maps[0]), *self.maps[1:], key_t=self.key_t)

    __copy__ = copy

    @classmethod
    def fromkeys(cls, iterable: Iterable[Any], value: Any = None) -> Self:
        """Make one with these keys, all having the same value."""
        return cls(dict.fromkeys(iterable, value))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.maps))})"


class ConfigurationView(ChainMap, AttributeDictMixin):
    """Settings: changes over defaults, as items and as attributes.

    Args:
        changes: What was set; takes further changes.
        defaults: Mappings below, the one that counts first.
        keys: Functions that give other names a key is known by.
        prefix: Looked for first, put before the key (in the case of the prefix).
    """

    # Found on the class while an object is being unpickled: its own attributes are items.
    maps = []
    prefix = ""
    _keys: tuple[Callable[[str], str | None], ...] = ()

    def __init__(
        self,
        changes: Mapping[str, Any],
        defaults: Iterable[Mapping[str, Any]] | None = None,
        keys: Iterable[Callable[[str], str | None]] | None = None,
        prefix: str | None = None,
    ) -> None:
        super().__init__(changes, *(defaults or ()))
        prefix = f"{prefix.rstrip('_')}_" if prefix else ""
        self._set(prefix=prefix, _keys=tuple(keys or ()))

    def _to_keys(self, key: str) -> tuple[str, ...]:
        """Return the names to look for, in that order."""
        prefix = self.prefix
        prefixed = prefix + match_case(key, prefix) if prefix else None
        if prefixed and key.startswith(prefix):
            prefixed = None
        others = (other(key) for other in self._keys)
        return tuple(dict.fromkeys(name for name in (prefixed, key, *others) if name))

    def __getitem__(self, key: str) -> Any:
        names = self._to_keys(key)
        # Mapping by mapping: what was set under any of the names counts more than a default.
        for mapping in self.maps:
            for name in names:
                if name in mapping:
                    return mapping[name]
        return self.__missing__(key)

    def __contains__(self, key: Any) -> bool:
        return any(super(ConfigurationView, self).__contains__(name) for name in self._to_keys(key))

    def first(self, *keys: str) -> Any:
        """Return the first value that is not ``None``, of the keys in this order."""
        values = (self.get(key) for key in keys)
        return next((value for value in values if value is not None), None)

    def swap_with(self, other: "ConfigurationView") -> None:
        """Become the same as `other`, sharing its mappings."""
        names = ("changes", "defaults", "key_t", "prefix", "_keys", "maps")
        self._set(**{name: other.__dict__[name] for name in names})

    def copy(self) -> Self:
        """Return a copy that takes changes of its own."""
        return type(self)(dict(self.maps[0]), self.maps[1:], self._keys, self.prefix)

    __copy__ = copy
