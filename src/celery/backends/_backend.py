"""The result store as a template: what stores share, with each store's own steps left open.

A store fills in the steps of :class:`~celery.backends._steps.BackendSteps`.  Around them stand the
encoding (:mod:`celery.backends._codec`), repetition after passing errors
(:mod:`celery.backends._retry`), reading (:mod:`celery.backends._reading`), and, here, what follows
from a task's end: its chord, the rest of its chain, its error callbacks.
"""

from collections.abc import Iterable
from typing import Any

from kombu.utils.url import maybe_sanitize_url

from celery._state import current_app
from celery.backends._chord import fail_chord_body, schedule_unlock
from celery.backends._errbacks import call_errbacks
from celery.backends._failure import fail_chain, fail_from_current_exception
from celery.backends._reading import ResultReader
from celery.exceptions import BackendStoreError, TaskRevokedError
from celery.states import FAILURE, RETRY, REVOKED, STARTED, SUCCESS

__all__ = ("Backend", "unpickle_backend")


def unpickle_backend(cls: type[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Make a backend again, for the application that is current where it is unpickled."""
    return cls(*args, app=current_app._get_current_object(), **kwargs)


class Backend(ResultReader):
    """Base class of the stores; for the arguments see its own base."""

    def __reduce__(self, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        return unpickle_backend, (type(self), args, kwargs or {})

    def as_uri(self, include_password: bool = False) -> str:
        """Return the URL of the store; its password is hidden unless asked for."""
        url = self.url or ""
        if url.endswith(":"):
            url += "//"
        if include_password:
            return url
        sanitized: str = maybe_sanitize_url(url)
        return sanitized

    def store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: Any = None,
        request: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Store the state of the task and return `result` as it was stored.

        Repeated after errors the store calls passing, if ``result_backend_always_retry``.

        Raises:
            BackendStoreError: The repetitions are used up.
        """
        encoded = self.encode_result(result, state)
        self._ensure_retryable(
            self._store_result,
            task_id,
            encoded,
            state,
            traceback,
            request=request,
            give_up=lambda: BackendStoreError(
                "failed to store result on the backend", state=state, task_id=task_id
            ),
            **kwargs,
        )
        return encoded

    # -- what becomes of a task

    def mark_as_started(self, task_id: str, **meta: Any) -> Any:
        """Store that the task runs; `meta` (but for `request`) is what its result shows."""
        request = meta.pop("request", None)
        return self.store_result(task_id, meta, STARTED, request=request)

    def mark_as_done(
        self,
        task_id: str,
        result: Any,
        request: Any = None,
        store_result: bool = True,
        state: str = SUCCESS,
    ) -> None:
        """Store that the task has returned `result`, and count its part of a chord."""
        if store_result and not _ignores_result(request):
            self.store_result(task_id, result, state, request=request)
        if request is not None and request.chord:
            self.on_chord_part_return(request, state, result)

    def mark_as_failure(
        self,
        task_id: str,
        exc: BaseException,
        traceback: Any = None,
        request: Any = None,
        store_result: bool = True,
        call_errbacks: bool = True,
        state: str = FAILURE,
    ) -> None:
        """Store that the task has failed, and tell whoever depends on it.

        Those are the chord it is part of, the tasks that would have come next in its chain
        (which fail with the same exception), and its error callbacks.
        """
        if store_result:
            self.store_result(task_id, exc, state, traceback=traceback, request=request)
        if request is None:
            return
        if request.chord:
            self.on_chord_part_return(request, state, exc)
        if request.chain:
            self._fail_chain(request.chain, exc, traceback, store_result, state)
        if call_errbacks and request.errbacks:
            self._call_task_errbacks(request, exc, traceback)

    def mark_as_revoked(
        self,
        task_id: str,
        reason: str = "",
        request: Any = None,
        store_result: bool = True,
        state: str = REVOKED,
    ) -> None:
        """Store that the task was revoked because of `reason`; its chord part has failed."""
        exc = TaskRevokedError(reason)
        if store_result:
            self.store_result(task_id, exc, state, traceback=None, request=request)
        if request is not None and request.chord:
            self.on_chord_part_return(request, state, exc)

    def mark_as_retry(
        self,
        task_id: str,
        exc: BaseException,
        traceback: Any = None,
        request: Any = None,
        store_result: bool = True,
        state: str = RETRY,
    ) -> Any:
        """Store that the task failed with `exc` and will be run again."""
        return self.store_result(task_id, exc, state, traceback=traceback, request=request)

    def fail_from_current_stack(self, task_id: str, exc: BaseException | None = None) -> Any:
        """Store the exception being handled, or `exc`, as the failure of the task.

        Returns:
            billiard.einfo.ExceptionInfo: Of the exception.
        """
        return fail_from_current_exception(self, task_id, exc)

    def chord_error_from_stack(self, callback: Any, exc: BaseException | None = None) -> Any:
        """Fail `callback`, the body of a chord, with the exception being handled, or `exc`."""
        return fail_chord_body(self, callback, exc)

    def _fail_chain(
        self,
        chain: Any,
        exc: BaseException,
        traceback: Any = None,
        store_result: bool = True,
        state: str = FAILURE,
    ) -> None:
        fail_chain(self, chain, exc, traceback, store_result=store_result, state=state)

    def _call_task_errbacks(self, request: Any, exc: BaseException, traceback: Any) -> None:
        call_errbacks(self.app, request, exc, traceback)

    # -- chords

    def apply_chord(self, header_result_args: Iterable[Any], body: Any, **kwargs: Any) -> None:
        """Get ready to run `body` when the header is done; called before the header is sent.

        Args:
            header_result_args: Arguments for ``app.GroupResult`` that describe the header.
            body: Signature of the task that takes the results.
            **kwargs: `countdown`, `interval` and `max_retries` of the polling, if the store
                cannot count.
        """
        self.ensure_chords_allowed()
        self.fallback_chord_unlock(self.app.GroupResult(*header_result_args), body, **kwargs)

    def fallback_chord_unlock(
        self, header_result: Any, body: Any, countdown: float = 1, **kwargs: Any
    ) -> None:
        """Send a task that looks again and again whether the header is done, and runs `body`."""
        schedule_unlock(self.app, header_result, body, countdown, kwargs)

    def ensure_chords_allowed(self) -> None:
        """Raise NotImplementedError if the store cannot do chords."""

    def set_chord_size(self, group_id: str, chord_size: int) -> None:
        """Take note of how many parts the chord has; called when that is known."""

    def add_to_chord(self, chord_id: str, result: Any) -> None:
        """Make a chord that is running wait for one more part."""
        raise NotImplementedError("Backend does not support add_to_chord")

    def on_chord_part_return(self, request: Any, state: str, result: Any, **kwargs: Any) -> None:
        """Count a part of a chord that has ended, and run the body after the last one."""


def _ignores_result(request: Any) -> bool:
    return request is not None and bool(getattr(request, "ignore_result", False))
