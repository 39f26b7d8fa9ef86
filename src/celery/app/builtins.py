"""The tasks that every app has: they carry out what the canvas cannot do in a message.

Each is added to an app when it is finalized.
"""

from __future__ import annotations

from typing import Any

from celery._state import connect_on_app_finalize
from celery.canvas import chord as chord_of
from celery.canvas import chunks as chunks_of
from celery.canvas import group as group_of
from celery.canvas import maybe_signature
from celery.exceptions import ChordError
from celery.result import GroupResult, allow_join_result, result_from_tuple
from celery.utils.log import get_logger

__all__: tuple[str, ...] = ()

logger = get_logger(__name__)


@connect_on_app_finalize
def add_backend_cleanup_task(app: Any) -> Any:
    """celery.backend_cleanup: delete expired results of stores that do not do it themselves."""

    def backend_cleanup() -> None:
        app.backend.cleanup()

    return app._task_from_fun(backend_cleanup, name="celery.backend_cleanup")


@connect_on_app_finalize
def add_accumulate_task(app: Any) -> Any:
    """celery.accumulate: its arguments as a list, or one of them; joins a replaced group."""

    def accumulate(self: Any, *args: Any, **kwargs: Any) -> Any:
        index = kwargs.get("index")
        return args[index] if index is not None else args

    return app._task_from_fun(accumulate, bind=True, name="celery.accumulate")


@connect_on_app_finalize
def add_unlock_chord_task(app: Any) -> Any:
    """celery.chord_unlock: wait, by retrying, until a chord's header is done; then send its body.

    Used by stores that cannot count.
    """

    def unlock_chord(
        self: Any,
        group_id: str,
        callback: Any,
        interval: float | None = None,
        max_retries: int | None = None,
        result: Any = None,
        **kwargs: Any,
    ) -> Any:
        if interval is None:
            interval = self.default_retry_delay
        body = maybe_signature(callback, app)
        members = app.GroupResult(
            group_id, [result_from_tuple(member, app=app) for member in result], app=app
        )
        try:
            ready = members.ready()
        except Exception as exc:
            raise self.retry(exc=exc, countdown=interval, max_retries=max_retries) from exc
        if not ready:
            raise self.retry(countdown=interval, max_retries=max_retries)
        return _finish_chord(app, group_id, body, members)

    return app._task_from_fun(
        unlock_chord,
        name="celery.chord_unlock",
        max_retries=None,
        default_retry_delay=app.conf.result_chord_retry_interval,
        ignore_result=True,
        bind=True,
    )


def _finish_chord(app: Any, group_id: str, body: Any, members: GroupResult) -> None:
    body = maybe_signature(body, app=app)
    join = members.join_native if members.supports_native_join else members.join
    try:
        with allow_join_result():
            values = join(timeout=app.conf.result_chord_join_timeout, propagate=True)
    except Exception as exc:
        reason = _failure_of(members, exc)
        logger.exception("Chord %r raised: %r", group_id, exc)
        app.backend.chord_error_from_stack(body, ChordError(reason))
        return
    try:
        body.delay(values)
    except Exception as exc:
        logger.exception("Chord %r raised: %r", group_id, exc)
        app.backend.chord_error_from_stack(body, exc=ChordError(f"Callback error: {exc!r}"))


def _failure_of(members: GroupResult, exc: Exception) -> str:
    culprit = next(members._failed_join_report(), None)
    if culprit is None:
        return repr(exc)
    return f"Dependency {culprit.id} raised {exc!r}"


@connect_on_app_finalize
def add_map_task(app: Any) -> Any:
    """celery.map: call a task for each item, here."""

    def xmap(task: Any, it: Any) -> list[Any]:
        run = maybe_signature(task, app=app).type
        return [run(item) for item in it]

    return app._task_from_fun(xmap, name="celery.map")


@connect_on_app_finalize
def add_starmap_task(app: Any) -> Any:
    """celery.starmap: call a task for each tuple of arguments, here."""

    def xstarmap(task: Any, it: Any) -> list[Any]:
        run = maybe_signature(task, app=app).type
        return [run(*item) for item in it]

    return app._task_from_fun(xstarmap, name="celery.starmap")


@connect_on_app_finalize
def add_chunk_task(app: Any) -> Any:
    """celery.chunks: send a starmap for each chunk of items."""

    def chunks(task: Any, it: Any, n: int) -> Any:
        return chunks_of(maybe_signature(task, app=app), it, n, app=app).group().apply_async()

    return app._task_from_fun(chunks, name="celery.chunks")


@connect_on_app_finalize
def add_group_task(app: Any) -> Any:
    """celery.group: send the members of a group from inside a worker."""

    def group(
        self: Any,
        tasks: Any,
        result: Any,
        group_id: Any,
        partial_args: Any,
        add_to_parent: bool = True,
    ) -> Any:
        members = [maybe_signature(task, app=app) for task in tasks]
        return group_of(members, app=app).apply_async(
            partial_args, task_id=group_id, add_to_parent=add_to_parent
        )

    return app._task_from_fun(group, name="celery.group", bind=True)


@connect_on_app_finalize
def add_chain_task(app: Any) -> Any:
    """celery.chain: only a name; a chain travels inside its first task."""

    def chain(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("chain is not a real task")

    return app._task_from_fun(chain, name="celery.chain")


@connect_on_app_finalize
def add_chord_task(app: Any) -> Any:
    """celery.chord: send a chord from inside a worker."""

    def chord(self: Any, header: Any, body: Any, partial_args: Any = (), **kwargs: Any) -> Any:
        return chord_of(header, body, app=app).apply_async(partial_args)

    return app._task_from_fun(chord, name="celery.chord", bind=True, ignore_result=False)
