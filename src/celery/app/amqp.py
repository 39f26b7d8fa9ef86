"""`app.amqp`: queues, routes and message making, in the shapes that kombu users know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kombu import Connection, Consumer, Exchange, Producer, Queue
from kombu.utils.objects import cached_property

from celery._message.call import TaskCall, TaskMessage
from celery._message.encode import REPR_LIMIT
from celery.app._publish import PROTOCOLS, Prepared, Target
from celery.app._queues import Queues
from celery.app._send import send
from celery.app._timing import resolve_eta, resolve_expires
from celery.app.routes import Router
from celery.app.routes import prepare as prepare_routes

if TYPE_CHECKING:
    from celery.app.base import Celery

__all__ = ["AMQP", "Queues", "task_message"]

task_message = TaskMessage


class AMQP:
    """Queues, routing and messages of one app.

    Args:
        app: the app; its settings are read when something is first used, and again after
            `flush_routes`.
    """

    Connection = Connection
    Consumer = Consumer
    Producer = Producer
    BrokerConnection = Connection
    queues_cls = Queues
    argsrepr_maxsize = REPR_LIMIT
    kwargsrepr_maxsize = REPR_LIMIT

    def __init__(self, app: Celery) -> None:
        self.app = app
        self.task_protocols = {1: self.as_task_v1, 2: self.as_task_v2}
        self._prepared_from: Any = None
        self._routes: Sequence[Any] = ()
        self._router: Router | None = None

    # -- queues

    @cached_property
    def default_exchange(self) -> Exchange:
        """The exchange of queues that name none."""
        conf = self.app.conf
        name = conf.task_default_exchange or conf.task_default_queue
        return Exchange(name, conf.task_default_exchange_type)

    @property
    def default_queue(self) -> Queue:
        """The queue of tasks that no route sends elsewhere."""
        queue: Queue = self.queues[self.app.conf.task_default_queue]
        return queue

    @cached_property
    def queues(self) -> Queues:
        """The app's queues by name."""
        return self.Queues(self.app.conf.task_queues)

    def Queues(  # the documented name
        self,
        queues: Any,
        create_missing: bool | None = None,
        create_missing_queue_type: str | None = None,
        create_missing_queue_exchange_type: str | None = None,
        autoexchange: Any = None,
        max_priority: int | None = None,
    ) -> Queues:
        """Make a set of queues; what is not given comes from the settings."""
        conf = self.app.conf
        if create_missing is None:
            create_missing = conf.task_create_missing_queues
        default_key = conf.task_default_routing_key or conf.task_default_queue
        if not queues and conf.task_default_queue:
            arguments = None
            if conf.task_default_queue_type == "quorum":
                arguments = {"x-queue-type": "quorum"}
            queues = (
                Queue(
                    conf.task_default_queue,
                    exchange=self.default_exchange,
                    routing_key=default_key,
                    queue_arguments=arguments,
                ),
            )
        return self.queues_cls(
            queues,
            self.default_exchange,
            create_missing,
            create_missing_queue_type or conf.task_create_missing_queue_type,
            create_missing_queue_exchange_type or conf.task_create_missing_queue_exchange_type,
            autoexchange or self.autoexchange,
            conf.task_queue_max_priority if max_priority is None else max_priority,
            default_key,
        )

    #: Makes the exchange of a queue that was not declared; None: one of the queue's name.
    autoexchange: Any = None

    # -- routes

    @property
    def routes(self) -> Sequence[Any]:
        """The setting `task_routes`, prepared; anew when the setting has been replaced."""
        source = self.app.conf.task_routes
        if source is not self._prepared_from:
            self._prepared_from, self._routes, self._router = source, prepare_routes(source), None
        return self._routes

    def flush_routes(self) -> None:
        """Read the setting `task_routes` anew."""
        self._prepared_from, self._routes, self._router = None, (), None

    @property
    def router(self) -> Router:
        """Routes calls to queues."""
        routes = self.routes
        router = self._router
        if router is None or router.queues is not self.queues or router.routes is not routes:
            router = self._router = self.Router()
        return router

    @router.setter
    def router(self, router: Router) -> None:
        self._router = router

    def Router(self, queues: Any = None, create_missing: bool | None = None) -> Router:
        """Make a router; what is not given comes from the settings."""
        if create_missing is None:
            create_missing = self.app.conf.task_create_missing_queues
        return Router(
            self.routes, self.queues if queues is None else queues, create_missing, app=self.app
        )

    # -- messages

    def create_message(self, call: TaskCall, *, sent_event: bool = False) -> TaskMessage:
        """Encode a call with the protocol of the settings."""
        conf = self.app.conf
        encode = PROTOCOLS[conf.task_protocol]
        return encode(call, repr_levels=conf.task_repr_maxlevels, sent_event=sent_event)

    @property
    def create_task_message(self) -> Any:
        """`as_task_v2` or `as_task_v1`, as the settings say."""
        return self.task_protocols[self.app.conf.task_protocol]

    def as_task_v2(self, task_id: str, name: str, *args: Any, **options: Any) -> TaskMessage:
        """Encode a call as protocol 2; takes the options of `Task.apply_async`."""
        return self._as_task(2, task_id, name, *args, **options)

    def as_task_v1(self, task_id: str, name: str, *args: Any, **options: Any) -> TaskMessage:
        """Encode a call as protocol 1; takes the options of `Task.apply_async`."""
        return self._as_task(1, task_id, name, *args, **options)

    def _as_task(  # noqa: PLR0913  # the documented arguments
        self,
        protocol: int,
        task_id: str,
        name: str,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        countdown: float | None = None,
        eta: datetime | str | None = None,
        *,
        expires: Any = None,
        now: datetime | None = None,
        timezone: Any = None,
        create_sent_event: bool = False,
        stamped_headers: Sequence[str] | None = None,
        **fields: Any,
    ) -> TaskMessage:
        now = now or self.app.now()
        stamps = {key: fields.pop(key, None) for key in stamped_headers or ()}
        call = TaskCall(
            task_id=task_id,
            name=name,
            args=args or (),
            kwargs=kwargs or {},
            eta=resolve_eta(countdown, eta, now),
            expires=resolve_expires(expires, now),
            stamped_headers=stamped_headers,
            stamps=stamps,
            **{key: value for key, value in fields.items() if key in TaskCall.__slots__},
        )
        levels = self.app.conf.task_repr_maxlevels
        return PROTOCOLS[protocol](call, repr_levels=levels, sent_event=create_sent_event)

    def send_task_message(
        self,
        producer: Any,
        name: str,
        message: TaskMessage,
        exchange: Any = None,
        routing_key: str | None = None,
        queue: Any = None,
        **options: Any,
    ) -> None:
        """Publish a message made by `create_task_message` with a kombu producer."""
        if isinstance(queue, str):
            queue = self.queues[queue]
        queue = queue or self.default_queue
        anonymous = exchange is None and routing_key is None and queue.exchange.type == "direct"
        conf = self.app.conf
        target = Target(
            exchange="" if anonymous else exchange or queue.exchange,
            exchange_type=queue.exchange.type,
            routing_key=queue.name if anonymous else routing_key or queue.routing_key,
            declare=options.get("declare") or [queue],
            queue=queue.name,
            serializer=options.get("serializer") or conf.task_serializer,
            compression=options.get("compression") or conf.task_compression,
            mandatory=bool(options.get("mandatory")),
            timeout=options.get("timeout"),
            confirm_timeout=options.get("confirm_timeout"),
        )
        message.headers.update(options.get("headers") or {})
        policy = None
        if conf.task_publish_retry if options.get("retry") is None else options["retry"]:
            policy = {**conf.task_publish_retry_policy, **(options.get("retry_policy") or {})}
        prepared = Prepared(
            name=name,
            task_id=message.properties["correlation_id"],
            message=message,
            target=target,
            retry_policy=policy,
        )
        send(self.app, prepared, producer)

    def send_sent_event(self, fields: dict[str, Any], target: Target, retry_policy: Any) -> None:
        """Publish the ``task-sent`` event of a message that went out."""
        exchange = target.exchange
        fields.update(
            queue=target.queue,
            exchange=exchange.name if isinstance(exchange, Exchange) else exchange,
            routing_key=target.routing_key,
        )
        with self.app.producer_or_acquire() as producer:
            self._event_dispatcher.publish(
                "task-sent",
                fields,
                producer,
                retry=retry_policy is not None,
                retry_policy=retry_policy,
            )

    @cached_property
    def _event_dispatcher(self) -> Any:
        return self.app.events.Dispatcher(enabled=False)

    # -- kombu

    def TaskConsumer(  # the documented name
        self, channel: Any, queues: Any = None, accept: Any = None, **kw: Any
    ) -> Any:
        """A kombu consumer of the queues that a worker consumes from."""
        if accept is None:
            accept = self.app.conf.accept_content
        consumer: Any = self.Consumer
        return consumer(
            channel,
            accept=accept,
            queues=queues or list(self.queues.consume_from.values()),
            **kw,
        )

    @property
    def producer_pool(self) -> Any:
        """Pool of kombu producers."""
        return self.app.producer_pool

    publisher_pool = producer_pool

    @property
    def utc(self) -> bool:
        """Whether times are made in UTC."""
        return bool(self.app.conf.enable_utc)
