"""When and from where an application's configuration is read.

::

    PENDING ── first reading of a setting ──> READING ──> READ
       ^                                         │          │
       ├──────────── an error, raised ───────────┘          │
       └──── config_from_object() on a configured app ──────┘

Nothing is read before the first setting is: an application can be made, told where its
configuration is and imported from everywhere, and none of that needs the configuration to exist.
What the program writes in the meantime is kept, and stands above what is read.

While reading, the thread that reads may ask for settings (a receiver of ``on_configure`` may): it
sees what was written so far and the defaults.  Other threads wait.
"""

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from enum import Enum
from threading import RLock
from typing import Any, Protocol

from celery._settings import Settings, default_values
from celery._settings.unknown import unknown_settings
from celery.app.utils import detect_settings
from celery.exceptions import ImproperlyConfigured, UnknownSettingWarning

__all__ = ("ConfigLoader", "Configuration", "PendingConfiguration")

Defaults = Mapping[str, Any] | Callable[[], Mapping[str, Any]]


class ConfigLoader(Protocol):
    """What reading a configuration needs of an application's loader."""

    @property
    def conf(self) -> Mapping[str, Any] | None:
        """The configuration: the object given, else the module the environment names, or None."""

    def config_from_object(self, obj: Any, silent: bool = False) -> bool:
        """Make `obj`, perhaps a dotted name, the configuration."""

    def cmdline_config_parser(self, args: Any, namespace: str = "celery") -> Mapping[str, Any]:
        """Read settings from the words of a command line."""


class _State(Enum):
    PENDING = "pending"
    READING = "reading"
    READ = "read"


class PendingConfiguration(Settings):
    """Settings that are read when they are needed.

    Args:
        conf: What is written before and after the reading.
        callback: Reads the configuration.  An error it raises reaches whoever asked for the
            setting, and the next one to ask has it read again.
        after: Called with the settings once they are read.
    """

    __slots__ = ("_after", "_callback", "_lock", "_state")

    _after: Callable[[Settings], object] | None
    _callback: Callable[[], Settings]
    _lock: RLock
    _state: _State

    def __init__(
        self,
        conf: MutableMapping[str, Any],
        callback: Callable[[], Settings],
        after: Callable[[Settings], object] | None = None,
    ) -> None:
        super().__init__(conf)
        object.__setattr__(self, "_after", after)
        object.__setattr__(self, "_callback", callback)
        object.__setattr__(self, "_lock", RLock())
        object.__setattr__(self, "_state", _State.PENDING)

    @property
    def configured(self) -> bool:
        """Whether the configuration was read."""
        return self._state is _State.READ

    @property
    def data(self) -> Settings:
        """The settings themselves, read now if they were not."""
        return self.finalize()

    def reread(self) -> None:
        """Have the configuration read anew when the next setting is; changes are kept."""
        with self._lock:
            object.__setattr__(self, "_state", _State.PENDING)

    def _make_ready(self) -> None:
        if self._state is _State.READ:
            return
        with self._lock:
            if self._state is _State.PENDING:
                self._read()

    def _read(self) -> None:
        object.__setattr__(self, "_state", _State.READING)
        object.__setattr__(self, "_defaults", [default_values()])
        try:
            self.swap_with(self._callback())
        except BaseException:
            object.__setattr__(self, "_state", _State.PENDING)
            raise
        object.__setattr__(self, "_state", _State.READ)
        if self._after is not None:
            self._after(self)

    def __repr__(self) -> str:
        if self._state is _State.READ:
            return super().__repr__()
        return f"<{type(self).__name__}: {self._state.value}>"


