"""Finding modules, classes and extensions by name."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module, reload
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

__all__ = (
    "NotAPackage",
    "cwd_in_path",
    "find_module",
    "gen_task_name",
    "import_from_cwd",
    "instantiate",
    "load_extension_class_names",
    "load_extension_classes",
    "module_file",
    "qualname",
    "reload_from_cwd",
    "symbol_by_name",
)


class NotAPackage(Exception):
    """Raised for ``a.b`` when ``a`` is a module that has no submodules."""


def qualname(obj: Any) -> str:
    """Return the dotted name of a class or function; of an object, that of its class."""
    if not hasattr(obj, "__qualname__"):
        obj = obj.__name__ if isinstance(obj, ModuleType) else type(obj)
    if isinstance(obj, str):
        return obj
    module = obj.__module__
    return f"{module}.{obj.__qualname__}" if module else str(obj.__qualname__)


def symbol_by_name(
    name: Any,
    aliases: Mapping[str, Any] | None = None,
    imp: Callable[..., ModuleType] | None = None,
    package: str | None = None,
    sep: str = ".",
    default: Any = None,
    **kwargs: Any,
) -> Any:
    """Return what a dotted name stands for, importing its module.

    >>> symbol_by_name("celery.utils.objects:Bunch")
    <class 'celery.utils.objects.Bunch'>

    Args:
        name: ``"package.module:name"`` or ``"package.module.name"``; a name without either is a
            module.  Anything but a string is returned as it is.
        aliases: Short names -> names.
        imp: How to import a module.
        package: Package that relative names start from.
        sep: What separates the module from the name in it, if there is no colon.
        default: What to return if it cannot be found.
        **kwargs: Passed to `imp`.

    Raises:
        ImportError: The module cannot be imported.
        AttributeError: It has nothing of that name.
        ValueError: The name is not well-formed.
    """
    if not isinstance(name, str):
        return name
    target = (aliases or {}).get(name) or name
    if not isinstance(target, str):
        return target
    module_name, _, attribute = target.rpartition(":" if ":" in target else sep)
    if not module_name:
        module_name, attribute = package or attribute, "" if not package else attribute
    try:
        try:
            module = (imp or import_module)(module_name, package=package, **kwargs)
        except ValueError as exc:
            raise ValueError(f"Couldn't import {target!r}: {exc}") from exc
        return getattr(module, attribute) if attribute else module
    except (ImportError, AttributeError):
        if default is None:
            raise
        return default


def instantiate(name: Any, *args: Any, **kwargs: Any) -> Any:
    """Make an object of the class `name` stands for."""
    return symbol_by_name(name)(*args, **kwargs)


@contextmanager
def cwd_in_path() -> Iterator[None]:
    """Let modules of the working directory be imported in the block."""
    try:
        cwd = os.getcwd()
    except FileNotFoundError:  # it was removed
        cwd = ""
    if not cwd or cwd in sys.path:
        yield
        return
    sys.path.insert(0, cwd)
    try:
        yield
    finally:
        if cwd in sys.path:  # what was imported may have changed the path as well
            sys.path.remove(cwd)


def find_module(
    module: str, path: str | None = None, imp: Callable[..., ModuleType] | None = None
) -> ModuleType:
    """Import a module, also from the working directory.

    Args:
        module: Its dotted name.
        path: Has no effect.
        imp: How to import a module.

    Raises:
        NotAPackage: The name goes on after that of a module that is no package.
        ImportError: There is no such module.
    """
    load = imp or import_module
    with cwd_in_path():
        try:
            return load(module)
        except ImportError:
            parent = module.rpartition(".")[0]
            if parent and not hasattr(load(parent), "__path__"):
                raise NotAPackage(parent) from None
            raise


def import_from_cwd(
    module: str, imp: Callable[..., Any] | None = None, package: str | None = None
) -> Any:
    """Import a module, looking in the working directory first."""
    with cwd_in_path():
        return (imp or import_module)(module, package=package)


def reload_from_cwd(
    module: ModuleType, reloader: Callable[[ModuleType], ModuleType] | None = None
) -> ModuleType:
    """Import a module again, looking in the working directory first."""
    with cwd_in_path():
        return (reloader or reload)(module)


def module_file(module: ModuleType) -> str:
    """Return the path of a module's source file.

    Raises:
        AttributeError: It has none: it is built in.
    """
    name = module.__file__
    if name is None:
        raise AttributeError(f"module {module.__name__!r} has no file")
    return name.removesuffix("c") if name.endswith(".pyc") else name


def gen_task_name(app: Any, name: str, module_name: str | None) -> str:
    """Return the name of a task that was given none: its module and function.

    In the main program the module is called what the application is (``Celery("name")``): the
    program has another name in the worker.
    """
    module = module_name or "__main__"
    if module == "__main__" and app.main:
        module = app.main
    return f"{module}.{name}"


@cache
def _extensions(namespace: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group, one for each name, sorted: reading them is slow."""
    found = {point.name: point for point in entry_points(group=namespace)}
    return tuple(found[name] for name in sorted(found))


def load_extension_class_names(namespace: str) -> Iterator[tuple[str, str]]:
    """Yield name and ``module:attribute`` of what installed packages offer under `namespace`."""
    for point in _extensions(namespace):
        yield point.name, point.value


def load_extension_classes(namespace: str) -> Iterator[tuple[str, Any]]:
    """Yield name and object of what installed packages offer under `namespace`.

    One that cannot be imported is passed over with a warning.
    """
    for name, value in load_extension_class_names(namespace):
        try:
            found = symbol_by_name(value)
        except (ImportError, AttributeError, SyntaxError) as exc:
            warnings.warn(
                f"Cannot load {namespace} extension {value!r}: {exc!r}", UserWarning, stacklevel=2
            )
            continue
        yield name, found
