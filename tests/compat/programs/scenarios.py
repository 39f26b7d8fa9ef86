"""What a client does with one worker: each function is ordinary user code and tells what it saw.

The same file runs with either side's client against either side's worker; what it returns must
not depend on which they are.
"""

import json
import os
import time
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from datetime import time as time_of_day
from decimal import Decimal

import fleet
from fleet import app
from redis import Redis

from celery.result import AsyncResult

GET = {"timeout": 20}


def scenario(function):
    """Mark a function that a client program can be told to run."""
    function.is_scenario = True
    return function


class Lane:
    """Where one worker takes its tasks from, and where the other does."""

    def __init__(self, side):
        self.side = side
        self.other_side = fleet.SIDES[side == fleet.SIDES[0]]
        self.queue = fleet.queue_of(side)
        self.other_queue = fleet.queue_of(self.other_side)
        self.node = fleet.node_of(side)
        self.other_node = fleet.node_of(self.other_side)
        #: Whether a result can be read by others than who asked for it.
        self.keeps_results = not app.conf.result_backend.startswith("rpc")

    def mine_first(self, names):
        """Names in an order that does not depend on what the sides are called."""
        return sorted(names, key=lambda name: (name not in (self.node, self.queue), name))

    def send(self, task, *args, options=None, **kwargs):
        return task.apply_async(args, kwargs, queue=self.queue, **(options or {}))

    def run(self, task, *args, options=None, **kwargs):
        return self.send(task, *args, options=options, **kwargs).get(**GET)

    def flush(self):
        """Return when all that was sent before has been run: the worker runs one at a time."""
        self.run(fleet.echo, "flush")


def until(condition, seconds=15):
    """The first true value of the condition, looked at until the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError("the condition did not become true")
        time.sleep(0.02)
    return value


def of_the_user(text):
    """The lines of a traceback that are not about the library's own frames."""
    return [
        line for line in (text or "").splitlines() if not line.startswith(" ") or "fleet.py" in line
    ]


def seen(result):
    """All that a result handle says."""
    value = result.result
    if isinstance(value, BaseException):
        kind = type(value)
        value = [kind.__module__, kind.__qualname__, [repr(part) for part in value.args]]
    return {
        "state": result.state,
        "value": value,
        "traceback": of_the_user(result.traceback),
        "ready": result.ready(),
        "successful": result.successful(),
        "failed": result.failed(),
        "name": result.name,
        "args": result.args,
        "kwargs": result.kwargs,
        "worker": result.worker,
        "retries": result.retries,
        "queue": result.queue,
        "dated": isinstance(result.date_done, datetime),
        "children": [child.as_tuple() for child in result.children or ()],
    }


def raised(function):
    """What a call raises, told so that it can be compared."""
    try:
        return ["returned", function()]
    except Exception as exc:
        return [type(exc).__module__, type(exc).__qualname__, [repr(part) for part in exc.args]]


@scenario
def results(lane):
    """A call, its result, its state; a list of many."""
    result = lane.send(fleet.add, 2, 3)
    value = result.get(**GET)
    many = [lane.send(fleet.add, n, n) for n in range(25)]
    return [value, seen(result), [one.get(**GET) for one in many], result.id]


@scenario
def json_types(lane):
    """Every type that the JSON serializer knows, there and back."""
    values = [
        None, True, 1, 2**70, 1.5, "naïve ☃", [1, [2]], {"a": {"b": None}},
        datetime(2026, 5, 4, 3, 2, 1, 999, tzinfo=UTC),
        datetime(2026, 5, 4, 3, 2, 1),
        datetime(2026, 5, 4, 3, 2, 1, tzinfo=timezone(timedelta(hours=-7))),
        date(2026, 5, 4), time_of_day(3, 2, 1), Decimal("1.10"),
        uuid.UUID("12345678-1234-5678-1234-567812345678"), b"bytes", (1, 2),
    ]  # fmt: skip
    arrived = lane.run(fleet.describe, *values, keyword=values[8], other=values[13])
    back = [lane.run(fleet.echo, value) for value in values[8:15]]
    return [arrived, [[type(value).__name__, repr(value)] for value in back]]


@scenario
def failures(lane):
    """Exceptions of the standard library and of the user's module, with their tracebacks."""
    told = []
    for kind in ("value", "key", "order", "unicode", "chained"):
        result = lane.send(fleet.fail, kind)
        told.append([raised(lambda result=result: result.get(**GET)), seen(result)])
    result = lane.send(fleet.expected_failure)
    told.append([raised(lambda: result.get(**GET)), seen(result)])
    quiet = lane.send(fleet.fail, "value").get(propagate=False, **GET)
    odd = lane.send(fleet.fail, "unpicklable")
    text = str(odd.get(propagate=False, **GET))
    return [told, type(quiet).__name__, odd.state, "1 and 2" in text, "1 and 2" in odd.traceback]


