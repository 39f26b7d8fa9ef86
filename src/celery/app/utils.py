"""Settings of an application, finding an application by name, pickling and describing one."""

import platform
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any, Final

from celery._settings import Settings, Style, default_values
from celery._settings.censor import HIDDEN_SETTINGS, sanitize_url
from celery._settings.censor import censor as filter_hidden_settings
from celery._settings.detect import detect_style, old_names
from celery._settings.names import with_underscore
from celery._version import __version__
from celery.utils.imports import import_from_cwd, symbol_by_name

__all__ = (
    "HIDDEN_SETTINGS",
    "AppPickler",
    "Settings",
    "appstr",
    "bugreport",
    "detect_settings",
    "filter_hidden_settings",
    "find_app",
    "sanitize_url",
)

_REPORT: Final = """
software -> celery:{celery} kombu:{kombu} py:{python}
            billiard:{billiard} {driver}
platform -> system:{system} arch:{arch}
            kernel version:{kernel} imp:{implementation}
loader   -> {loader}
settings -> transport:{transport} results:{results}

{settings}
"""


def detect_settings(
    conf: Mapping[str, Any],
    preconf: MutableMapping[str, Any] | None = None,
    ignore_keys: Iterable[str] = (),
    prefix: str | None = None,
) -> Settings:
    """Put a configuration, the changes made before it was read, and the defaults together.

    Args:
        conf: The configuration.
        preconf: The changes.  When `conf` is empty, it is them that show the naming style.
        ignore_keys: Changes that do not show it.
        prefix: Namespace of the names in `conf`; there is only one style in a namespace.

    Raises:
        ImproperlyConfigured: New and old names are mixed.
    """
    preconf = {} if preconf is None else preconf
    keys = list(conf) or [key for key in preconf if key not in set(ignore_keys)]
    style = Style.NEW if prefix else detect_style(keys)
    deprecated = old_names(keys)
    if prefix:
        start = with_underscore(prefix)
        deprecated = frozenset(name for name in deprecated if not name.startswith(start))
    return Settings(
        preconf, [conf, default_values(style)], prefix=prefix, deprecated_settings=deprecated
    )


# Finding an application


def find_app(
    app: Any,
    symbol_by_name: Callable[..., Any] = symbol_by_name,
    imp: Callable[[str], Any] = import_from_cwd,
) -> Any:
    """Return the application that the argument of ``celery -A`` means.

    ``proj.tasks:app`` and ``proj.tasks.app`` name it.  ``proj`` names a module, in which it is the
    attribute ``app`` or ``celery``, else, in a package, in its module ``celery``, else the
    attribute that is an application.

    Raises:
        AttributeError: The module has no application.
        ImportError: The module cannot be imported.
    """
    found = _named(app, symbol_by_name, imp) if isinstance(app, str) else app
    return _app_in(found, imp) if isinstance(found, ModuleType) else found


def _named(name: str, symbol_by_name: Callable[..., Any], imp: Callable[[str], Any]) -> Any:
    module, colon, attribute = name.partition(":")
    if colon and attribute:
        return symbol_by_name(name, imp=imp)
    # "proj.celery" may be an attribute of proj, or a module that was not imported yet.
    package, _, attribute = module.rpartition(".")
    if package and hasattr(found := imp(package), attribute):
        return getattr(found, attribute)
    return imp(module)


def _app_in(module: ModuleType, imp: Callable[[str], Any]) -> Any:
    for name in ("app", "celery"):
        candidate = getattr(module, name, None)
        if candidate is not None and not isinstance(candidate, ModuleType):
            return candidate
    failure: Exception = AttributeError(
        f"Module {module.__name__!r} has no application: none of its attributes is one, "
        "neither `app` nor `celery` nor another"
    )
    if hasattr(module, "__path__"):
        try:
            return _app_in(imp(f"{module.__name__}.celery"), imp)
        except (AttributeError, ImportError) as exc:
            # Without such a module it is the package that has no application.
            if getattr(exc, "name", None) != f"{module.__name__}.celery":
                failure = exc
    for candidate in vars(module).values():
        if _is_app(candidate):
            return candidate
    raise failure


def _is_app(candidate: object) -> bool:
    # By its shape: the class stands above this module.
    return not isinstance(candidate, type) and all(
        callable(getattr(type(candidate), method, None))
        for method in ("send_task", "config_from_object", "autodiscover_tasks")
    )


# Describing


def appstr(app: Any) -> str:
    """Return how an application is called in listings: its name and its place in memory."""
    return f"{app.main or '__main__'} at {id(app):#x}"


def bugreport(app: Any) -> str:
    """Return what a bug report should say of the machine and of `app`, without secrets."""
    driver, transport = _broker_of(app)
    return _REPORT.format(
        celery=__version__,
        kombu=_version_of("kombu"),
        billiard=_version_of("billiard"),
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        system=platform.system(),
        arch=", ".join(part for part in platform.architecture() if part),
        kernel=platform.release(),
        driver=driver,
        transport=transport,
        loader=f"{type(app.loader).__module__}.{type(app.loader).__qualname__}",
        results=sanitize_url(str(app.conf.result_backend or _default_results(app))),
        settings=app.conf.humanize(),
    )


def _default_results(app: Any) -> str:
    return "disabled" if app.conf.broker_url else "sqlite"


def _broker_of(app: Any) -> tuple[str, str]:
    # A report is asked for when something is wrong, perhaps with the broker: it names what is.
    try:
        transport = app.connection_for_write().transport
        return f"{transport.driver_name}:{transport.driver_version()}", transport.driver_type
    except Exception as exc:
        return "", f"unknown ({type(exc).__name__}: {exc})"


def _version_of(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


# Pickling


class AppPickler:
    """Makes an application anew from what was kept of it, for subclasses that keep more."""

    def __call__(self, cls: type, *args: Any) -> Any:
        """Return the application that `args` were kept of."""
        kwargs = self.build_kwargs(*args)
        app = self.construct(cls, **kwargs)
        self.prepare(app, **kwargs)
        return app

    def prepare(self, app: Any, **kwargs: Any) -> None:
        """Finish `app`: put back the changes made to its settings."""
        app.conf.update(kwargs["changes"])

    def build_kwargs(self, *args: Any) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return self.build_standard_kwargs(*args)

    def build_standard_kwargs(  # noqa: PLR0913  # the parts of a pickle, in its order
        self,
        main: str | None,
        changes: Mapping[str, Any],
        loader: Any,
        backend: Any,
        amqp: Any,
        events: Any,
        log: Any,
        control: Any,
        accept_magic_kwargs: bool,
        config_source: Any = None,
        config_source_silent: bool = False,
    ) -> dict[str, Any]:
        """Return, by name, what an application of the standard class is constructed from."""
        return {
            "main": main,
            "changes": changes,
            "loader": loader,
            "backend": backend,
            "amqp": amqp,
            "events": events,
            "log": log,
            "control": control,
            "config_source": config_source,
            "config_source_silent": config_source_silent,
            "set_as_current": False,
        }

    def construct(self, cls: type, **kwargs: Any) -> Any:
        """Return a new application."""
        return cls(**kwargs)


# These two names stand in pickles, also in those of Celery.


def _unpickle_app(cls: type, pickler: type[AppPickler], *args: Any) -> Any:
    return pickler()(cls, *args)


def _unpickle_app_v2(cls: type, kwargs: dict[str, Any]) -> Any:
    return cls(**{**kwargs, "set_as_current": False})
