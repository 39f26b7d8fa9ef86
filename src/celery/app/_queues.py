"""The queues of an app, by name: declared ones, and those made when first used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kombu import Exchange, Queue

__all__ = ["Queues"]

_LINE = ".> {name:<16} exchange={exchange}({exchange_type}) key={routing_key}"


class Queues(dict[str, Any]):
    """Queue by name, with the subset a worker consumes from.

    Args:
        queues: `kombu.Queue` objects, or a mapping of name to queue or to options.
        default_exchange, default_routing_key: for queues that do not say.
        create_missing: looking up an unknown name makes a queue of that name.
        create_missing_queue_type: ``classic`` or ``quorum`` for those.
        create_missing_queue_exchange_type: exchange type for those; None: direct.
        autoexchange: makes the exchange of a missing queue from its name.
        max_priority: ``x-max-priority`` for queues that have none.
    """

    def __init__(  # one setting each
        self,
        queues: Iterable[Queue] | Mapping[str, Any] | None = None,
        default_exchange: Exchange | None = None,
        create_missing: bool = True,
        create_missing_queue_type: str | None = None,
        create_missing_queue_exchange_type: str | None = None,
        autoexchange: Any = None,
        max_priority: int | None = None,
        default_routing_key: str | None = None,
    ) -> None:
        super().__init__()
        self.aliases: dict[str, Queue] = {}
        self.default_exchange = default_exchange
        self.default_routing_key = default_routing_key
        self.create_missing = create_missing
        self.create_missing_queue_type = create_missing_queue_type
        self.create_missing_queue_exchange_type = create_missing_queue_exchange_type
        self.autoexchange = autoexchange or self._exchange_named
        self.max_priority = max_priority
        if isinstance(queues, Mapping):
            for name, queue in queues.items():
                self.add(queue) if isinstance(queue, Queue) else self.add_compat(name, **queue)
        else:
            for queue in queues or ():
                self.add(queue)
        #: The queues a worker of this app consumes from: those declared here, none added later.
        self.consume_from: dict[str, Queue] = dict(self)

    def _exchange_named(self, name: str) -> Exchange:
        return Exchange(name, self.create_missing_queue_exchange_type or "direct")

    def __getitem__(self, name: str) -> Any:
        alias = self.aliases.get(name)
        return alias if alias is not None else super().__getitem__(name)

    def __setitem__(self, name: str, queue: Any) -> None:
        if self.default_exchange is not None and not queue.exchange:
            queue.exchange = self.default_exchange
        super().__setitem__(name, queue)
        if queue.alias:
            self.aliases[queue.alias] = queue

    def __missing__(self, name: str) -> Any:
        if not self.create_missing:
            raise KeyError(name)
        return self.add(self.new_missing(name))

    def add(self, queue: Queue | str, **kwargs: Any) -> Any:
        """Add a queue, or one made of a name and the old style options."""
        if not isinstance(queue, Queue):
            return self.add_compat(queue, **kwargs)
        return self._add(queue)

    def add_compat(self, name: str, **options: Any) -> Any:
        """Add a queue described by options, as in a mapping of `task_queues`."""
        options.setdefault("routing_key", options.get("binding_key"))
        if options["routing_key"] is None:
            options["routing_key"] = name
        return self._add(Queue.from_dict(name, **options))

    def _add(self, queue: Any) -> Any:
        if queue.exchange is None or queue.exchange.name == "":
            queue.exchange = self.default_exchange
        if not queue.routing_key and self.default_routing_key:
            queue.routing_key = self.default_routing_key
        if self.max_priority is not None:
            arguments = dict(queue.queue_arguments or {})
            arguments.setdefault("x-max-priority", self.max_priority)
            queue.queue_arguments = arguments
        self[queue.name] = queue
        return queue

    def new_missing(self, name: str) -> Queue:
        """A queue for a name that nobody declared; it is not added."""
        arguments = None
        if self.create_missing_queue_type and self.create_missing_queue_type != "classic":
            arguments = {"x-queue-type": self.create_missing_queue_type}
        return Queue(name, self.autoexchange(name), name, queue_arguments=arguments)

    def format(self, indent: int = 0, indent_first: bool = True) -> str:
        """One line a queue that is consumed from, for the worker's banner."""
        lines = [
            _LINE.format(
                name=name.strip("'"),
                exchange=queue.exchange.name,
                exchange_type=queue.exchange.type,
                routing_key=queue.routing_key,
            )
            for name, queue in sorted(self.consume_from.items())
        ]
        pad = " " * indent
        text = ("\n" + pad).join(lines)
        return pad + text if indent_first else text

    def select_add(self, queue: Queue | str, **kwargs: Any) -> Any:
        """Add a queue and consume from it too."""
        added = self.add(queue, **kwargs)
        self.consume_from[added.name] = added
        return added

    def select(self, include: str | Iterable[str]) -> None:
        """Consume from these queues only."""
        if include:
            names = [include] if isinstance(include, str) else list(include)
            self.consume_from = {name: self[name] for name in names}

    def deselect(self, exclude: str | Iterable[str]) -> None:
        """Do not consume from these queues."""
        if exclude:
            names = {exclude} if isinstance(exclude, str) else set(exclude)
            self.consume_from = {
                name: queue for name, queue in self.consume_from.items() if name not in names
            }
