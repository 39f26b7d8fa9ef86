"""The worker's loop: watch what receives and settles, until the worker is to stop.

::

    asynloop --+-- consume   (fetch -> handlers)
               +-- settle    (decisions -> broker)
               +-- inline    (solo pool: one task after the other)
               +-- stop requested -> drain -> WorkerShutdown
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any

from celery.exceptions import WorkerShutdown, WorkerTerminate
from celery.utils.log import get_logger
from celery.worker import state
from celery.worker._shutdown import Stage

if TYPE_CHECKING:
    from celery.worker.consumer.consumer import Consumer

__all__ = ["asynloop", "drain", "synloop"]

logger = get_logger(__name__)

#: Seconds between two looks at `celery.worker.state.should_stop` and calls of `hub.on_tick`.
TICK_S = 1.0
#: Seconds after which what was cancelled and goes on is cancelled again.
CANCEL_AGAIN_S = 0.1
#: Seconds that the last settlements may take when the worker stops.
LAST_SETTLEMENTS_S = 10.0


async def asynloop(c: Consumer) -> None:
    """Run the consumer; ends by an exception only.

    Raises:
        WorkerShutdown, WorkerTerminate: the worker is to stop; what ran has ended.
        Exception: the connection is lost.
    """
    loop = asyncio.get_running_loop()
    c.failure = loop.create_future()
    c.on_ready()
    watched: list[asyncio.Future[Any]] = [
        loop.create_task(c.task_consumer.settle(), name="settle"),
        loop.create_task(c.task_consumer.consume(), name="consume"),
        loop.create_task(c.stop_requested.wait(), name="stop requested"),
        c.failure,
    ]
    inline = c.controller.inline
    if inline is not None:
        watched.append(loop.create_task(inline.run(c.task_consumer.flush), name="inline"))
    try:
        while not c.controller.is_stopping:
            await asyncio.wait(watched, timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED)
            for future in watched:
                if future.done():
                    future.result()
            _look_at_state(c)
            c.hub.tick()
    finally:
        await _cancel(watched)
    await drain(c)


#: There is one loop; the name remains for those who choose it.
synloop = asynloop


async def _cancel(futures: list[asyncio.Future[Any]]) -> None:
    """Cancel all and wait for it; that is when a connection can be used by somebody else.

    A library may take a cancellation for its own and go on: they are cancelled until they end.
    """
    pending = set(futures)
    while pending:
        for future in pending:
            future.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
    await asyncio.gather(*futures, return_exceptions=True)


def _look_at_state(c: Consumer) -> None:
    """Obey `should_stop` and `should_terminate`, for who sets them instead of calling."""
    try:
        state.maybe_shutdown()
    except WorkerShutdown as exc:
        c.controller.request_shutdown(_exitcode(exc))


def _exitcode(exc: SystemExit) -> int:
    return exc.code if isinstance(exc.code, int) else 0


async def drain(c: Consumer) -> None:
    """Let what runs come to an end, as far as the shutdown's stage allows; settle; raise.

    Nothing is received any more. What has not been handed to the pool stays leased, and goes
    back to its queue when the consumer is shut down.

    Raises:
        WorkerShutdown: everything is settled that could be.
        WorkerTerminate: the stage is HARD.
    """
    controller = c.controller
    if controller.inline is not None:
        for request in controller.inline.finish():
            c.on_task_ready(request)
    settling = asyncio.ensure_future(c.task_consumer.settle())
    soft_until = monotonic() + c.app.conf.worker_soft_shutdown_timeout
    try:
        while c.in_pool and controller.shutdown.stage < Stage.COLD:
            await _progress(c, TICK_S)
            if controller.shutdown.stage is Stage.SOFT and monotonic() >= soft_until:
                controller.on_soft_timeout()
            if settling.done():  # the broker is gone: see below for what could not be settled
                settling.exception()
        if controller.shutdown.stage is Stage.COLD:
            cancel_all(c)
        if controller.shutdown.stage is Stage.HARD:
            raise WorkerTerminate(1)
    finally:
        await _cancel([settling])
    await _settle_last(c)
    raise WorkerShutdown(controller.shutdown.exitcode or 0)


async def _progress(c: Consumer, seconds: float) -> None:
    """Wait until something has ended, or the shutdown has gone a stage further."""
    c.progress.clear()
    try:
        await asyncio.wait_for(c.progress.wait(), seconds)
    except TimeoutError:
        c.hub.tick()


def cancel_all(c: Consumer) -> None:
    """Stop everything that is in the pool; it runs again elsewhere if it is not acknowledged.

    The pool is stopped before the messages go back, so that nothing of it begins meanwhile.
    """
    for request in tuple(c.in_pool):
        try:
            request.cancel(c.pool)
        except NotImplementedError:
            logger.warning("This pool cannot stop a task: %s ends with the process", request)
    c.pool.terminate()


async def _settle_last(c: Consumer) -> None:
    try:
        async with asyncio.timeout(LAST_SETTLEMENTS_S):
            await c.task_consumer.flush()
    except c.connection_errors + (TimeoutError,) as exc:  # noqa: RUF005  # mypy knows this form
        logger.error(
            "The broker cannot be told what became of %d message(s): they will be delivered "
            "again (%r)",
            c.task_consumer.undelivered,
            exc,
        )
