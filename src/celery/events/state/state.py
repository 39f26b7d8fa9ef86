"""State: folds the events of a cluster into workers and tasks."""

from __future__ import annotations

import threading
from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any
from weakref import WeakSet, ref

from kombu.clocks import timetuple
from kombu.utils.functional import LRUCache

from celery.events.state.task import Task as _Task
from celery.events.state.worker import Worker as _Worker

__all__ = ("State", "TaskIndex")

Event = Mapping[str, Any]
TaskPairs = Iterator[tuple[str, _Task]]


class TaskIndex(defaultdict[str, "WeakSet[_Task]"]):
    """Tasks by a name, as sets by item access; or, called with a name, in the order of time.

    Args:
        select: ``select(name, limit, reverse)``: answers the call.
    """

    def __init__(self, select: Callable[[str, int | None, bool], TaskPairs]) -> None:
        super().__init__(WeakSet)
        self._select = select

    def __call__(self, name: str, limit: int | None = None, reverse: bool = True) -> TaskPairs:
        return self._select(name, limit, reverse)


class State:
    """What is known of a cluster: feed it with events, and look at `workers` and `tasks`.

    It may be fed by one thread and looked at by others; `freeze_while` holds it still.  It can be
    pickled.

    Args:
        callback: Called with the state and each event, before it is taken in.
        workers, tasks: What is known already, by hostname and by id.
        taskheap: Order of the tasks, if known.
        max_workers_in_memory, max_tasks_in_memory: The least recently used beyond are forgotten.
        on_node_join: Called with a worker that is new, or says that it is online.
        on_node_leave: Called with a worker that says that it goes offline.
        tasks_by_type, tasks_by_worker: Part of pickles; made anew from `tasks`.

    Attributes:
        workers: The workers by hostname.
        tasks: The tasks by id.
        tasks_by_type, tasks_by_worker: :class:`TaskIndex`.
        handlers: Functions by group, called with the subject and the event, that take the
            events of a group instead of this.
        event_count: Events of all kinds.
        task_count: Tasks received by workers.
    """

    Worker = _Worker
    Task = _Task

    event_count = 0
    task_count = 0

    #: How many events a task may have in the order of time, on average.
    heap_multiplier = 4

    def __init__(  # noqa: PLR0913  # the documented arguments, and their order in pickles
        self,
        callback: Callable[[State, Event], Any] | None = None,
        workers: Mapping[str, _Worker] | None = None,
        tasks: Mapping[str, _Task] | None = None,
        taskheap: list[timetuple] | None = None,
        max_workers_in_memory: int = 5000,
        max_tasks_in_memory: int = 10000,
        on_node_join: Callable[[_Worker], Any] | None = None,
        on_node_leave: Callable[[_Worker], Any] | None = None,
        tasks_by_type: Mapping[str, Iterable[str]] | None = None,
        tasks_by_worker: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self.event_callback = callback
        self.workers: Any = LRUCache(max_workers_in_memory) if workers is None else workers
        self.tasks: Any = LRUCache(max_tasks_in_memory) if tasks is None else tasks
        self.max_workers_in_memory = max_workers_in_memory
        self.max_tasks_in_memory = max_tasks_in_memory
        self.on_node_join = on_node_join
        self.on_node_leave = on_node_leave
        self.handlers: dict[str, Callable[[str, Event], Any]] = {}
        self.tasks_by_type = TaskIndex(self._tasks_by_type)
        self.tasks_by_worker = TaskIndex(self._tasks_by_worker)
        self._mutex = threading.RLock()
        self._seen_types: set[str] = set()
        #: Children whose parents are not known, by the parent's id.
        self._orphans: Any = LRUCache(max_tasks_in_memory)
        #: One entry per event of a task, the latest last; tasks are held weakly.
        self._taskheap: list[timetuple] = [] if taskheap is None else taskheap
        self._adopt(list(self.tasks.values()))
        if taskheap is None:
            self.rebuild_taskheap()

    def _adopt(self, tasks: list[_Task]) -> None:
        for task in tasks:
            task.cluster_state = self
        for task in tasks:
            self._index_name(task)
            if task.worker is not None and task.worker.hostname is not None:
                self.tasks_by_worker[task.worker.hostname].add(task)
            self._link_to_parent(task)

    # -- taking in events

    def event(self, event: Event) -> Any:
        """Take in an event.

        Returns:
            ``((object, created), subject)`` with the worker or task it is about; what a handler
            returned and the subject, for a group with one in `handlers`; `None` for other groups.

        Raises:
            KeyError: It lacks ``type``; or ``hostname`` or ``uuid``, where it is of a group that
                has them.
        """
        with self._mutex:
            return self._take(event)

    def _take(self, event: Event) -> Any:
        self.event_count += 1
        if self.event_callback is not None:
            self.event_callback(self, event)
        group, _, subject = event["type"].partition("-")
        handler = self.handlers.get(group)
        if handler is not None:
            return handler(subject, event), subject
        if group == "worker":
            return self._take_worker(subject, event), subject
        if group == "task":
            return self._take_task(subject, event), subject
        return None

    def _take_worker(self, subject: str, event: Event) -> tuple[_Worker, bool]:
        hostname = event["hostname"]
        if subject == "offline":
            worker = self.workers.pop(hostname, None) or self.Worker(hostname)
            created = False
        else:
            worker, created = self.get_or_create_worker(hostname)
        worker.event(subject, event.get("timestamp"), event.get("local_received"), event)
        if subject == "offline":
            if self.on_node_leave is not None:
                self.on_node_leave(worker)
        elif self.on_node_join is not None and (created or subject == "online"):
            self.on_node_join(worker)
        return worker, created

    def _take_task(self, subject: str, event: Event) -> tuple[_Task, bool]:
        uuid, hostname = event["uuid"], event["hostname"]
        timestamp, received = event.get("timestamp"), event.get("local_received")
        task, created = self.get_or_create_task(uuid)
        if subject == "sent":
            task.client = origin = hostname
        else:
            worker, _ = self.get_or_create_worker(hostname)
            self._assign(task, worker)
            worker.event(None, timestamp, received)
            origin = worker.id
        if subject == "received":
            self.task_count += 1
        self._remember_time(event.get("clock"), timestamp, origin, task)
        name = task.name
        task.event(subject, timestamp, received, event)
        if task.name != name:
            if name is not None:
                self.tasks_by_type[name].discard(task)
            self._index_name(task)
        if "parent_id" in event:
            self._link_to_parent(task)
        return task, created

    def _remember_time(
        self, clock: int | None, timestamp: float | None, origin: str, task: _Task
    ) -> None:
        heap = self._taskheap
        entry = timetuple(clock or 0, timestamp or 0, origin, ref(task))
        if heap and entry < heap[-1]:
            insort(heap, entry)
        else:
            heap.append(entry)
        del heap[: -self.max_tasks_in_memory * self.heap_multiplier]

    def _assign(self, task: _Task, worker: _Worker) -> None:
        before, task.worker = task.worker, worker
        if before is not worker:
            if before is not None and before.hostname is not None:
                self.tasks_by_worker[before.hostname].discard(task)
            if worker.hostname is not None:
                self.tasks_by_worker[worker.hostname].add(task)

    def _index_name(self, task: _Task) -> None:
        if task.name is not None:
            self._seen_types.add(task.name)
            self.tasks_by_type[task.name].add(task)

    def _link_to_parent(self, task: _Task) -> None:
        if task.parent_id is None:
            return
        parent = task.parent
        if parent is not None:
            parent.children.add(task)
            return
        if task.parent_id not in self._orphans:
            self._orphans[task.parent_id] = WeakSet()
        self._orphans[task.parent_id].add(task)

    def worker_event(self, type_: str, fields: Event) -> Any:
        """Take in ``worker-<type_>`` and return its part of what `event` does.  Deprecated."""
        return self._take({**fields, "type": f"worker-{type_}"})[0]

    def task_event(self, type_: str, fields: Event) -> Any:
        """Take in ``task-<type_>`` and return its part of what `event` does.  Deprecated."""
        return self._take({**fields, "type": f"task-{type_}"})[0]

    def get_or_create_worker(self, hostname: str, **kwargs: Any) -> tuple[_Worker, bool]:
        """Return the worker of that name, with these fields set, and whether it is new."""
        worker = self.workers.get(hostname)
        if worker is None:
            worker = self.workers[hostname] = self.Worker(hostname, **kwargs)
            return worker, True
        if kwargs:
            worker.update(kwargs)
        return worker, False

    def get_or_create_task(self, uuid: str) -> tuple[_Task, bool]:
        """Return the task of that id, and whether it is new."""
        task = self.tasks.get(uuid)
        if task is not None:
            return task, False
        task = self.tasks[uuid] = self.Task(uuid, cluster_state=self)
        task.children.update(self._orphans.pop(uuid, ()))
        return task, True

    # -- looking

    def itertasks(self, limit: int | None = None) -> TaskPairs:
        """Yield ids and tasks, the least recently used first."""
        yield from islice(list(self.tasks.items()), limit)

    def tasks_by_time(self, limit: int | None = None, reverse: bool = True) -> TaskPairs:
        """Return ids and tasks by logical clock, time and origin of their last event.

        Args:
            limit: How many at most.
            reverse: The latest first.
        """
        return islice(self._in_order(reverse), limit)

    tasks_by_timestamp = tasks_by_time

    def _in_order(self, reverse: bool) -> TaskPairs:
        entries = list(self._taskheap)  # a copy, made at once: others may go on adding
        seen: set[str] = set()
        for entry in reversed(entries) if reverse else entries:
            task: _Task | None = entry[3]()
            if task is not None and task.uuid is not None and task.uuid not in seen:
                seen.add(task.uuid)
                yield task.uuid, task

    def _tasks_by_type(self, name: str, limit: int | None, reverse: bool) -> TaskPairs:
        return islice((pair for pair in self._in_order(reverse) if pair[1].name == name), limit)

    def _tasks_by_worker(self, hostname: str, limit: int | None, reverse: bool) -> TaskPairs:
        pairs = self._in_order(reverse)
        return islice(
            (pair for pair in pairs if pair[1].worker and pair[1].worker.hostname == hostname),
            limit,
        )

    def task_types(self) -> list[str]:
        """Return the names of all tasks that have been seen, sorted."""
        return sorted(self._seen_types)

    def alive_workers(self) -> Iterator[_Worker]:
        """Yield the workers that have been heard of lately."""
        return (worker for worker in list(self.workers.values()) if worker.alive)

    def freeze_while(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function while nothing changes, and return what it does.

        Args:
            clear_after: Forget workers, and tasks that have ended, afterwards.
        """
        clear_after = kwargs.pop("clear_after", False)
        with self._mutex:
            try:
                return fun(*args, **kwargs)
            finally:
                if clear_after:
                    self._clear()

    # -- forgetting

    def clear(self, ready: bool = True) -> None:
        """Forget the workers, the counts, and the tasks; `ready`: only those that have ended."""
        with self._mutex:
            self._clear(ready)

    def clear_tasks(self, ready: bool = True) -> None:
        """Forget the tasks; `ready`: only those that have ended."""
        with self._mutex:
            self._clear_tasks(ready)

    def _clear(self, ready: bool = True) -> None:
        self.workers.clear()
        self._clear_tasks(ready)
        self.event_count = self.task_count = 0

    def _clear_tasks(self, ready: bool = True) -> None:
        left = {uuid: task for uuid, task in self.itertasks() if ready and not task.ready}
        self.tasks.clear()
        self.tasks.update(left)
        for index in (self.tasks_by_type, self.tasks_by_worker):
            for name in [name for name, tasks in index.items() if not tasks]:
                del index[name]
        self.rebuild_taskheap()

    def rebuild_taskheap(self) -> None:
        """Order the tasks anew, by the event that gave each its state."""
        self._taskheap[:] = sorted(
            timetuple(task.clock or 0, task.timestamp or 0, task.origin or "", ref(task))
            for _, task in self.itertasks()
        )

    def __repr__(self) -> str:
        return f"<State: events={self.event_count} tasks={self.task_count}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.__reduce_args__()

    def __reduce_args__(self) -> tuple[Any, ...]:
        with self._mutex:
            by_type, by_worker = (
                {name: [task.uuid for task in tasks] for name, tasks in index.items()}
                for index in (self.tasks_by_type, self.tasks_by_worker)
            )
            return (
                self.event_callback,
                self.workers,
                self.tasks,
                None,
                self.max_workers_in_memory,
                self.max_tasks_in_memory,
                self.on_node_join,
                self.on_node_leave,
                by_type,
                by_worker,
            )