@scenario
def wrong_calls(lane):
    """A task nobody has; arguments that do not fit."""
    unknown = app.send_task("fleet.unheard_of", (1,), queue=lane.queue)
    return [
        raised(lambda: unknown.get(**GET)),
        unknown.state,
        raised(lambda: fleet.add.delay(1)),
        raised(lambda: app.send_task("fleet.add", (1,), queue=lane.queue).get(**GET)),
    ]


@scenario
def retries(lane):
    """A task that changes sides with each retry; one that gives up; an automatic one."""
    path = [lane.other_queue, lane.queue, lane.other_queue]
    result = lane.send(fleet.relay, path)
    gave_up = lane.send(fleet.never)
    third = lane.send(fleet.third_time)
    return [
        result.get(**GET),
        seen(result),
        raised(lambda: gave_up.get(**GET)),
        seen(gave_up),
        third.get(**GET),
        seen(third),
    ]


@scenario
def timing(lane):
    """Countdown and ETA: not before their time."""
    started = time.monotonic()
    later = lane.send(fleet.due, options={"countdown": 0.4})
    aware = datetime.now(UTC) + timedelta(seconds=0.4)
    at = lane.send(fleet.due, options={"eta": aware})
    at_zone = aware.astimezone(timezone(timedelta(hours=5)))
    zoned = lane.send(fleet.due, options={"eta": at_zone})
    told = [result.get(**GET) for result in (later, at, zoned)]
    return [told, time.monotonic() - started >= 0.4, seen(later)["state"]]