class Configuration:
    """The configuration of one application: where it is, and the settings once they are read.

    Args:
        loader: Returns the application's loader, which may itself be made late.
        changes: Settings the application was constructed with.
        constructor_keys: Those of them that were arguments named by us, and therefore say nothing
            about the style the user writes settings in.
        source: The configuration: an object, or the dotted name of one.
        silent: Go without if `source` cannot be imported.
        namespace: What settings' names begin with in the configuration.
        before: Called before the configuration is read (``on_configure``).
        after: Called with the settings when they were read (``on_after_configure``).
    """

    def __init__(
        self,
        *,
        loader: Callable[[], ConfigLoader],
        changes: Mapping[str, Any] | None = None,
        constructor_keys: Iterable[str] = (),
        source: Any = None,
        silent: bool = False,
        namespace: str | None = None,
        before: Callable[[], object] | None = None,
        after: Callable[[Settings], object] | None = None,
    ) -> None:
        self.source = source
        self.silent = silent
        self.namespace = namespace
        self.settings = PendingConfiguration(dict(changes or {}), self._read, after)
        self._loader = loader
        self._constructor_keys = frozenset(constructor_keys)
        self._before = before
        self._added_defaults: list[Defaults] = []
        self._warned: set[str] = set()

    @property
    def configured(self) -> bool:
        """Whether the configuration was read."""
        return self.settings.configured

    def from_object(
        self,
        obj: Any,
        *,
        silent: bool = False,
        force: bool = False,
        namespace: str | None = None,
    ) -> Settings | None:
        """Take the configuration from `obj`: a mapping, module, class, or a dotted name.

        Returns:
            The settings, when they are read at once: by `force`, or as they were read before.

        Raises:
            ImportError: It was read at once, `silent` is false, and there is no such module.
        """
        self.source = obj
        self.silent = silent
        self.namespace = namespace or self.namespace
        if not (force or self.configured):
            return None
        self.settings.reread()
        return self.settings.finalize()

    def from_envvar(
        self, variable: str, *, silent: bool = False, force: bool = False
    ) -> Settings | bool | None:
        """Take the configuration from the module that an environment variable names.

        Returns:
            As :meth:`from_object`; False if the variable is not set and `silent` is true.

        Raises:
            ImproperlyConfigured: The variable is not set.
        """
        module = os.environ.get(variable)
        if module:
            return self.from_object(module, silent=silent, force=force)
        if silent:
            return False
        raise ImproperlyConfigured(
            f"The environment variable {variable!r}, which is to name the configuration module, is "
            f'not set.  Set it, for example: {variable}="proj.celeryconfig"'
        )

    def from_cmdline(self, argv: list[str], namespace: str = "celery") -> None:
        """Change the settings given as words of a command line: ``worker.concurrency=10``."""
        self.settings.update(self._loader().cmdline_config_parser(argv, namespace))

    def add_defaults(self, defaults: Defaults) -> None:
        """Add defaults, or a function that will return them when the configuration is read."""
        self._added_defaults.append(defaults)
        if self.configured:
            self.settings.add_defaults(_evaluated(defaults))

    def _read(self) -> Settings:
        if self._before is not None:
            self._before()
        loader = self._loader()
        if self.source is not None:
            loader.config_from_object(self.source, silent=self.silent)
        configuration = {} if loader.conf is None else loader.conf
        settings = detect_settings(
            configuration,
            self.settings.changes,
            ignore_keys=self._constructor_keys,
            prefix=self.namespace,
        )
        self._warn_of_unknown(self.settings.changes, None)
        self._warn_of_unknown(configuration, self.namespace)
        for defaults in self._added_defaults:
            settings.add_defaults(_evaluated(defaults))
        return settings

    def _warn_of_unknown(self, source: Mapping[str, Any], namespace: str | None) -> None:
        for unknown in unknown_settings(source, namespace):
            if unknown.name not in self._warned:
                self._warned.add(unknown.name)
                warnings.warn(str(unknown), UnknownSettingWarning, stacklevel=2)


def _evaluated(defaults: Defaults) -> Mapping[str, Any]:
    return defaults() if callable(defaults) else defaults
