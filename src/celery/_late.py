"""The table of names that are looked up when used: the only upward references in the package.

Imports go down the layers.  Where something below must reach something above (a loader class
named by a setting, the application class behind ``current_app``), the name stands here, and
:func:`late` finds it.  A test resolves every row, so a name that moves breaks the build and not a
worker.
"""

from importlib import import_module
from types import ModuleType
from typing import Any, Final

__all__ = ("LATE_NAMES", "late")

#: ``"module:attribute"``, sorted; the comment says who asks.
LATE_NAMES: Final = frozenset(
    {
        "celery.app.base:Celery",  # _state: the application made when there is none
        "celery.app.trace:build_tracer",  # app.task: replaced by APM tools, so read at each use
        "celery.app.trace:setup_worker_optimizations",  # concurrency: a child of the worker starts
        "celery.apps.beat:Beat",  # app: app.Beat
        "celery.apps.worker:Worker",  # app: app.Worker
        "celery.bin.celery:start",  # app: app.start
        "celery.bin.celery:worker_main",  # app: app.worker_main
        "celery.canvas:signature",  # app: app.signature
        "celery.concurrency:get_implementation",  # _patching: before anything is imported
        "celery.security:setup_security",  # app: app.setup_security
        "celery.utils.serialization:get_pickleable_exception",  # exceptions: pickling Retry
        "celery.worker:WorkController",  # app: app.WorkController
    }
)

_modules: dict[str, ModuleType] = {}


def late(name: str) -> Any:
    """Return the object `name` (``"module:attribute"``) stands for, importing its module if needed.

    The attribute is read from its module at each call: a name replaced there (as tracing tools
    replace ``celery.app.trace:build_tracer``) is honoured.

    Raises:
        LookupError: `name` is not a row of the table: add it.
        ImportError: Its module cannot be imported.
    """
    if name not in LATE_NAMES:
        raise LookupError(f"{name!r} is not in the table of late names: add a row to {__name__}")
    module_name, _, attribute = name.partition(":")
    module = _modules.get(module_name)
    if module is None:
        module = _modules[module_name] = import_module(module_name)
    return getattr(module, attribute)
