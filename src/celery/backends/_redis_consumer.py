"""Being told of results by Redis: one subscribed connection for everybody who waits.

A task may end before somebody subscribes to its channel, and while the connection is lost. So
each channel goes through::

    consume_from --SUBSCRIBE--> asked --server confirms--> confirmed --MGET--> looked at, listening

What is stored after the confirmation is announced, what was stored before it is found by the
look: nothing is missed, and sending a task needs no subscription.
"""

import logging
import time
from typing import TYPE_CHECKING, Any, ClassVar

from celery._stores.redis.client import CONNECTION_ERRORS
from celery._stores.redis.subscriber import Heard, Subscriber
from celery.backends.asynchronous import BaseResultConsumer
from celery.states import READY_STATES

if TYPE_CHECKING:
    from celery.backends.redis import RedisBackend

__all__ = ("ResultConsumer",)

logger = logging.getLogger("celery.backends.redis")


class ResultConsumer(BaseResultConsumer):
    """Hears of results through subscriptions; see the module."""

    backend: "RedisBackend"
    _connection_errors: ClassVar[tuple[type[BaseException], ...]] = CONNECTION_ERRORS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._subscriber = Subscriber(self.backend.server)
        self._unseen: set[bytes] = set()

    def start(self, initial_task_id: str, **kwargs: Any) -> None:
        """Connect, and begin to listen for the task."""
        self.consume_from(initial_task_id)

    def stop(self) -> None:
        """Disconnect."""
        self._unseen.clear()
        self._subscriber.close()

    def on_after_fork(self) -> None:
        """Leave the parent's connection alone."""
        self._unseen = set()
        self._subscriber.forget_parent()

    def consume_from(self, task_id: str) -> None:
        """Listen for the task, too; what is stored already is found by the next drain."""
        channel: bytes = self.backend.get_key_for_task(task_id)
        if channel in self._subscriber.channels:
            return
        try:
            self._subscriber.subscribe(channel)
        except CONNECTION_ERRORS as exc:
            self._reconnect(exc)

    def cancel_for(self, task_id: str) -> None:
        """Listen for the task no longer."""
        channel: bytes = self.backend.get_key_for_task(task_id)
        self._unseen.discard(channel)
        self._subscriber.unsubscribe(channel)

    def drain_events(self, timeout: float | None = None) -> None:
        """Wait up to `timeout` seconds for something to come, and handle it.

        Raises:
            TimeoutError: the built-in one; nothing has come.
        """
        if not self._subscriber.channels:
            # Nobody is waited for: whoever calls this all the same is not to spin.
            time.sleep(timeout or 0)
            raise TimeoutError
        heard = self._hear(timeout)
        came = heard is not None
        while heard is not None:
            self._handle(heard)
            # The confirmations of many results come together: look at all with one call.
            heard = self._hear(0) if self._unseen else None
        self._look_at_unseen()
        if not came:
            raise TimeoutError

    def on_state_change(self, meta: dict[str, Any], message: Any) -> None:
        """Tell who waits; there is nothing more to be heard of a task that has ended."""
        super().on_state_change(meta, message)
        if meta["status"] in READY_STATES:
            self.cancel_for(meta["task_id"])

    def _hear(self, timeout: float | None) -> Heard | None:
        try:
            return self._subscriber.hear(timeout)
        except CONNECTION_ERRORS as exc:
            self._reconnect(exc)
            return None

    def _handle(self, heard: Heard) -> None:
        if heard.kind == "subscribe":
            if heard.channel in self._subscriber.channels:
                self._unseen.add(heard.channel)
        elif heard.kind == "message":
            # In the form that callers' on_message has always been given.
            message = {
                "type": "message",
                "pattern": None,
                "channel": heard.channel,
                "data": heard.data,
            }
            self.on_state_change(self.backend.decode_result(heard.data), message)

    def _look_at_unseen(self) -> None:
        """Handle what was stored before the server began to tell us."""
        if not self._unseen:
            return
        keys = list(self._unseen)
        self._unseen.difference_update(keys)
        for payload in self.backend.ensure(self.backend.mget, (keys,)):
            if payload:
                meta = self.backend.decode_result(payload)
                if meta["status"] in READY_STATES:
                    self.on_state_change(meta, None)

    def _reconnect(self, exc: BaseException) -> None:
        """Connect anew; the confirmations that follow make us look at everything again."""
        logger.warning("Connection to Redis lost while waiting for results: %s", exc)
        self.backend.ensure(self._subscriber.reconnect, ())
