"""Task: what its events tell about one task, in whatever order they come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from celery import states

if TYPE_CHECKING:
    from celery.events.state.state import State
    from celery.events.state.worker import Worker

__all__ = ("TASK_EVENT_TO_STATE", "Task")

#: The state of a task after an event; an event that is not here is a state of the user's own.
TASK_EVENT_TO_STATE: Final = {
    "sent": states.PENDING,
    "received": states.RECEIVED,
    "started": states.STARTED,
    "failed": states.FAILURE,
    "retried": states.RETRY,
    "succeeded": states.SUCCESS,
    "revoked": states.REVOKED,
    "rejected": states.REJECTED,
}


class Task:
    """One task, as its events tell.

    Attributes:
        uuid: Task id.
        state: Its state, by the most final of its events.
        sent, received, started, succeeded, failed, retried, revoked, rejected: When that event was
            sent, in seconds since the epoch; `None`: not (yet).
        timestamp, clock: Time and logical clock of the event that gave the state.
        worker: The worker that has it.
        client: Name of the client that sent it.
        children: The tasks it has called, as far as they are known.

    Fields of events that are none of these become attributes as well, except where they
    would hide a method.
    """

    name: str | None = None
    state: str = states.PENDING
    received: float | None = None
    sent: float | None = None
    started: float | None = None
    rejected: float | None = None
    succeeded: float | None = None
    failed: float | None = None
    retried: float | None = None
    revoked: float | None = None
    args: str | None = None
    kwargs: str | None = None
    eta: str | None = None
    expires: str | None = None
    retries: int | None = None
    worker: Worker | None = None
    result: str | None = None
    exception: str | None = None
    timestamp: float | None = None
    runtime: float | None = None
    traceback: str | None = None
    exchange: str | None = None
    routing_key: str | None = None
    clock: int = 0
    client: str | None = None
    root_id: str | None = None
    parent_id: str | None = None

    _fields = (
        "uuid",
        "name",
        "state",
        "received",
        "sent",
        "started",
        "rejected",
        "succeeded",
        "failed",
        "retried",
        "revoked",
        "args",
        "kwargs",
        "eta",
        "expires",
        "retries",
        "worker",
        "result",
        "exception",
        "timestamp",
        "runtime",
        "traceback",
        "exchange",
        "routing_key",
        "clock",
        "client",
        "root",
        "root_id",
        "parent",
        "parent_id",
        "children",
    )

    _info_fields = (
        "args",
        "kwargs",
        "retries",
        "result",
        "eta",
        "runtime",
        "expires",
        "exception",
        "exchange",
        "routing_key",
        "root_id",
        "parent_id",
    )

    #: By state: the fields that an event contributes which comes after a more final one.
    merge_rules: Mapping[str, tuple[str, ...]] = {
        states.RECEIVED: (
            "name",
            "args",
            "kwargs",
            "parent_id",
            "root_id",
            "retries",
            "eta",
            "expires",
        )
    }

    def __init__(
        self,
        uuid: str | None = None,
        cluster_state: State | None = None,
        children: Iterable[str] | None = None,
        **kwargs: Any,
    ) -> None:
        self.uuid = uuid
        self.cluster_state = cluster_state
        self.children: WeakSet[Task] = WeakSet()
        for child in map(self._find, children or ()):
            if child is not None:
                self.children.add(child)
        self._set(kwargs)

    def _find(self, uuid: str | None) -> Task | None:
        if uuid is None or self.cluster_state is None:
            return None
        tasks = self.cluster_state.tasks
        # Past the least-recently-used order: to look is not to use, and must not reorder what
        # may be iterated over right now.
        found: Task | None = getattr(tasks, "data", tasks).get(uuid)
        return found

    @property
    def parent(self) -> Task | None:
        """The task that has called it, if that is known."""
        return self._find(self.parent_id)

    @property
    def root(self) -> Task | None:
        """The task everything began with, if that is known."""
        return self._find(self.root_id)

    @property
    def id(self) -> str | None:
        """The same as `uuid`."""
        return self.uuid

    @property
    def origin(self) -> str | None:
        """Who has it: a worker's name and process, or the client's name."""
        return self.client if self.worker is None else self.worker.id

    @property
    def ready(self) -> bool:
        """Whether it has ended."""
        return self.state in states.READY_STATES

    def event(
        self,
        type_: str,
        timestamp: float | None = None,
        local_received: float | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        """Take in an event of this task.

        An event may come after one that happened later.  If the state it stands for precedes
        the one there is (a retry starts over, so nothing precedes it), the state stays.

        Args:
            type_: What follows ``task-`` in its type.
            timestamp: When it was sent.
            local_received: When it came.
        """
        fields = dict(fields or ())
        state = TASK_EVENT_TO_STATE.get(type_)
        if state is None:
            state = type_.upper()
        else:
            setattr(self, type_, timestamp)
        if self._precedes(state):
            fields.pop("state", None)
            kept = self.merge_rules.get(state)
            if kept is not None:
                fields = {name: value for name, value in fields.items() if name in kept}
        else:
            fields.update(state=state, timestamp=timestamp)
        self._set(fields)

    def _precedes(self, state: str) -> bool:
        if states.RETRY in (state, self.state):
            return False
        return states.precedence(state) > states.precedence(self.state)

    def _set(self, fields: Mapping[str, Any]) -> None:
        self.__dict__.update((k, v) for k, v in fields.items() if k not in _RESERVED)

    def info(
        self, fields: Iterable[str] | None = None, extra: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Return what is known of these fields, by default those people like to see.

        Args:
            fields: Names of attributes.
            extra: More of them.
        """
        names = [*(self._info_fields if fields is None else fields), *(extra or ())]
        values = {name: getattr(self, name, None) for name in names}
        return {name: value for name, value in values.items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        """Return all fields, with other tasks as their ids."""
        others = {
            "root": self.root_id,
            "parent": self.parent_id,
            "children": [child.uuid for child in self.children],
        }
        return {
            name: others[name] if name in others else getattr(self, name) for name in self._fields
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and self.uuid == other.uuid

    def __hash__(self) -> int:
        return hash(self.uuid)

    def __repr__(self) -> str:
        return f"<Task: {self.name}({self.uuid}) {self.state} clock:{self.clock}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _depickle_task, (type(self), self.as_dict())


#: What a field of an event may not replace.
_RESERVED: Final = frozenset(
    {"uuid", "cluster_state", "children"}
    | {name for name in dir(Task) if callable(getattr(Task, name))}
    | {name for name, value in vars(Task).items() if isinstance(value, property)}
)


def _depickle_task(cls: type[Task], fields: Mapping[str, Any]) -> Task:
    """Make a task from `Task.as_dict`; the state it belongs to links it to its children."""
    return cls(**fields)
