"""Modules whose names are imported when they are first read."""

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import ModuleType, new_class
from typing import Any

__all__ = ("LazyModule", "recreate_module")


class LazyModule(ModuleType):
    """A module whose names are imported from where they live when they are first read."""

    _origins: Mapping[str, str] = {}
    _direct: Mapping[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        if name in self._origins:
            value = getattr(import_module(self._origins[name]), name)
        elif name in self._direct:
            value = import_module(self._direct[name])
        else:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._origins, *self._direct})

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        return import_module, (self.__name__,)


def recreate_module(
    name: str,
    compat_modules: Iterable[str] = (),
    by_module: Mapping[str, Iterable[str]] | None = None,
    direct: Mapping[str, str] | None = None,
    base: type[LazyModule] = LazyModule,
    **attrs: Any,
) -> tuple[ModuleType, ModuleType]:
    """Replace the imported module `name` by one that resolves its names lazily.

    Args:
        name: The module, already in :data:`sys.modules`.
        compat_modules: Names of its submodules to be imported when read as attributes.
        by_module: Module name -> the names to be taken from it.
        direct: Attribute -> the module it stands for.
        base: Class of the new module.
        **attrs: Attributes to set at once.

    Returns:
        The replaced module and the new one.
    """
    old = sys.modules[name]
    origins = {item: source for source, items in (by_module or {}).items() for item in items}
    modules = {**(direct or {}), **{item: f"{name}.{item}" for item in compat_modules}}
    found = {"_origins": origins, "_direct": modules}
    new = new_class(base.__name__, (base,), exec_body=lambda ns: ns.update(found))(name)
    new.__doc__ = old.__doc__
    kept = ("__file__", "__path__", "__spec__", "__package__", "__loader__")
    new.__dict__.update({key: old.__dict__[key] for key in kept if key in old.__dict__})
    new.__dict__["__all__"] = (*origins, *modules)
    new.__dict__.update(attrs)
    sys.modules[name] = new
    return old, new