@scenario
def expiry(lane):
    """Tasks that come too late are not run."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    gone = lane.send(fleet.add, 1, 1, options={"expires": yesterday})
    told = [raised(lambda: gone.get(**GET)), seen(gone)]
    fresh = lane.run(fleet.add, 1, 2, options={"expires": 60})
    return [told, fresh]


@scenario
def ignored_results(lane):
    """Nothing is stored for a call that asks for nothing."""
    result = lane.send(fleet.add, 1, 1, options={"ignore_result": True})
    lane.flush()
    return [result.get(timeout=1), AsyncResult(result.id, app=app).state]


@scenario
def special_outcomes(lane):
    """Ignore, Reject and states set by hand."""
    ignored = lane.send(fleet.ignore)
    custom = lane.send(fleet.custom_state)
    rejected = lane.send(fleet.reject)
    lane.flush()
    lane.run(fleet.progress, 3)
    return [ignored.state, custom.state, custom.info, seen(rejected)]


@scenario
def priorities(lane):
    """With one process and all messages there first: the lower number is served first (Redis)."""
    queue = f"{fleet.PREFIX}.steps.{uuid.uuid4()}"
    numbers = [9, 6, 3, 0, 9, 0, None, 4]
    sent = [
        fleet.moment.apply_async(queue=queue, **({} if number is None else {"priority": number}))
        for number in numbers
    ]
    app.control.add_consumer(queue, destination=[lane.node], reply=True, timeout=5)
    times = [result.get(**GET) for result in sent]
    app.control.cancel_consumer(queue, destination=[lane.node], reply=True, timeout=5)
    order = sorted(range(len(times)), key=times.__getitem__)
    return [numbers[index] for index in order]


@scenario
def request_fields(lane):
    """The request in the task: every field of a plain call and of one with all options."""
    plain = lane.run(fleet.context, 1, b="two")
    full = lane.run(
        fleet.context,
        1,
        options={
            "headers": {"trace": "abc", "nested": {"n": [1, 2]}},
            "priority": 3,
            "shadow": "another name",
            "time_limit": 30,
            "soft_time_limit": 20,
            "root_id": "root",
            "parent_id": "parent",
            "countdown": 0.05,
            "expires": 60,
            "argsrepr": "(hidden)",
            "kwargsrepr": "{hidden}",
            "group_id": "the-group",
            "group_index": 4,
        },
    )
    return [plain, full]


@scenario
def lineage(lane):
    """A task sent by a task: root and parent."""
    result = lane.send(fleet.spawn, lane.other_queue)
    ids = result.get(**GET)
    told = {"ids": ids, "as_expected": ids["self"] == result.id}
    if lane.keeps_results:
        child = AsyncResult(ids["child"], app=app).get(**GET)
        told["child"] = [child["root_id"], child["parent_id"]]
        told["children"] = [one.id for one in result.children]
    return told


@scenario
def routing(lane):
    """A queue by name, a route, an exchange with a routing key."""
    by_route = fleet.routed.delay("by route", lane=lane.side).get(**GET)
    by_topic = fleet.context.apply_async(
        exchange=fleet.TOPIC.name, routing_key=f"{lane.side}.deep.down", declare=[fleet.TOPIC]
    )
    by_queue = fleet.context.apply_async(queue=f"{lane.queue}.topic")
    told = [by_topic.get(**GET), by_queue.get(**GET)]
    return [by_route, [[one["delivery_info"], one["hostname"]] for one in told]]


@scenario
def serializers(lane):
    """Messages in every accepted format, compressed or not."""
    values = [1, "naïve", [1, 2], {"a": 1.5}]
    told = {}
    for serializer in ("json", "pickle", "yaml", "msgpack"):
        told[serializer] = lane.run(fleet.describe, *values, options={"serializer": serializer})
    for compression in ("zlib", "gzip", "bzip2"):
        text = "squeeze " * 200
        told[compression] = lane.run(fleet.echo, text, options={"compression": compression}) == text
    told["tuple"] = lane.run(fleet.describe, (1, 2), options={"serializer": "pickle"})
    return told


@scenario
def large_messages(lane):
    """Arguments and results of a megabyte."""
    text = "0123456789abcdef" * 65536
    return lane.run(fleet.echo, text) == text


@scenario
def protocol_one(lane):
    """A client that speaks the old protocol."""
    old = fleet.make_app("fleet", task_protocol=1)
    plain = old.send_task("fleet.add", (4, 5), queue=lane.queue)
    keywords = old.send_task("fleet.describe", (), {"when": Decimal("2.5")}, queue=lane.queue)
    link = app.signature("fleet.add", (10,), queue=lane.queue, app=old)
    linked = old.send_task("fleet.add", (1, 1), queue=lane.queue, link=link)
    failed = old.send_task("fleet.fail", ("value",), queue=lane.queue)
    late = old.send_task("fleet.add", (1, 2), queue=lane.queue, countdown=0.1)
    retried = old.send_task("fleet.third_time", queue=lane.queue)
    told = [one.get(**GET) for one in (plain, keywords, linked, late, retried)]
    children = [child.get(**GET) for child in linked.children] if lane.keeps_results else None
    told += [raised(lambda: failed.get(**GET)), children]
    old.close()
    return told


@scenario
def time_limits(lane):
    """Limits given with the call: the soft one inside the task, the hard one from outside."""
    soft = lane.run(fleet.limited, 20, options={"soft_time_limit": 0.5, "time_limit": 15})
    hard = lane.send(fleet.limited, 20, options={"time_limit": 0.5})
    return [soft, raised(lambda: hard.get(**GET)), hard.state]


@scenario
def raw_metadata(lane):
    """The stored JSON itself, for each way a task can end."""
    store = Redis.from_url(os.environ["CELERY_RESULT_BACKEND"])
    keep = {"stamped_headers": ["batch"], "batch": "b1"}
    calls = {
        "success": lane.send(fleet.add, 2, y=3, options=keep),
        "failure": lane.send(fleet.fail, "order"),
        "retried": lane.send(fleet.third_time),
        "revoked": lane.send(fleet.add, 1, 1, options={"expires": -1}),
        "link": lane.send(fleet.add, 1, 1, options={"link": fleet.add.s(1).set(queue=lane.queue)}),
        "group": lane.send(fleet.add, 1, 1, options={"group_id": "g-1", "group_index": 0}),
    }
    told = {}
    for name, result in calls.items():
        result.get(propagate=False, **GET)
        key = f"celery-task-meta-{result.id}"
        meta = json.loads(store.get(key))
        meta["traceback"] = of_the_user(meta["traceback"])
        told[name] = [sorted(meta), meta, store.ttl(key) > 0]
    store.close()
    return told


@scenario
def forgetting(lane):
    """A forgotten result is gone."""
    result = lane.send(fleet.add, 1, 1)
    result.get(**GET)
    result.forget()
    return AsyncResult(result.id, app=app).state


@scenario
def read(lane, ids):
    """Read results that another client asked for."""
    return [seen(AsyncResult(task_id, app=app)) for task_id in ids]


@scenario
def sample(lane):
    """Tasks of several outcomes; their ids, for the other client to read."""
    sent = [
        lane.send(fleet.add, 2, 3),
        lane.send(fleet.fail, "order"),
        lane.send(fleet.relay, [lane.queue]),
        lane.send(fleet.echo, {"when": datetime(2026, 1, 2, tzinfo=UTC)}),
        lane.send(fleet.add, 1, 1, options={"link": fleet.add.s(5).set(queue=lane.queue)}),
    ]
    for result in sent:
        result.get(propagate=False, **GET)
    lane.flush()
    return [result.id for result in sent]
