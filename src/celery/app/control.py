"""Commands to workers, over the broadcast mailbox of the broker.

Source of the messages: the remote control part of the wire protocol (kombu's pidbox).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kombu.pidbox import Mailbox
from kombu.utils.functional import lazy
from kombu.utils.objects import cached_property

from celery.app._inspect import Inspect
from celery.exceptions import DuplicateNodenameWarning, ImproperlyConfigured
from celery.utils.text import pluralize

if TYPE_CHECKING:
    from celery.app.base import Celery

__all__ = ["Control", "Inspect", "flatten_reply"]

TERM_SIGNAME = "SIGTERM"


def flatten_reply(reply: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A list of one reply a node as one mapping of node to reply; warns of nodes of one name."""
    nodes: dict[str, Any] = {}
    twice: set[str] = set()
    for item in reply:
        twice.update(name for name in item if name in nodes)
        nodes.update(item)
    if twice:
        warnings.warn(
            f"Received multiple replies from node {pluralize(len(twice), 'name')}: "
            f"{', '.join(sorted(twice))}. Give each worker its own name with the -n option.",
            DuplicateNodenameWarning,
            stacklevel=2,
        )
    return nodes


class Control:
    """Commands to the workers of an app's broker.

    Every command takes `destination` (list of node names; None: all), `reply` (wait for answers
    and return them), `timeout` (seconds to wait for them), and the rest of `broadcast`.
    """

    Mailbox = Mailbox

    app: Any

    def __init__(self, app: Celery | None = None) -> None:
        self.app = app
        conf: Any = self.app.conf
        if conf.control_queue_durable and conf.control_queue_exclusive:
            raise ImproperlyConfigured(
                "control_queue_exclusive and control_queue_durable cannot both be on: "
                "an exclusive queue goes away with its connection"
            )
        mailbox: Any = self.Mailbox
        self.mailbox = mailbox(
            conf.control_exchange,
            type="fanout",
            accept=conf.accept_content,
            serializer=conf.task_serializer,
            producer_pool=lazy(lambda: self.app.amqp.producer_pool),
            queue_ttl=conf.control_queue_ttl,
            queue_expires=conf.control_queue_expires,
            queue_exclusive=conf.control_queue_exclusive,
            queue_durable=conf.control_queue_durable,
            reply_queue_ttl=conf.control_queue_ttl,
            reply_queue_expires=conf.control_queue_expires,
        )

    @cached_property
    def inspect(self) -> Any:
        """The class of questions, bound to this app: ``app.control.inspect(...)``."""
        return self.app.subclass_with_self(Inspect, reverse="control.inspect")

    def broadcast(  # noqa: PLR0913  # the documented signature
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        destination: Any = None,
        connection: Any = None,
        reply: bool = False,
        timeout: float = 1.0,
        limit: int | None = None,
        callback: Callable[[Any], Any] | None = None,
        channel: Any = None,
        pattern: str | None = None,
        matcher: str | None = None,
        **extra_kwargs: Any,
    ) -> Any:
        """Send a command to workers.

        Args:
            command, arguments: what to do; keywords that are nothing else join the arguments.
            destination: list of node names; None: every worker.
            reply: wait for answers, `timeout` seconds or until `limit` have come.
            callback: called with each answer as it comes.
            pattern, matcher: only nodes whose name matches; ``glob`` or ``pcre``.

        Returns:
            a list of ``{node: answer}``, or None without `reply`.

        Raises:
            ValueError: `destination` is not a list or tuple.
        """
        with self.app.connection_or_acquire(connection) as conn:
            return self.mailbox(conn)._broadcast(
                command,
                {**(arguments or {}), **extra_kwargs},
                destination,
                reply,
                timeout,
                limit,
                callback,
                channel=channel,
                pattern=pattern,
                matcher=matcher,
            )

    # -- tasks

    def revoke(
        self,
        task_id: Any,
        destination: Any = None,
        terminate: bool = False,
        signal: str = TERM_SIGNAME,
        **kwargs: Any,
    ) -> Any:
        """Tell workers never to start these tasks; `terminate` also ends one that runs."""
        arguments = {"task_id": task_id, "terminate": terminate, "signal": signal}
        return self.broadcast("revoke", destination=destination, arguments=arguments, **kwargs)

    def revoke_by_stamped_headers(
        self,
        headers: Mapping[str, Any],
        destination: Any = None,
        terminate: bool = False,
        signal: str = TERM_SIGNAME,
        **kwargs: Any,
    ) -> Any:
        """Revoke every task with one of these stamps."""
        arguments = {"headers": headers, "terminate": terminate, "signal": signal}
        return self.broadcast(
            "revoke_by_stamped_headers", destination=destination, arguments=arguments, **kwargs
        )

    def terminate(
        self, task_id: Any, destination: Any = None, signal: str = TERM_SIGNAME, **kwargs: Any
    ) -> Any:
        """Revoke these tasks and end them if they run."""
        return self.revoke(
            task_id, destination=destination, terminate=True, signal=signal, **kwargs
        )

    def rate_limit(
        self, task_name: str, rate_limit: Any, destination: Any = None, **kwargs: Any
    ) -> Any:
        """Change the rate limit of a task, for example ``10/m``."""
        arguments = {"task_name": task_name, "rate_limit": rate_limit}
        return self.broadcast("rate_limit", destination=destination, arguments=arguments, **kwargs)

    def time_limit(
        self,
        task_name: str,
        soft: float | None = None,
        hard: float | None = None,
        destination: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Change the time limits (seconds) of a task."""
        arguments = {"task_name": task_name, "hard": hard, "soft": soft}
        return self.broadcast("time_limit", arguments, destination, **kwargs)

    # -- queues

    def purge(self, connection: Any = None) -> int:
        """Delete all waiting messages of the app's queues; returns how many."""
        with self.app.connection_for_write() if connection is None else connection as conn:
            return int(self.app.amqp.TaskConsumer(conn.default_channel).purge())

    discard_all = purge

    def add_consumer(
        self,
        queue: str,
        exchange: str | None = None,
        exchange_type: str = "direct",
        routing_key: str | None = None,
        options: Mapping[str, Any] | None = None,
        destination: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Have workers consume from another queue."""
        arguments = {
            "queue": queue,
            "exchange": exchange,
            "exchange_type": exchange_type,
            "routing_key": routing_key,
            **(options or {}),
        }
        return self.broadcast(
            "add_consumer", destination=destination, arguments=arguments, **kwargs
        )

    def cancel_consumer(self, queue: str, destination: Any = None, **kwargs: Any) -> Any:
        """Have workers consume from a queue no more."""
        return self.broadcast(
            "cancel_consumer", destination=destination, arguments={"queue": queue}, **kwargs
        )

    # -- workers

    def ping(self, destination: Any = None, timeout: float = 1.0, **kwargs: Any) -> Any:
        """Ask who is there; returns the answers."""
        return self.broadcast(
            "ping", reply=True, arguments={}, destination=destination, timeout=timeout, **kwargs
        )

    def shutdown(self, destination: Any = None, **kwargs: Any) -> Any:
        """Shut workers down, warmly."""
        return self.broadcast("shutdown", arguments={}, destination=destination, **kwargs)

    def pool_restart(
        self,
        modules: Any = None,
        reload: bool = False,
        reloader: Any = None,
        destination: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Restart the pools; `modules` to import or reload first."""
        arguments = {"modules": modules, "reload": reload, "reloader": reloader}
        return self.broadcast("pool_restart", arguments, destination, **kwargs)

    def pool_grow(self, n: int = 1, destination: Any = None, **kwargs: Any) -> Any:
        """Add `n` processes or threads to the pools."""
        return self.broadcast("pool_grow", arguments={"n": n}, destination=destination, **kwargs)

    def pool_shrink(self, n: int = 1, destination: Any = None, **kwargs: Any) -> Any:
        """Take `n` processes or threads from the pools."""
        return self.broadcast("pool_shrink", arguments={"n": n}, destination=destination, **kwargs)

    def autoscale(self, max: int, min: int, destination: Any = None, **kwargs: Any) -> Any:
        """Change the limits between which the pools grow and shrink by themselves."""
        return self.broadcast("autoscale", {"max": max, "min": min}, destination, **kwargs)

    # -- events

    def enable_events(self, destination: Any = None, **kwargs: Any) -> Any:
        """Have workers send task events."""
        return self.broadcast("enable_events", arguments={}, destination=destination, **kwargs)

    def disable_events(self, destination: Any = None, **kwargs: Any) -> Any:
        """Have workers send no task events."""
        return self.broadcast("disable_events", arguments={}, destination=destination, **kwargs)

    def heartbeat(self, destination: Any = None, **kwargs: Any) -> Any:
        """Have workers send a heartbeat now."""
        return self.broadcast("heartbeat", arguments={}, destination=destination, **kwargs)

    def election(self, id: str, topic: str, action: Any = None, connection: Any = None) -> Any:
        """Let the workers choose one of them to carry out an action."""
        arguments = {"id": id, "topic": topic, "action": action}
        return self.broadcast("election", arguments, connection=connection)
