"""The worker's mailbox: receives commands, has them carried out, replies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kombu.common import ignore_errors
from kombu.utils.encoding import safe_str

from celery.utils.collections import AttributeDict
from celery.utils.log import get_logger
from celery.worker.control import Panel

if TYPE_CHECKING:
    from celery.worker.consumer.consumer import Consumer

__all__ = ["Pidbox", "gPidbox"]

logger = get_logger(__name__)


class _OnLoop(Mapping[str, Callable[..., Any]]):
    """The registered commands, each called on the loop's thread."""

    def __init__(self, c: Consumer) -> None:
        self._c = c

    def __getitem__(self, name: str) -> Callable[..., Any]:
        command = Panel.data[name]

        def call(state: Any, **arguments: Any) -> Any:
            return self._c.side_channel.on_loop(command, state, **arguments)

        return call

    def __iter__(self) -> Iterator[str]:
        return iter(Panel.data)

    def __len__(self) -> int:
        return len(Panel.data)


class Pidbox:
    """A node of the application's mailbox.

    Messages arrive and replies leave in the thread of the side channel; the commands are carried
    out on the loop's thread.
    """

    consumer: Any = None

    def __init__(self, c: Consumer) -> None:
        self.c = c
        self.hostname = c.hostname
        self.node = c.app.control.mailbox.Node(
            safe_str(c.hostname),
            handlers=_OnLoop(c),
            state=AttributeDict(app=c.app, hostname=c.hostname, consumer=c, tset=set),
        )
        self._forward_clock = c.app.clock.forward

    def start(self, c: Consumer) -> None:
        """Listen."""
        self.node.channel = c.connection.channel()
        self.consumer = self.node.listen(callback=self.on_message)
        self.consumer.on_decode_error = self.on_decode_error

    def stop(self, c: Consumer) -> None:
        """Listen no more. Safe twice."""
        consumer, self.consumer = self.consumer, None
        channel, self.node.channel = self.node.channel, None
        if consumer is not None:
            ignore_errors(c.connection, consumer.cancel)
        if channel is not None:
            ignore_errors(c.connection, channel.close)

    def shutdown(self, c: Consumer) -> None:
        """The same as `stop`, at the very end."""
        self.stop(c)

    def on_message(self, body: Any, message: Any) -> None:
        """Carry out one command; what is wrong with it is logged."""
        self._forward_clock()
        try:
            self.node.handle_message(body, message)
        except SystemExit as exc:
            code = exc.code if isinstance(exc.code, int) else 0
            self.c.hub.call_soon_threadsafe(self.c.controller.request_shutdown, code)
        except KeyError as exc:
            logger.error("No such control command: %s", exc)
        except self.c.connection_errors:
            raise
        except Exception as exc:
            logger.error("Control command error: %r", exc, exc_info=True)

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """A command that cannot be read."""
        logger.error("Cannot decode control message: %r %s", exc, message)


class gPidbox(Pidbox):  # the documented name
    """The mailbox of workers with green pools; the side channel serves it as well."""
