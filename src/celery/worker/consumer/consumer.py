"""The consumer: the worker's connection to the broker, as a blueprint of steps.

Its steps are started in order; the last one runs the loop.  When the connection is lost they are
stopped in reverse and started again, while the pool goes on with what it has::

    start --> steps started --> loop runs --(connection error)--> steps stopped --> start ...
                                    |
                                    +--(shutdown)--> drained --> WorkerShutdown
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kombu.common import ignore_errors

from celery import bootsteps
from celery.bootsteps import CLOSE, TERMINATE
from celery.exceptions import WorkerTerminate
from celery.utils.log import get_logger
from celery.utils.nodenames import gethostname
from celery.worker import loops
from celery.worker.consumer._flow import TaskFlow
from celery.worker.consumer._handlers import MessageHandlers, dump_body
from celery.worker.consumer._intake import Intake, Prefetch
from celery.worker.consumer._restart import (
    Patience,
    RestartGuard,
    connect,
    is_out_of_descriptors,
)
from celery.worker.consumer._side_channel import SideChannel
from celery.worker.consumer._task_events import TaskEvents

if TYPE_CHECKING:
    from kombu import Queue

    from celery.worker._hub import Hub
    from celery.worker._timer import Timer
    from celery.worker.request import Request

__all__ = ["Consumer", "Evloop", "dump_body"]

logger = get_logger(__name__)


class Evloop(bootsteps.StartStopStep):
    """Runs the loop; returns only by an exception."""

    name = "celery.worker.consumer.consumer.Evloop"
    label = "event loop"
    last = True

    def start(self, c: Consumer) -> None:
        c.controller.register_with_event_loop(c.hub)
        c.side_channel.start()
        try:
            c.hub.run(c.loop(*c.loop_args()))
        finally:
            c.side_channel.stop()


class Consumer(MessageHandlers, TaskFlow):
    """Receives tasks and hands them to `on_task_request`.

    Args:
        on_task_request: given each request that is to run.
        init_callback: called with the consumer when it is ready for the first time.
        hostname: node name.
        pool, app, timer, controller, hub: the worker and its parts.
        amqheartbeat: seconds between AMQP heartbeats; None: as the settings say; 0: none.
        worker_options: given to the steps.
        disable_rate_limits: ignore the tasks' rate limits.
        initial_prefetch_count: deliveries that may be unsettled; 0: no limit.
        prefetch_multiplier: the same for each process of the pool.
    """

    Strategies = dict

    class Blueprint(bootsteps.Blueprint):
        """The consumer's steps."""

        name = "Consumer"
        default_steps = [
            "celery.worker.consumer.connection:Connection",
            "celery.worker.consumer.mingle:Mingle",
            "celery.worker.consumer.events:Events",
            "celery.worker.consumer.gossip:Gossip",
            "celery.worker.consumer.heart:Heart",
            "celery.worker.consumer.control:Control",
            "celery.worker.consumer.tasks:Tasks",
            "celery.worker.consumer.delayed_delivery:DelayedDelivery",
            "celery.worker.consumer.consumer:Evloop",
            "celery.worker.consumer.agent:Agent",
        ]

        def shutdown(self, parent: Any) -> None:
            self.send_all(parent, "shutdown")

    def __init__(  # noqa: PLR0913  # the documented constructor
        self,
        on_task_request: Callable[[Request], Any],
        init_callback: Callable[[Consumer], Any] | None = None,
        hostname: str | None = None,
        pool: Any = None,
        app: Any = None,
        timer: Timer | None = None,
        controller: Any = None,
        hub: Hub | None = None,
        amqheartbeat: float | None = None,
        worker_options: dict[str, Any] | None = None,
        disable_rate_limits: bool = False,
        initial_prefetch_count: int = 2,
        prefetch_multiplier: int = 1,
        **kwargs: Any,
    ) -> None:
        assert hub is not None and timer is not None  # the Consumer step gives them
        self.app = app
        self.controller = controller
        self.hub = hub
        self.timer = timer
        self.pool = pool
        self.hostname = hostname or gethostname()
        self.init_callback = init_callback
        self.on_task_request = on_task_request
        self.disable_rate_limits = disable_rate_limits
        self.initial_prefetch_count = initial_prefetch_count
        self.prefetch_multiplier = prefetch_multiplier
        self.amqheartbeat = app.conf.broker_heartbeat if amqheartbeat is None else amqheartbeat
        self.loop: Callable[..., Any] = loops.asynloop

        self.connection: Any = None
        self.event_dispatcher: Any = None
        self.gossip: Any = None
        self.heart: Any = None
        self.pidbox: Any = None
        self.task_events = TaskEvents(self)
        self.side_channel = SideChannel(self)
        self.strategies = self.Strategies()
        self.on_task_message = set()
        self.restart_count = -1
        self.first_connection_attempt = True
        self._gave_up = False
        self._init_flow()
        #: Set when a shutdown is asked for, cleared never.
        self.stop_requested = asyncio.Event()
        #: Set whenever `in_pool` becomes empty, or a shutdown goes a stage further.
        self.progress = asyncio.Event()
        #: What a part outside of the loop (a thread that drains the connection) failed with.
        self.failure: asyncio.Future[None] | None = None
        self._guard = RestartGuard()
        self._open_broker()
        self.reset_rate_limits()
        self.steps: list[Any] = []
        self.blueprint = self.Blueprint(steps=app.steps["consumer"], on_close=self.on_close)
        self.blueprint.apply(self, **{**(worker_options or {}), **kwargs})

    def _open_broker(self) -> None:
        app, conf = self.app, self.app.conf
        self.broker = app.broker_for_read()
        connection = app.connection_for_read()
        #: Errors that mean the connection is lost; what is raised of these restarts the consumer.
        self.connection_errors = (*self.broker.connection_errors, *connection.connection_errors)
        self.channel_errors: tuple[type[BaseException], ...] = connection.channel_errors
        if conf.broker_channel_error_retry:
            self.connection_errors += self.channel_errors
        self.qos = Prefetch(
            self.initial_prefetch_count,
            maximum=conf.worker_eta_task_limit,
            on_change=lambda: self.task_consumer.limit_changed(),
        )
        self.task_consumer = Intake(
            self.hub,
            self.broker.consumer(worker=self.hostname, prefetch=self.initial_prefetch_count),
            self.qos,
            self.create_task_handler(),
            slots=self._free_slots if conf.worker_disable_prefetch else None,
        )

    def _free_slots(self) -> int:
        """How many tasks could begin at once (for `worker_disable_prefetch`)."""
        return int(self.pool.num_processes) - len(self.in_pool)

    # -- life

    def start(self) -> None:
        """Connect and consume until the worker is to stop; reconnect when that is lost.

        Raises:
            WorkerShutdown, WorkerTerminate: the worker is to stop.
            Exception: the broker cannot be reached, and there is no more patience.
        """
        while self.blueprint.state not in (CLOSE, TERMINATE):
            self.restart_count += 1
            if self._guard.too_often():
                logger.critical("Frequent restarts detected: %r", self.restart_count)
                self.hub.run(asyncio.sleep(1.0))
            try:
                self.blueprint.start(self)
            except self.connection_errors as exc:
                self._on_connection_error(exc)

    def _on_connection_error(self, exc: BaseException) -> None:
        if is_out_of_descriptors(exc):
            raise WorkerTerminate(1) from exc
        if self.controller.is_stopping:
            self.hub.run(loops.drain(self))
        if self._gave_up or not self.app.conf.broker_connection_retry:
            raise exc
        logger.warning(
            "consumer: Connection to broker lost. Trying to re-establish the connection... (%r)",
            exc,
            exc_info=exc if logger.isEnabledFor(logging.DEBUG) else None,
        )
        self.drop_lost()
        self.on_close()
        self.blueprint.restart(self)

    def stop(self) -> None:
        """Stop all steps. Safe twice."""
        self.blueprint.stop(self)

    def on_close(self) -> None:
        """Before the steps are stopped: nothing that is held is lost by it."""
        if self.controller is not None and self.controller.semaphore is not None:
            self.controller.semaphore.clear()

    def shutdown(self) -> None:
        """For the last time: give everything back to the broker, close."""
        self.blueprint.shutdown(self)

    def register_with_event_loop(self, hub: Hub) -> None:
        """Let the steps that want to know the hub know it."""
        self.blueprint.send_all(
            self, "register_with_event_loop", args=(hub,), description="Hub.register"
        )

    def loop_args(self) -> tuple[Any, ...]:
        """What `loop` is called with."""
        return (self,)

    @property
    def is_connected(self) -> bool:
        """Whether the broker could be reached when last it was needed."""
        return self.connection is not None

    def connect(self) -> Any:
        """A connection for the steps, not connected yet; the broker itself is reached.

        Raises:
            Exception: one of `connection_errors`: there is no more patience.
        """
        patience = Patience.from_settings(self.app.conf, starting=self.first_connection_attempt)
        self._gave_up = True  # unless what follows succeeds
        self.hub.run(
            connect(
                self._reach,
                self.connection_errors,
                patience,
                url=self.broker.as_uri(),
                sleep=self._sleep,
            )
        )
        self._gave_up = False
        self.first_connection_attempt = False
        return self.connection_for_read(heartbeat=self.amqheartbeat)

    async def _reach(self) -> None:
        """One attempt to connect; what was leased before a loss is taken up again."""
        await asyncio.to_thread(self.broker.connect)
        await self.task_consumer.source.start()

    def connection_for_read(self, heartbeat: float | None = None) -> Any:
        """A kombu connection to consume with."""
        return self.app.connection_for_read(heartbeat=heartbeat)

    def connection_for_write(self, url: str | None = None, heartbeat: float | None = None) -> Any:
        """A kombu connection to publish with."""
        return self.app.connection_for_write(url=url, heartbeat=heartbeat)

    async def _sleep(self, seconds: float) -> bool:
        """Sleep, or until the worker is to stop; whether it is."""
        try:
            await asyncio.wait_for(self.stop_requested.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def request_stop(self) -> None:
        """Wake whatever waits: the worker is to stop, or sooner. On the loop's thread."""
        self.stop_requested.set()
        self.progress.set()

    def fail(self, exc: BaseException) -> None:
        """A part of the consumer has lost its connection. On the loop's thread."""
        if self.failure is not None and not self.failure.done():
            self.failure.set_exception(exc)

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> Any:
        """Call at the loop's next turn."""
        return self.hub.call_soon(callback, *args)

    def perform_pending_operations(self) -> None:
        """Nothing is pending: calls from other threads go to the loop at once."""

    # -- queues

    def add_task_queue(
        self,
        queue: str | Queue,
        exchange: str | None = None,
        exchange_type: str | None = None,
        routing_key: str | None = None,
        **options: Any,
    ) -> None:
        """Consume from a queue from now on; it is declared if need be."""
        queues = self.app.amqp.queues
        name = queue if isinstance(queue, str) else queue.name
        if name in queues:
            added = queues[name]
        elif not isinstance(queue, str):
            added = queues.add(queue)
        else:
            added = queues.select_add(
                queue,
                exchange=exchange or name,
                exchange_type=exchange_type or "direct",
                routing_key=routing_key or name,
                **options,
            )
        if not self.task_consumer.consuming_from(name):
            self.hub.run_or_spawn(self.task_consumer.add_queue(added))
            logger.info("Started consuming from %s", name)

    def cancel_task_queue(self, queue: str | Queue) -> None:
        """Consume from a queue no more."""
        name = queue if isinstance(queue, str) else queue.name
        logger.info("Canceling queue %s", name)
        self.app.amqp.queues.deselect([name])
        self.hub.run_or_spawn(self.task_consumer.cancel_by_queue(name))

    # -- misc

    def on_ready(self) -> None:
        """The loop is about to run: accept work."""
        callback, self.init_callback = self.init_callback, None
        if callback is not None:
            callback(self)

    def close_channel(self, thing: Any) -> None:
        """Close a kombu entity; errors of the connection are ignored."""
        ignore_errors(self.connection, thing.close)

    def __repr__(self) -> str:
        return f"<Consumer: {self.hostname} ({self.blueprint.human_state()})>"
