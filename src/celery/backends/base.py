"""The classes that result stores are made of; subclass one of these to write a store.

A store with keys and values subclasses :class:`KeyValueStoreBackend`; any other one
:class:`BaseBackend`.  Both look for results again and again when somebody waits for them; a store
that can tell when a result has come mixes
:class:`celery.backends.asynchronous.AsyncBackendMixin` in front instead.
"""

from typing import Any, NoReturn

from celery._state import get_current_task
from celery.backends._backend import Backend, unpickle_backend
from celery.backends._codec import compress_payload, decompress_payload
from celery.backends._kv import BaseKeyValueStoreBackend
from celery.backends._steps import pending_results_t
from celery.backends._waiting import SyncBackendMixin

__all__ = (
    "Backend",
    "BaseBackend",
    "BaseDictBackend",
    "BaseKeyValueStoreBackend",
    "DisabledBackend",
    "KeyValueStoreBackend",
    "SyncBackendMixin",
    "compress_payload",
    "decompress_payload",
    "get_current_task",
    "pending_results_t",
    "unpickle_backend",
)

E_NO_BACKEND = """\
No result backend is configured: set result_backend, or backend= of the application, to keep the \
results of tasks."""

E_CHORD_NO_BACKEND = """\
Starting chords requires a result backend to be configured.

A group followed by a task is a chord too: the task waits for the results of the group."""


class BaseBackend(Backend, SyncBackendMixin):
    """Base class of stores that are asked again and again for a result."""


#: Under this name it is subclassed by stores that keep their metadata in rows.
BaseDictBackend = BaseBackend


class KeyValueStoreBackend(BaseKeyValueStoreBackend, SyncBackendMixin):
    """Base class of stores with keys and values that are asked again and again for a result."""


class DisabledBackend(BaseBackend):
    """Keeps nothing; who asks it for a result is told why there is none."""

    def store_result(self, *args: Any, **kwargs: Any) -> None:
        """Drop the result."""

    def ensure_chords_allowed(self) -> None:
        """Refuse: the body of a chord needs the results of its header."""
        raise NotImplementedError(E_CHORD_NO_BACKEND.strip())

    def as_uri(self, *args: Any, **kwargs: Any) -> str:
        """Return ``disabled://``."""
        return "disabled://"

    def _is_disabled(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(E_NO_BACKEND.strip())

    get_task_meta = get_task_meta_for = _get_task_meta_for = _is_disabled
    get_state = get_status = get_result = get_traceback = get_children = _is_disabled
    get_group_meta = restore_group = save_group = delete_group = _is_disabled
    task_result_exists = reload_task_result = reload_group_result = _is_disabled
    wait_for = wait_for_pending = get_many = iter_native = _forget = _is_disabled
