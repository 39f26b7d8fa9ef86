"""Chords: counting the parts that have ended, running the body, failing it.

::

    apply_chord ──> header sent ──> each part: on_chord_part_return
                                        │ counted, not the last ──> (more to come)
                                        └ the last ──> results read ──┬─> body sent
                                                                      └─> body failed: ChordError

A store that can count atomically does it here.  For others a task, ``celery.chord_unlock``, looks
again and again whether all parts are done.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, Protocol

from celery._message.context import Context
from celery.backends._errbacks import call_errbacks
from celery.backends._failure import FailingStore, exception_info, waited_for
from celery.exceptions import ChordError
from celery.result.guards import allow_join_result
from celery.states import FAILURE

if TYPE_CHECKING:
    from celery._ports import AppPort

__all__ = (
    "ChordStore",
    "CountingStore",
    "count_part",
    "fail_chord_body",
    "finish_chord",
    "schedule_unlock",
)

logger: Final = logging.getLogger("celery.backends.base")

UNLOCK_TASK: Final = "celery.chord_unlock"

#: Seconds a chord that has ended is known to have.
DONE_EXPIRES_S: Final = 300


class ChordStore(FailingStore, Protocol):
    """What is needed of a backend to end a chord."""

    app: "AppPort"

    def chord_error_from_stack(self, callback: Any, exc: BaseException | None = None) -> Any: ...
    def store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: Any = None,
        request: Any = None,
        **kwargs: Any,
    ) -> Any: ...


class CountingStore(ChordStore, Protocol):
    """What is needed of a backend to count the parts of a chord."""

    @property
    def chord_expires(self) -> Any: ...
    def get_key_for_chord(self, group_id: str, key: str = "") -> Any: ...
    def get_key_for_group(self, group_id: str, key: str = "") -> Any: ...
    def get(self, key: Any) -> Any: ...
    def incr(self, key: Any) -> int: ...
    def expire(self, key: Any, value: Any) -> Any: ...


# -- by a task that looks again and again


def schedule_unlock(
    app: "AppPort", header_result: Any, body: Any, countdown: float, kwargs: dict[str, Any]
) -> None:
    """Send the task that waits for the results of the header and then sends `body`.

    It goes to the queue of the body.

    Args:
        app: The application.
        header_result: The header: a group result.
        body: A signature.
        countdown: Seconds until the first look.
        kwargs: `interval` and `max_retries` of the looks.
    """
    kwargs["result"] = [result.as_tuple() for result in header_result]
    queue = _option_of_body(app, body, "queue")
    exchange_type = _exchange_type(app, queue)
    kwargs["_chord_unlock_exchange_type"] = exchange_type
    app.tasks[UNLOCK_TASK].apply_async(
        (header_result.id, body),
        kwargs,
        countdown=countdown,
        queue=queue,
        priority=_option_of_body(app, body, "priority"),
        exchange_type=exchange_type,
    )


def _option_of_body(app: "AppPort", body: Any, name: str) -> Any:
    """Return how `body` is sent: its own option, or that of its task."""
    value = body.options.get(name)
    if value is None:
        value = getattr(app.tasks.get(body.task), name, None)
    return value


def _exchange_type(app: "AppPort", queue: Any) -> str:
    """Return the type of the exchange of `queue`, a name, a queue or None."""
    if isinstance(queue, str):
        queue = app.amqp.queues.get(queue)
    exchange = getattr(queue, "exchange", None)
    kind: str = getattr(exchange, "type", None) or app.conf.task_default_exchange_type
    return kind


# -- by counting


def count_part(backend: CountingStore, request: Any) -> None:
    """Count one part of a chord that has ended; end the chord with the last one.

    The count is one atomic step of the store, so exactly one part sees itself as the last.  A part
    that is delivered and run twice is counted twice: the body may then run before another part
    has ended, which waits for it, and is failed if that takes longer than
    ``result_chord_join_timeout``.

    Args:
        backend: The store.
        request: Of the part.
    """
    group_id = request.group
    if not group_id or not request.chord:
        return
    app = backend.app
    callback = app.signature(request.chord)
    try:
        header = app.GroupResult.restore(group_id, backend=backend)  # type: ignore[attr-defined]  # a class of the app's
    except Exception as exc:
        logger.exception("Chord %r raised: %r", group_id, exc)
        backend.chord_error_from_stack(callback, ChordError(f"Cannot restore group: {exc!r}"))
        return
    counter = backend.get_key_for_chord(group_id)
    if header is None:
        if backend.get(counter) is not None:
            logger.warning("A part of chord %r, which is done, was run again", group_id)
            return
        error = ChordError(f"GroupResult {group_id} no longer exists")
        logger.error("Chord callback %r raised: %r", group_id, error)
        backend.chord_error_from_stack(callback, error)
        return
    size = callback.get("chord_size") or len(header)
    count = backend.incr(counter)
    if count > size:
        logger.warning("Chord counter incremented too many times for %r", group_id)
    elif count < size:
        backend.expire(counter, backend.chord_expires)
        backend.expire(backend.get_key_for_group(group_id), backend.chord_expires)
    else:
        try:
            finish_chord(
                backend, callback, group_id, _joiner(app, header), header._failed_join_report
            )
        finally:
            header.delete(backend=backend)
            # Stays a while, to know parts that are delivered again from those that come too late.
            backend.expire(counter, DONE_EXPIRES_S)


def _joiner(app: "AppPort", header: Any) -> Callable[[], list[Any]]:
    join = header.join_native if header.supports_native_join else header.join
    timeout = app.conf.result_chord_join_timeout
    return lambda: join(timeout=timeout, propagate=True)


def finish_chord(
    backend: ChordStore,
    callback: Any,
    group_id: str,
    join: Callable[[], list[Any]],
    failures: Callable[[], Iterator[Any]],
) -> None:
    """Send the body of a chord whose parts have ended, or fail it.

    Args:
        backend: The store.
        callback: Signature of the body.
        group_id: Of the header.
        join: Returns the values of the parts in order, or raises the error of one.
        failures: Yields the results of the parts that failed.
    """
    try:
        with allow_join_result():
            values = join()
    except Exception as exc:
        logger.exception("Chord %r raised: %r", group_id, exc)
        culprit = next(failures(), None)
        reason = f"Dependency {culprit.id} raised {exc!r}" if culprit is not None else repr(exc)
        _fail_because(backend, callback, ChordError(reason), exc)
        return
    try:
        callback.delay(values)
    except Exception as exc:
        logger.exception("Chord %r raised: %r", group_id, exc)
        _fail_because(backend, callback, ChordError(f"Callback error: {exc!r}"), exc)


def _fail_because(
    backend: ChordStore, callback: Any, error: ChordError, cause: BaseException
) -> None:
    """Fail the body with `error`, which was raised because of `cause`."""
    try:
        raise error from cause
    except ChordError as exc:
        backend.chord_error_from_stack(callback, exc)


# -- failing the body


def fail_chord_body(backend: ChordStore, callback: Any, exc: BaseException | None = None) -> Any:
    """Store the failure of a chord's body that will never run, and call its error callbacks.

    Args:
        backend: The store of the chord; the body's own store is used, if it has one.
        callback: Signature of the body.
        exc: Why; if None, the exception that is being handled.

    Returns:
        billiard.einfo.ExceptionInfo: Of the exception; None if the body is a group.
    """
    exc = exc or sys.exception() or ChordError("The chord was failed without an exception")
    task = backend.app.tasks.get(callback.task)
    store: ChordStore = backend if task is None else task.backend
    if callback.get("subtask_type") == "group":
        _fail_group_body(store, callback, exc)
        return None
    info = exception_info(exc)
    try:
        _call_errbacks_of(store.app, callback, callback.options.get("link_error"), exc)
    except Exception as error:
        # The body fails all the same; that its callbacks could not be called says more.
        exc, info = error, exception_info(error)
    for task_id in waited_for(callback):
        store.mark_as_failure(task_id, exc, info.traceback)
    return info


def _fail_group_body(store: ChordStore, group: Any, exc: BaseException) -> None:
    """Fail each member of a group that was to be the body, with what failed in the header."""
    cause = exc.__cause__ or exc
    info = exception_info(cause)
    called: list[Any] = []
    for member in group.tasks:
        errbacks = _as_list(member.options.get("link_error"))
        called += errbacks
        try:
            _call_errbacks_of(store.app, member, errbacks, cause)
            for task_id in waited_for(member):
                store.mark_as_failure(task_id, cause, info.traceback)
        except Exception as error:
            logger.exception("Failed to handle chord error for task %s: %r", member.id, error)
    # What is linked to the group is linked to each member as well, where canvas has done it.
    rest = [e for e in _as_list(group.options.get("link_error")) if e not in called]
    _call_errbacks_of(store.app, group, rest, cause)
    group_id = group.options.get("task_id")
    if group_id:
        store.store_result(group_id, cause, FAILURE)


def _call_errbacks_of(app: "AppPort", signature: Any, errbacks: Any, exc: BaseException) -> None:
    """Call `errbacks` for the task of `signature`, which has no request: it was never sent."""
    errbacks = _as_list(errbacks)
    if not errbacks:
        return
    request = Context({"id": signature.id, "errbacks": errbacks, "delivery_info": {}, **signature})
    call_errbacks(app, request, exc, None)


def _as_list(value: Any) -> list[Any]:
    if not value:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
