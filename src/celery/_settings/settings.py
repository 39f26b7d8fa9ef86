"""Settings: layers of settings that are read as one mapping, or as attributes."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from itertools import chain
from types import ModuleType
from typing import Any, Final

from celery._settings.censor import censor
from celery._settings.environment import ENVIRONMENT
from celery._settings.names import OLD_TO_NEW, spellings, with_underscore
from celery._settings.option import SearchResult, find
from celery._settings.schema import SETTINGS_BY_NAME
from celery.exceptions import CDeprecationWarning

__all__ = ("Settings",)

_MISSING: Final = object()

#: What an attribute is when its setting is not set.  Reading by item shows the setting itself.
_FALLBACKS: Final[Mapping[str, tuple[str, ...]]] = {
    "broker_url": ("broker_host",),
    "broker_read_url": ("broker_url", "broker_host"),
    "broker_write_url": ("broker_url", "broker_host"),
    "task_default_exchange": ("task_default_queue",),
    "task_default_routing_key": ("task_default_queue",),
    "timezone": ("TIME_ZONE",),
}


class Settings(MutableMapping[str, Any]):
    """Settings in layers, the first layer that has a setting giving its value.

    The layers are, from the top: the environment (``CELERY_BROKER_URL`` and the three like it),
    the changes, and the lower ones: in an app, its added defaults, the configuration it was
    given, and Celery's defaults, which come last.  Writing a setting changes the changes.

    A setting is found under its new and its old name alike, whichever of them was used to set it.
    Old and new name are one setting: writing it under one takes back what was written under the
    other.

    An attribute is the setting of that name; some that are unset have a value all the same
    (``broker_read_url`` is then ``broker_url``).

    Args:
        changes: The uppermost layer; it is kept, not copied.
        defaults: The lower layers, the last one the defaults of everything.
        prefix: Namespace of names in the lower layers: with ``CELERY``, the setting ``broker_url``
            is looked for as ``CELERY_BROKER_URL`` first.
        deprecated_settings: Old names that the configuration uses.
    """

    __slots__ = ("__weakref__", "_changes", "_defaults", "_deprecated", "_observers", "_prefix")

    _changes: MutableMapping[str, Any]
    _defaults: list[Mapping[str, Any]]
    _deprecated: frozenset[str]
    _observers: list[Callable[..., object]]
    _prefix: str

    def __init__(
        self,
        changes: MutableMapping[str, Any] | None = None,
        defaults: Iterable[Mapping[str, Any]] | None = None,
        *,
        prefix: str | None = None,
        deprecated_settings: Iterable[str] = (),
    ) -> None:
        _set(self, "_changes", {} if changes is None else changes)
        _set(self, "_defaults", list(defaults or ()))
        _set(self, "_deprecated", frozenset(deprecated_settings))
        _set(self, "_observers", [])
        _set(self, "_prefix", with_underscore(prefix))

    # Reading

    def _make_ready(self) -> None:
        """Called before anything is read: settings that are read late are read now."""

    def _layers(self) -> Iterator[Mapping[str, Any]]:
        self._make_ready()
        return chain((ENVIRONMENT, self._changes), self._defaults)

    def __getitem__(self, key: str) -> Any:
        if isinstance(key, str):
            layers = self._layers()
            names = spellings(key, self._prefix)
            for layer in layers:
                for name in names:
                    value = layer.get(name, _MISSING)
                    if value is not _MISSING:
                        return value
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        # Defaults first: a listing stays in the order of the documentation.
        layers = list(self._layers())
        return iter(dict.fromkeys(chain.from_iterable(reversed(layers))))

    def __len__(self) -> int:
        return len(set(chain.from_iterable(self._layers())))

    def __getattr__(self, name: str) -> Any:
        # Only settings: a look for some protocol's method must not make the configuration be read.
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        try:
            value = self[name]
        except KeyError:
            raise AttributeError(f"There is no setting {name!r}") from None
        if value is None:
            return self.first(*_FALLBACKS.get(OLD_TO_NEW.get(name, name), ()))
        return value

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *SETTINGS_BY_NAME, *self._changes})

    def first(self, *keys: str) -> Any:
        """Return the first of the settings `keys` that is set and not None, or None."""
        return next((value for key in keys if (value := self.get(key)) is not None), None)

    def find_option(self, name: str, namespace: str = "") -> SearchResult:
        """Return the description of a setting given by its full name or by its key alone.

        Raises:
            KeyError: There is no such setting.
        """
        return find(name, namespace)

    def find_value_for_key(self, name: str, namespace: str = "celery") -> Any:
        """Return the value of a setting given by its key: ``("serializer", "result")``.

        Raises:
            KeyError: There is no such setting.
        """
        found = self.find_option(name, namespace)
        return self.get_by_parts(found.namespace, found.key)

    def get_by_parts(self, *parts: str | None) -> Any:
        """Return the setting whose name is `parts` joined: ``("task", "serializer")``."""
        return self["_".join(part for part in parts if part)]

    def value_set_for(self, key: str) -> bool:
        """Tell whether anything but the defaults says what the setting `key` is."""
        return key in self.without_defaults()

    def finalize(self) -> "Settings":
        """Read the settings now, if that is still to be done."""
        self._make_ready()
        return self

    # Writing

    def __setitem__(self, key: str, value: Any) -> None:
        for name in spellings(key, self._prefix):
            self._changes.pop(name, None)
        self._changes[key] = value

    def __delitem__(self, key: str) -> None:
        present = [name for name in spellings(key, self._prefix) if name in self._changes]
        if not present:
            raise KeyError(f"{key!r} is not among the changes: only they can be taken back")
        for name in present:
            del self._changes[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or hasattr(type(self), name):
            raise AttributeError(
                f"{name!r} cannot be set as an attribute, it is one of {type(self).__name__}'s own"
            )
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError as exc:
            raise AttributeError(str(exc)) from None

    def pop(self, key: str, *default: Any) -> Any:
        """Take back a change and return it; `default`, or KeyError, when there is none."""
        for name in spellings(key, self._prefix):
            if name in self._changes:
                value = self._changes[name]
                del self[key]
                return value
        if default:
            return default[0]
        raise KeyError(f"{key!r} is not among the changes: only they can be taken back")

    def popitem(self) -> tuple[str, Any]:
        """Take back the last change and return its name and value."""
        return self._changes.popitem()

    def clear(self) -> None:
        """Take back all changes."""
        self._changes.clear()

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Change many settings, and tell the callbacks of :meth:`bind_to`, with the arguments."""
        super().update(*args, **kwargs)
        for callback in self._observers:
            callback(*args, **kwargs)

    def bind_to(self, callback: Callable[..., object]) -> None:
        """Have `callback` called with the arguments of each later :meth:`update`."""
        self._observers.append(callback)

    def add_defaults(self, defaults: Mapping[str, Any]) -> None:
        """Put `defaults` under the changes, and above the configuration and Celery's defaults."""
        self._make_ready()
        self._defaults.insert(0, defaults)

    # The layers

    @property
    def changes(self) -> MutableMapping[str, Any]:
        """What was written, by the program and by the arguments of the application."""
        return self._changes

    @property
    def defaults(self) -> list[Mapping[str, Any]]:
        """The layers below the changes."""
        self._make_ready()
        return self._defaults

    @property
    def maps(self) -> list[Mapping[str, Any]]:
        """The changes and the layers below them."""
        return [self.changes, *self.defaults]

    @property
    def prefix(self) -> str:
        """What names in the configuration begin with: ``CELERY_``, or nothing."""
        self._make_ready()
        return self._prefix

    def swap_with(self, other: "Settings") -> None:
        """Take over the layers of `other`; these settings' own changes stand above its changes."""
        for name, value in other.changes.items():
            self._changes.setdefault(name, value)
        _set(self, "_defaults", other.defaults)
        _set(self, "_deprecated", other.deprecated_settings)
        _set(self, "_prefix", other.prefix)

    def without_defaults(self) -> "Settings":
        """Return the same settings without the lowest layer."""
        return Settings(self._changes, self.defaults[:-1], prefix=self._prefix)

    def copy(self) -> "Settings":
        """Return settings that can be changed without changing these; lower layers are shared."""
        defaults = self.defaults
        return Settings(
            dict(self._changes),
            defaults,
            prefix=self._prefix,
            deprecated_settings=self._deprecated,
        )

    __copy__ = copy

    def __reduce__(self) -> tuple[Callable[..., "Settings"], tuple[Any, ...]]:
        # A configuration module is pickled as the settings that are in it.
        defaults = [_plain(layer) for layer in self.defaults]
        return _rebuild, (dict(self._changes), defaults, self._prefix, self._deprecated)

    # Showing

    def table(self, with_defaults: bool = False, censored: bool = True) -> dict[str, Any]:
        """Return the settings as a dict.

        Args:
            with_defaults: Also those that were not changed from Celery's defaults.
            censored: Hide secrets.
        """
        source = self if with_defaults else self.without_defaults()
        shown = {key: value for key, value in source.items() if not key.startswith("_")}
        return censor(shown) if censored else shown

    def humanize(self, with_defaults: bool = False, censored: bool = True) -> str:
        """Return :meth:`table` as text, a line for each setting."""
        table = self.table(with_defaults, censored)
        return "\n".join(f"{key}: {value!r}" for key, value in table.items())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.table()!r})"

    # Deprecated names

    @property
    def deprecated_settings(self) -> frozenset[str]:
        """The old names that the configuration uses."""
        self._make_ready()
        return self._deprecated

    def maybe_warn_deprecated_settings(self) -> bool:
        """Warn of each old name in the configuration; tell whether there was one."""
        for name in sorted(self.deprecated_settings):
            warnings.warn(
                f"The setting {name} is now named {OLD_TO_NEW[name]}; the old name will be removed "
                "in version 6.  `celery upgrade settings <file>` renames all of them.",
                CDeprecationWarning,
                stacklevel=2,
            )
        return bool(self.deprecated_settings)


def _set(settings: Settings, slot: str, value: object) -> None:
    """Set an attribute of the object itself, as plain assignment would write a setting."""
    object.__setattr__(settings, slot, value)


def _plain(layer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in layer.items()
        if not key.startswith("__") and not isinstance(value, ModuleType)
    }


def _rebuild(
    changes: dict[str, Any],
    defaults: list[Mapping[str, Any]],
    prefix: str,
    deprecated: frozenset[str],
) -> Settings:
    return Settings(changes, defaults, prefix=prefix, deprecated_settings=deprecated)
