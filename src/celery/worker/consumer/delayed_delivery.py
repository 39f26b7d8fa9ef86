"""Step: RabbitMQ's delay queues, where quorum queues are in use."""

from __future__ import annotations

from time import sleep
from typing import Any

from kombu.transport.native_delayed_delivery import (
    bind_queue_to_native_delayed_delivery_exchange,
    declare_native_delayed_delivery_exchanges_and_queues,
)

from celery import bootsteps
from celery.exceptions import ImproperlyConfigured
from celery.utils.log import get_logger
from celery.utils.quorum_queues import detect_quorum_queues
from celery.worker.consumer.tasks import Tasks

__all__ = ["DelayedDelivery"]

logger = get_logger(__name__)

ATTEMPTS = 3
PAUSE_S = 1.0
QUEUE_TYPES = frozenset({"classic", "quorum"})


class DelayedDelivery(bootsteps.StartStopStep):
    """Declares the delay exchanges and queues, and binds the worker's queues to them."""

    name = "celery.worker.consumer.delayed_delivery.DelayedDelivery"
    requires = (Tasks,)

    def include_if(self, c: Any) -> bool:
        if not c.app.conf.worker_detect_quorum_queues:
            return False
        return bool(detect_quorum_queues(c.app, c.broker.driver_type)[0])

    def start(self, c: Any) -> None:
        """Declare and bind; an URL that cannot be reached is tried a few times.

        Raises:
            ImproperlyConfigured: the setting names no type of queue there is.
        """
        queue_type = c.app.conf.broker_native_delayed_delivery_queue_type
        if queue_type not in QUEUE_TYPES:
            raise ImproperlyConfigured(
                f"broker_native_delayed_delivery_queue_type is {queue_type!r}; it must be one of "
                f"{', '.join(sorted(QUEUE_TYPES))}"
            )
        for url in _urls(c.app.conf.broker_url):
            self._set_up(c, url, queue_type)

    def _set_up(self, c: Any, url: str, queue_type: str) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with c.app.connection_for_write(url=url) as connection:
                    declare_native_delayed_delivery_exchanges_and_queues(connection, queue_type)
                    for queue in tuple(c.app.amqp.queues.values()):
                        bind_queue_to_native_delayed_delivery_exchange(connection, queue)
            except c.connection_errors as exc:
                logger.warning(
                    "Cannot set up delayed delivery (%s of %s): %r", attempt, ATTEMPTS, exc
                )
                if attempt < ATTEMPTS:
                    sleep(PAUSE_S)
            else:
                return
        logger.critical("No delayed delivery: the broker could not be reached")


def _urls(broker_url: Any) -> list[str]:
    """Each URL of a setting that may be one, several separated by semicolons, or a list."""
    if broker_url is None:
        return []
    return broker_url.split(";") if isinstance(broker_url, str) else list(broker_url)
