"""Step: watch the other workers, and elect one of them when one is to act.

An election: whoever wants something done by exactly one worker sends ``worker-elect``; every worker
answers with ``worker-elect-ack``; when every worker has acknowledged every candidate, all of them
know the same candidates, and the one with the lowest clock (then name) acts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from kombu import Consumer

from celery import bootsteps
from celery.utils.log import get_logger
from celery.utils.objects import Bunch
from celery.worker.consumer.mingle import Mingle

__all__ = ["Gossip"]

logger = get_logger(__name__)

#: Version of the election's protocol.
CONSENSUS_VERSION = 1
#: Elections whose candidates are remembered.
ELECTIONS_MAX = 1000


class _Candidate(NamedTuple):
    """Who would act; the lowest wins."""

    clock: int
    fullname: str
    topic: str
    action: Any


class Gossip(bootsteps.ConsumerStep):
    """Keeps `c.gossip.state`, the other workers as their events show them.

    Args:
        without_gossip: do not.
        interval: seconds between two looks for workers that are gone without a word.
        heartbeat_interval: seconds after which an unread event is of no use.

    Attributes:
        on: sets of functions called with a worker: `node_join`, `node_leave`, `node_lost`.
        election_handlers: by topic; called with the action if this worker is elected.
    """

    name = "celery.worker.consumer.gossip.Gossip"
    label = "Gossip"
    requires = (Mingle,)
    compatible_transports = frozenset({"amqp", "redis", "memory", "sqlite"})

    def __init__(
        self,
        c: Any,
        without_gossip: bool = False,
        interval: float = 5.0,
        heartbeat_interval: float | None = 2.0,
        **kwargs: Any,
    ) -> None:
        self.enabled = not without_gossip and self.compatible_transport(c.app)
        self.app = c.app
        self.c = c
        c.gossip = self
        self.hostname = c.hostname
        self.interval = interval
        self.heartbeat_interval = heartbeat_interval or 2.0
        self.on: Any = Bunch(node_join=set(), node_leave=set(), node_lost=set())
        self.timer = c.timer
        self.clock = c.app.clock
        self.state: Any = None
        self._tref: Any = None
        self._candidates: dict[str, list[_Candidate]] = {}
        self._acks: dict[str, list[str]] = {}
        self.election_handlers: dict[str, Callable[[Any], Any]] = {"task": self.call_task}
        self.event_handlers: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "worker-elect": self.on_elect,
            "worker-elect-ack": self.on_elect_ack,
        }
        if self.enabled:
            self.state = c.app.events.State(
                on_node_join=self.on_node_join,
                on_node_leave=self.on_node_leave,
                max_tasks_in_memory=1,
            )
        super().__init__(c, **kwargs)

    def compatible_transport(self, app: Any) -> bool:
        """Whether the broker carries events to everybody."""
        broker = app.broker_for_read()
        return broker.driver_type in self.compatible_transports and broker.capabilities.fanout

    # -- life

    def get_consumers(self, channel: Any) -> list[Any]:
        self.register_timer()
        receiver = self.app.events.Receiver(
            channel, routing_key="worker.#", queue_ttl=self.heartbeat_interval
        )
        return [
            Consumer(
                channel,
                queues=[receiver.queue],
                on_message=partial(self.on_message, receiver.event_from_message),
                no_ack=True,
                accept=receiver.accept,
            )
        ]

    def register_timer(self) -> None:
        """Look for lost workers from time to time."""
        if self._tref is not None:
            self._tref.cancel()
        self._tref = self.timer.call_repeatedly(self.interval, self.periodic)

    def stop(self, c: Any) -> None:
        if self._tref is not None:
            self._tref.cancel()
            self._tref = None
        super().stop(c)

    def on_message(self, prepare: Callable[[Any], Any], message: Any) -> None:
        """An event has come, in the side channel's thread; the loop's thread takes it."""
        kind = message.delivery_info["routing_key"].replace(".", "-")
        sender = message.headers.get("hostname") or message.payload.get("hostname")
        if kind not in self.event_handlers and sender == self.hostname:
            self.clock.forward()
            return
        _, event = prepare(message.payload)
        self.c.hub.call_soon_threadsafe(self.on_event, event["type"], event)

    def on_event(self, kind: str, event: Mapping[str, Any]) -> None:
        """Take one event. On the loop's thread."""
        handler = self.event_handlers.get(kind)
        if handler is not None:
            try:
                handler(event)
            except KeyError as exc:
                logger.error("gossip: event %r without the field %s", kind, exc)
        elif event.get("hostname") != self.hostname:
            self.state.event(event)

    # -- the others

    def on_node_join(self, worker: Any) -> None:
        """Another worker is there."""
        logger.debug("%s joined the party", worker.hostname)
        self._call(self.on.node_join, worker)

    def on_node_leave(self, worker: Any) -> None:
        """Another worker says that it leaves."""
        logger.debug("%s left", worker.hostname)
        self._call(self.on.node_leave, worker)

    def on_node_lost(self, worker: Any) -> None:
        """Another worker has not been heard of for too long."""
        logger.info("missed heartbeat from %s", worker.hostname)
        self._call(self.on.node_lost, worker)

    def periodic(self) -> None:
        """Find the workers that are gone without a word."""
        workers = self.state.workers
        for worker in [worker for worker in workers.values() if not worker.alive]:
            workers.pop(worker.hostname, None)
            self.on_node_lost(worker)

    def _call(self, handlers: set[Callable[[Any], Any]], *args: Any) -> None:
        for handler in tuple(handlers):
            try:
                handler(*args)
            except Exception as exc:
                logger.exception("Ignored error from handler %r: %r", handler, exc)

    # -- elections

    @property
    def fullname(self) -> str:
        """Name of this process among the candidates."""
        return f"{self.hostname}.{self.c.controller.info()['pid']}"

    def election(self, id: str, topic: str, action: Any = None) -> None:
        """Have exactly one worker carry out an action.

        Args:
            id: of the election; workers that call for the same one are candidates of one election.
            topic: which handler.
            action: given to it; for ``task`` a signature.
        """
        self._acks[id] = []
        self.c.task_events.send(
            "worker-elect", id=id, topic=topic, action=action, cver=CONSENSUS_VERSION
        )

    def on_elect(self, event: Mapping[str, Any]) -> None:
        """Somebody stands as a candidate."""
        if event.get("cver") != CONSENSUS_VERSION:
            logger.warning("gossip: election of unknown version %r", event.get("cver"))
            return
        fullname = f"{event['hostname']}.{event['pid']}"
        candidate = _Candidate(event["clock"], fullname, event["topic"], event["action"])
        self._candidates.setdefault(event["id"], []).append(candidate)
        while len(self._candidates) > ELECTIONS_MAX:  # those that nobody here has called for
            del self._candidates[next(iter(self._candidates))]
        self.c.task_events.send("worker-elect-ack", id=event["id"])

    def on_elect_ack(self, event: Mapping[str, Any]) -> None:
        """Somebody has seen the candidates; when all have, the election is decided."""
        id = event["id"]
        acks = self._acks.get(id)
        if acks is None:
            return  # it is not an election of this worker
        alive = {worker.hostname for worker in self.state.alive_workers()} | {self.hostname}
        acks.append(event["hostname"])
        candidates = self._candidates.get(id, ())
        # Everybody acknowledges every candidate, after having stood if they stand themselves: when
        # all of these acks are in, all candidates are, and everybody decides for the same one.
        if candidates and len(acks) >= len(alive) * len(candidates):
            del self._acks[id], self._candidates[id]
            self._decide(id, min(candidates, key=lambda candidate: candidate[:2]))

    def _decide(self, id: str, winner: _Candidate) -> None:
        if winner.fullname != self.fullname:
            logger.info("node %s elected for %r", winner.fullname, id)
            return
        logger.info("I won the election %r", id)
        handler = self.election_handlers.get(winner.topic)
        if handler is None:
            logger.error("Unknown election topic %r", winner.topic)
            return
        handler(winner.action)

    def call_task(self, task: Any) -> None:
        """Send the task whose signature this is."""
        try:
            self.app.signature(task).apply_async()
        except Exception as exc:
            logger.exception("Could not call task: %r", exc)
