"""What differs between stores: the steps each fills in, its abilities, its passing errors."""

import time
import warnings
import weakref
from collections.abc import Callable, Collection, MutableMapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from kombu.utils.functional import LRUCache

from celery.backends._codec import ResultCodec
from celery.backends._retry import RetryPolicy, call_with_retries
from celery.exceptions import TimeoutError
from celery.states import EXCEPTION_STATES, READY_STATES, UNREADY_STATES
from celery.utils.collections import BufferMap

if TYPE_CHECKING:
    from celery._ports import AppPort

__all__ = ("BackendSteps", "pending_results_t")

#: Results kept for tasks nobody has asked for yet, across all of them.
MESSAGE_BUFFER_MAX = 8192

T = TypeVar("T")


class pending_results_t(NamedTuple):
    """Results that are waited for, by task id: those kept alive, and those only known."""

    concrete: dict[str, Any]
    weak: MutableMapping[str, Any]


class _NoCache(dict[str, Any]):
    """A cache that forgets at once."""

    def __setitem__(self, key: str, value: Any) -> None:
        pass


class BackendSteps(ResultCodec):
    """The part of a backend that a store overrides.

    Args:
        app: The application it belongs to.
        serializer: Name of the serializer, instead of ``result_serializer``.
        max_cached_results: Ready results kept in memory, instead of ``result_cache_max``.
        accept: Content types that are decoded, instead of ``result_accept_content``.
        expires: Seconds, or a timedelta, results are kept, instead of ``result_expires``.
        expires_type: Type to which `expires` is converted.
        url: Where the store is.
    """

    READY_STATES = READY_STATES
    UNREADY_STATES = UNREADY_STATES
    EXCEPTION_STATES = EXCEPTION_STATES
    TimeoutError = TimeoutError

    #: Seconds between two looks at most, if the caller of ``get`` would wait longer.
    subpolling_interval: float | None = None
    #: Many results can be waited for at once, in any order.
    supports_native_join: bool = False
    #: The store removes what has expired by itself.
    supports_autoexpire: bool = False
    #: What is stored survives a restart of the store.
    persistent: bool = True
    #: Failed results may have a lifetime of their own.
    supports_failure_expires: bool = False
    retry_policy: ClassVar[dict[str, Any]] = {
        "max_retries": 20,
        "interval_start": 0,
        "interval_step": 1,
        "interval_max": 1,
    }

    def __init__(
        self,
        app: "AppPort",
        serializer: str | None = None,
        max_cached_results: int | None = None,
        accept: Collection[str] | None = None,
        expires: Any = None,
        expires_type: Callable[[Any], Any] | None = None,
        url: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(app, serializer, accept)
        conf = app.conf
        limit = conf.result_cache_max if max_cached_results is None else max_cached_results
        self._cache: MutableMapping[str, Any] = _NoCache() if limit == -1 else LRUCache(limit)
        self.expires: Any = self.prepare_expires(expires, expires_type)
        self.always_retry: bool = conf.result_backend_always_retry
        self.max_retries: float = conf.result_backend_max_retries
        self.base_sleep_between_retries_ms: int = conf.result_backend_base_sleep_between_retries_ms
        self.max_sleep_between_retries_ms: int = conf.result_backend_max_sleep_between_retries_ms
        self.thread_safe: bool = conf.get("result_backend_thread_safe", False)
        self._pending_results = pending_results_t({}, weakref.WeakValueDictionary())
        self._pending_messages = BufferMap(MESSAGE_BUFFER_MAX)
        self.url = url

    # -- the steps

    def _store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: Any = None,
        request: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Write the state of the task; `result` is encoded.  May be called twice."""
        raise NotImplementedError("backend does not store results.")

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        """Read ``{"status": ..., "result": ...}`` of the task, ``PENDING`` if there is nothing."""
        raise NotImplementedError("backend does not read results.")

    def _forget(self, task_id: str) -> Any:
        """Remove the task; if it is not there, do nothing."""
        raise NotImplementedError("backend does not implement forget.")

    def _save_group(self, group_id: str, result: Any) -> Any:
        """Write the ids of the group `result`, and return it."""
        raise NotImplementedError("backend does not save groups.")

    def _restore_group(self, group_id: str) -> Any:
        """Read ``{"result": GroupResult}``, or None."""
        raise NotImplementedError("backend does not save groups.")

    def _delete_group(self, group_id: str) -> Any:
        """Remove the group; if it is not there, do nothing."""
        raise NotImplementedError("backend does not save groups.")

    # -- the occasions

    def on_task_call(self, producer: Any, task_id: str) -> dict[str, Any]:
        """Get ready for the result of a task that is about to be sent.

        Returns:
            Properties to send with the message.
        """
        return {}

    def process_cleanup(self) -> None:
        """Let go of what one task has used; called after each."""

    def cleanup(self) -> None:
        """Remove what has expired, if the store does not do so itself."""

    def _pause(self, seconds: float) -> None:
        """Wait before the next look for results; a store that hears of changes returns earlier."""
        self._sleep(seconds)

    # -- errors that pass

    def exception_safe_to_retry(self, exc: Exception) -> bool:
        """Return whether the operation that raised `exc` may be tried again."""
        return False

    def on_backend_retryable_error(self, exc: Exception) -> None:
        """Get ready for another try: drop what `exc` has broken."""

    def _sleep(self, amount: float) -> None:
        time.sleep(amount)

    def _ensure_retryable(
        self,
        func: Callable[..., T],
        *args: Any,
        max_retries: float | None = None,
        give_up: Callable[[], Exception] | None = None,
        **kwargs: Any,
    ) -> T:
        """Call `func`, again and again after passing errors, as the settings say.

        Args:
            func: The operation, called with `args` and `kwargs`.
            max_retries: Instead of ``result_backend_max_retries``.
            give_up: Makes the exception to raise when the repetitions are used up.
        """
        policy = RetryPolicy(
            always_retry=self.always_retry,
            max_retries=self.max_retries if max_retries is None else max_retries,
            base_sleep_ms=self.base_sleep_between_retries_ms,
            max_sleep_ms=self.max_sleep_between_retries_ms,
        )
        return call_with_retries(
            lambda: func(*args, **kwargs),
            policy,
            name=func.__name__,
            is_transient=self.exception_safe_to_retry,
            on_retry=self.on_backend_retryable_error,
            sleep=self._sleep,
            give_up=give_up,
        )

    # -- settings

    def prepare_expires(self, value: Any, type: Callable[[Any], Any] | None = None) -> Any:
        """Return the seconds results are kept: `value`, or ``result_expires`` if None."""
        if value is None:
            value = self.app.conf.result_expires
        if isinstance(value, timedelta):
            value = value.total_seconds()
        if value is not None and type is not None:
            return type(value)
        return value

    def prepare_persistent(self, enabled: bool | None = None) -> bool:
        """Return whether results survive a restart: `enabled`, or the setting, or the default."""
        if enabled is None:
            enabled = self.app.conf.result_persistent
        return self.persistent if enabled is None else enabled

    def _ensure_not_eager(self) -> None:
        """Warn who asks for results of tasks that were called eagerly and stored nowhere."""
        conf = self.app.conf
        if conf.task_always_eager and not conf.task_store_eager_result:
            warnings.warn(
                "With task_always_eager results are not stored and cannot be retrieved, "
                "unless task_store_eager_result is enabled too.",
                RuntimeWarning,
                stacklevel=3,
            )
