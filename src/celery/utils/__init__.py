"""The names of this package other projects import from here, found when they are first read.

Resolving them late keeps ``import celery.utils.<module>`` light: some of them live in kombu, which
takes longer to import than all of this package.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from kombu.utils.objects import cached_property
    from kombu.utils.uuid import uuid

    from celery.utils.functional import chunks, memoize, noop
    from celery.utils.imports import (
        gen_task_name,
        import_from_cwd,
        instantiate,
    )
    from celery.utils.imports import qualname as get_full_cls_name
    from celery.utils.imports import symbol_by_name as get_cls_by_name
    from celery.utils.log import LOG_LEVELS
    from celery.utils.nodenames import nodename, nodesplit, worker_direct

    gen_unique_id = uuid

__all__ = (
    "LOG_LEVELS",
    "cached_property",
    "chunks",
    "gen_task_name",
    "gen_unique_id",
    "get_cls_by_name",
    "get_full_cls_name",
    "import_from_cwd",
    "instantiate",
    "memoize",
    "nodename",
    "nodesplit",
    "noop",
    "uuid",
    "worker_direct",
)

_ORIGINS: Final = {
    "LOG_LEVELS": "celery.utils.log:LOG_LEVELS",
    "cached_property": "kombu.utils.objects:cached_property",
    "chunks": "celery.utils.functional:chunks",
    "gen_task_name": "celery.utils.imports:gen_task_name",
    "gen_unique_id": "kombu.utils.uuid:uuid",
    "get_cls_by_name": "celery.utils.imports:symbol_by_name",
    "get_full_cls_name": "celery.utils.imports:qualname",
    "import_from_cwd": "celery.utils.imports:import_from_cwd",
    "instantiate": "celery.utils.imports:instantiate",
    "memoize": "celery.utils.functional:memoize",
    "nodename": "celery.utils.nodenames:nodename",
    "nodesplit": "celery.utils.nodenames:nodesplit",
    "noop": "celery.utils.functional:noop",
    "uuid": "kombu.utils.uuid:uuid",
    "worker_direct": "celery.utils.nodenames:worker_direct",
}


def __getattr__(name: str) -> Any:
    origin = _ORIGINS.get(name)
    if origin is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module_name, _, attribute = origin.partition(":")
    value = globals()[name] = getattr(import_module(module_name), attribute)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
