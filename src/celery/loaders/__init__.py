"""Loaders: where configuration comes from, and which modules hold the tasks."""

from typing import Any, Final

from celery.utils.imports import import_from_cwd, symbol_by_name

__all__ = ("LOADER_ALIASES", "get_loader_cls")

#: Short names of loaders.
LOADER_ALIASES: Final[dict[str, str]] = {
    "app": "celery.loaders.app:AppLoader",
    "default": "celery.loaders.default:Loader",
}


def get_loader_cls(loader: Any) -> Any:
    """Return a loader class, given itself, by alias or as ``"module:Class"``.

    Raises:
        ImportError, AttributeError: There is no such class.
    """
    return symbol_by_name(loader, LOADER_ALIASES, imp=import_from_cwd)
