"""The application of the mixed fleet: the same file for both sides, the tasks of every scenario.

`FLEET_PREFIX` starts the names of all queues and exchanges; broker and result store come from
Celery's own environment variables.
"""

import os
import socket
import time
from datetime import datetime

from kombu import Exchange, Queue

from celery import Celery, chain, group
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded

PREFIX = os.environ["FLEET_PREFIX"]
SIDES = ("ours", "theirs")
SHARED = f"{PREFIX}.shared"
TOPIC = Exchange(f"{PREFIX}.topic", type="topic")


def queue_of(side):
    return f"{PREFIX}.{side}"


def node_of(side):
    return f"{PREFIX}-{side}@{socket.gethostname()}"


def route(name, args, kwargs, options, task=None, **kw):
    """Tasks whose keyword `lane` names a side go to that side's queue."""
    if name == "fleet.routed":
        return {"queue": queue_of(kwargs["lane"])}
    return None


def make_app(name="fleet", **settings):
    app = Celery(name, set_as_current=not settings)
    app.conf.update(
        task_queues=[
            *(Queue(queue_of(side), Exchange(queue_of(side)), queue_of(side)) for side in SIDES),
            *(Queue(f"{queue_of(side)}.topic", TOPIC, f"{side}.#") for side in SIDES),
            Queue(SHARED, Exchange(SHARED), SHARED),
        ],
        task_default_queue=SHARED,
        task_routes=(route,),
        accept_content=["json", "pickle", "yaml", "msgpack"],
        result_extended=True,
        result_expires=300,
        worker_prefetch_multiplier=1,
        task_send_sent_event=True,
        broker_connection_retry_on_startup=True,
    )
    app.conf.update(settings)
    return app


app = make_app()


class OrderError(Exception):
    """An exception of the user's own module."""

    def __init__(self, order, reason):
        super().__init__(order, reason)
        self.order = order
        self.reason = reason


class Unpicklable(Exception):
    """An exception that cannot be rebuilt from its arguments."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


@app.task
def add(x, y):
    return x + y


@app.task
def total(numbers):
    return sum(numbers)


@app.task
def echo(value=None):
    return value


@app.task
def routed(value, lane):
    return value


@app.task
def describe(*args, **kwargs):
    """What arrived: type and representation of every argument."""
    return {
        "args": [[type(value).__name__, repr(value)] for value in args],
        "kwargs": {key: [type(value).__name__, repr(value)] for key, value in kwargs.items()},
    }


@app.task
def fail(kind):
    errors = {
        "value": ValueError("bad", 3),
        "key": KeyError("missing"),
        "order": OrderError(7, "sold out"),
        "unpicklable": Unpicklable(1, 2),
        "unicode": RuntimeError("naïve ☃"),
        "chained": None,
    }
    if kind == "chained":
        try:
            {}["x"]
        except KeyError as exc:
            raise LookupError("no x") from exc
    raise errors[kind]


@app.task(throws=(KeyError,))
def expected_failure():
    raise KeyError("expected")


@app.task(bind=True)
def whoami(self):
    return self.request.hostname


@app.task(bind=True)
def nap(self, seconds):
    time.sleep(seconds)
    return self.request.hostname


@app.task
def moment():
    return time.monotonic()


@app.task(bind=True, max_retries=3)
def relay(self, queues, seen=()):
    """Retried once for each queue, there."""
    seen = [*seen, [self.request.hostname, self.request.retries]]
    if queues:
        raise self.retry(args=[queues[1:]], kwargs={"seen": seen}, queue=queues[0], countdown=0)
    return seen


@app.task(bind=True, max_retries=2)
def never(self):
    try:
        raise OrderError(1, "again")
    except OrderError as exc:
        raise self.retry(exc=exc, countdown=0)  # noqa: B904  # as users write it


@app.task(autoretry_for=(OrderError,), retry_kwargs={"max_retries": 2, "countdown": 0}, bind=True)
def third_time(self):
    if self.request.retries < 2:
        raise OrderError(self.request.retries, "not yet")
    return self.request.retries


@app.task(bind=True)
def due(self):
    """Whether it started when it was due, and what the request says about it."""
    eta = datetime.fromisoformat(self.request.eta)
    return {"late": eta.timestamp() <= time.time(), "aware": eta.tzinfo is not None}


_CONTEXT = (
    "id", "task", "args", "kwargs", "retries", "root_id", "parent_id", "group", "group_index",
    "shadow", "eta", "expires", "timelimit", "argsrepr", "kwargsrepr", "lang", "correlation_id",
    "delivery_info", "is_eager", "called_directly", "callbacks", "errbacks", "chain", "chord",
    "ignore_result", "replaced_task_nesting", "stamped_headers", "stamps", "headers", "hostname",
    "utc", "taskset", "origin", "reply_to",
)  # fmt: skip


@app.task(bind=True)
def context(self, *args, **kwargs):
    """The request as the task sees it."""
    return {name: getattr(self.request, name, "no attribute") for name in _CONTEXT}


@app.task(bind=True)
def progress(self, steps):
    for step in range(steps):
        self.update_state(state="PROGRESS", meta={"done": step, "of": steps})
    return steps


@app.task(bind=True)
def custom_state(self):
    self.update_state(state="CUSTOM", meta={"by": "hand"})
    raise Ignore


@app.task
def ignore():
    raise Ignore


@app.task
def reject():
    raise Reject("not wanted", requeue=False)


@app.task(soft_time_limit=None)
def limited(seconds):
    try:
        time.sleep(seconds)
    except SoftTimeLimitExceeded:
        return "soft limit"
    return "no limit"


@app.task(track_started=True)
def tracked(seconds):
    time.sleep(seconds)


@app.task
def old_errback(task_id):
    return f"failed: {task_id}"


@app.task
def remember(value, key):
    """Note a value in the result store's side channel: its own result."""
    return [key, value]


@app.task(bind=True)
def grow(self, x):
    """Become another task."""
    raise self.replace(add.s(x, 100).set(queue=self.request.delivery_info["routing_key"]))


@app.task(bind=True)
def widen(self, x):
    """Become a group with a callback."""
    queue = self.request.delivery_info["routing_key"]
    header = [add.si(x, n).set(queue=queue) for n in range(3)]
    raise self.replace(chain(group(header), total.s().set(queue=queue)))


@app.task(bind=True)
def spawn(self, queue):
    """Send a child: its lineage is the caller's."""
    child = context.apply_async(queue=queue)
    return {"self": self.request.id, "child": child.id}
