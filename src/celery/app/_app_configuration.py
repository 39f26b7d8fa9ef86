"""The part of the application that is about its settings, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from os import PathLike
from typing import TYPE_CHECKING, Any

from kombu.utils.objects import cached_property

from celery._late import late
from celery._settings.schema_messaging import DEFAULT_SECURITY_DIGEST
from celery.utils.functional import first
from celery.utils.time import timezone

if TYPE_CHECKING:
    from celery.app._config import Configuration

__all__ = ["AppConfiguration"]


class AppConfiguration:
    """Settings, and the time and zone they name. Base of `Celery`."""

    amqp: Any
    loader: Any
    _configuration: Configuration

    @property
    def conf(self) -> Any:
        """The settings; read when the first one is."""
        return self._configuration.settings

    @conf.setter
    def conf(self, value: Mapping[str, Any]) -> None:
        self._configuration.settings.update(value)

    @property
    def configured(self) -> bool:
        """Whether the configuration has been read."""
        return self._configuration.configured

    @property
    def namespace(self) -> str | None:
        """Prefix of the settings' names in the configuration object."""
        return self._configuration.namespace

    def config_from_object(
        self, obj: Any, silent: bool = False, force: bool = False, namespace: str | None = None
    ) -> Any:
        """Take the configuration from an object, a mapping or a module given by name.

        Args:
            silent: no error if the module does not exist.
            force: read it now, not when the first setting is used.
            namespace: prefix of the settings' names there, for example ``CELERY``.
        """
        return self._configuration.from_object(obj, silent=silent, force=force, namespace=namespace)

    def config_from_envvar(
        self, variable_name: str, silent: bool = False, force: bool = False
    ) -> Any:
        """Take the configuration from the module that an environment variable names."""
        return self._configuration.from_envvar(variable_name, silent=silent, force=force)

    def config_from_cmdline(self, argv: list[str], namespace: str = "celery") -> None:
        """Change settings by words such as ``worker.prefetch_multiplier=1``."""
        self._configuration.from_cmdline(argv, namespace)

    def add_defaults(self, fun: Any) -> None:
        """Add defaults, or a function that returns them when the configuration is read."""
        self._configuration.add_defaults(fun)

    def setup_security(
        self,
        allowed_serializers: Iterable[str] | None = None,
        key: str | PathLike[str] | None = None,
        key_password: bytes | str | None = None,
        cert: str | PathLike[str] | None = None,
        store: str | None = None,
        digest: str | None = DEFAULT_SECURITY_DIGEST,
        serializer: str = "json",
    ) -> None:
        """Sign messages and refuse unsigned ones; see `celery.security.setup_security`.

        Args:
            digest: None for the setting `security_digest`. Celery's default for this argument
                passes the setting over, and a fleet has to agree on what it signs with.
        """
        late("celery.security:setup_security")(
            allowed_serializers, key, key_password, cert, store, digest, serializer, app=self
        )

    def either(self, default_key: str, *defaults: Any) -> Any:
        """The first of the values that is not None, else the setting."""
        return first(None, (first(None, defaults), self.conf.get(default_key)))

    def select_queues(self, queues: Any = None) -> None:
        """Consume from these queues only."""
        self.amqp.queues.select(queues)

    def now(self) -> datetime:
        """The current time, aware, in the app's time zone."""
        now: datetime = self.loader.now(utc=True)
        aware = now if now.tzinfo is not None else now.replace(tzinfo=UTC)
        return aware.astimezone(self.timezone)

    def uses_utc_timezone(self) -> bool:
        """Whether the app's time zone is UTC."""
        return bool(self.timezone == timezone.utc)

    @cached_property
    def timezone(self) -> tzinfo:
        """The app's time zone: the setting, else UTC, or local time if `enable_utc` is off."""
        conf = self.conf
        if not conf.timezone:
            return timezone.utc if conf.enable_utc else timezone.local
        zone: tzinfo = timezone.get_timezone(conf.timezone)
        return zone
