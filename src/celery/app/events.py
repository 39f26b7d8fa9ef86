"""`app.events`: the classes of monitoring events, bound to an app."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kombu.utils.objects import cached_property

if TYPE_CHECKING:
    from celery.app.base import Celery

__all__ = ["Events"]


class Events:
    """Dispatcher, receiver and state of one app."""

    dispatcher_cls = "celery.events.dispatcher:EventDispatcher"
    receiver_cls = "celery.events.receiver:EventReceiver"
    state_cls = "celery.events.state:State"

    def __init__(self, app: Celery | None = None) -> None:
        self.app: Any = app

    @cached_property
    def Receiver(self) -> Any:  # the documented names of classes
        """`celery.events.EventReceiver` of this app."""
        return self.app.subclass_with_self(self.receiver_cls, reverse="events.Receiver")

    @cached_property
    def Dispatcher(self) -> Any:
        """`celery.events.EventDispatcher` of this app."""
        return self.app.subclass_with_self(self.dispatcher_cls, reverse="events.Dispatcher")

    @cached_property
    def State(self) -> Any:
        """`celery.events.state.State` of this app."""
        return self.app.subclass_with_self(self.state_cls, reverse="events.State")

    @contextmanager
    def default_dispatcher(
        self, hostname: str | None = None, enabled: bool = True, buffer_while_offline: bool = False
    ) -> Iterator[Any]:
        """For ``with``: a dispatcher that publishes over the app's pool."""
        with self.app.amqp.producer_pool.acquire(block=True) as producer:
            yield self.Dispatcher(
                producer.connection,
                hostname,
                enabled,
                producer.channel,
                buffer_while_offline,
            )
