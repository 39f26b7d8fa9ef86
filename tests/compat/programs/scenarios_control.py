"""Remote control and events: what a client sees and does of a worker without sending tasks."""

import threading
import uuid

import fleet
from fleet import app
from scenarios import GET, raised, scenario, seen, until

WAIT = {"timeout": 10}


def ask(lane):
    return app.control.inspect(destination=[lane.node], **WAIT)


def tell(lane, command, **arguments):
    """The worker's answer to a command."""
    (reply,) = app.control.broadcast(
        command, arguments=arguments, destination=[lane.node], reply=True, **WAIT
    )
    return reply[lane.node]


@scenario
def ping(lane):
    """Is it there?"""
    other = app.control.ping(destination=[lane.node, lane.other_node], **WAIT)
    return [
        app.control.ping(destination=[lane.node], **WAIT),
        lane.mine_first(node for reply in other for node in reply),
        ask(lane).ping(),
    ]


@scenario
def inspection(lane):
    """Questions to a worker: the shape of each answer, its value where it is not the machine's."""
    i = ask(lane)
    node = lane.node
    stats = i.stats()[node]
    queues = {queue["name"]: queue for queue in i.active_queues()[node]}
    return {
        "registered": sorted(i.registered()[node]),
        "registered with": sorted(i.registered("max_retries", "track_started")[node])[:3],
        "active_queues": queues,
        "stats": sorted(stats),
        "broker": sorted(stats["broker"]),
        "transport": stats["broker"]["transport"],
        "rusage": sorted(stats["rusage"]),
        "prefetch": stats["prefetch_count"],
        "pool": stats["pool"]["max-concurrency"],
        "totals": all(isinstance(count, int) for count in stats["total"].values()),
        "clock": [sorted(i.clock()[node]), type(i.clock()[node]["clock"]).__name__],
        "reserved": i.reserved(),
        "active": i.active(),
        "scheduled": i.scheduled(),
        "query": i.query_task("unknown-id"),
        "conf": {
            key: value
            for key, value in i.conf()[node].items()
            if key in ("task_default_queue", "result_extended", "worker_prefetch_multiplier")
        },
        "report": isinstance(i.report()[node]["ok"], str),
    }


def _keys(info):
    return sorted(info)


@scenario
def running_task(lane):
    """A task while it runs: as the worker describes it, and ended by hand."""
    result = lane.send(fleet.tracked, 60)
    until(lambda: result.state == "STARTED" if lane.keeps_results else _active(lane, result))
    info = _active(lane, result)
    meta = result.info
    queried = ask(lane).query_task(result.id)[lane.node]
    result.revoke(terminate=True, signal="SIGTERM")
    told = [raised(lambda: result.get(**GET))]
    if lane.keeps_results:
        told += [sorted(meta), meta["hostname"], seen(result)]
    lane.flush()
    return [
        *told,
        sorted(info),
        {
            key: info[key]
            for key in ("id", "name", "args", "kwargs", "type", "hostname", "delivery_info")
        },
        [type(info[key]).__name__ for key in ("time_start", "acknowledged", "worker_pid")],
        [queried[result.id][0], sorted(queried[result.id][1])],
    ]


def _active(lane, result):
    return next((info for info in ask(lane).active()[lane.node] if info["id"] == result.id), None)


@scenario
def revoked(lane):
    """A task revoked before the worker has it, and one revoked while it waits for its time."""
    first = str(uuid.uuid4())
    app.control.revoke(first, destination=[lane.node], reply=True, **WAIT)
    known = first in ask(lane).revoked()[lane.node]
    never = lane.send(fleet.add, 1, 1, options={"task_id": first})
    told = [known, raised(lambda: never.get(**GET)), never.state, never.traceback]
    later = lane.send(fleet.add, 1, 1, options={"countdown": 0.6})
    told.append(tell(lane, "revoke", task_id=later.id, terminate=False))
    return [*told, raised(lambda: later.get(**GET))]


@scenario
def commands(lane):
    """Commands and their answers."""
    extra = f"{fleet.PREFIX}.extra"
    told = [
        tell(lane, "rate_limit", task_name="fleet.ignore", rate_limit="100/s"),
        tell(lane, "rate_limit", task_name="fleet.ignore", rate_limit=0),
        tell(lane, "rate_limit", task_name="no.such", rate_limit=0),
        tell(lane, "time_limit", task_name="fleet.ignore", soft=5, hard=10),
        tell(lane, "time_limit", task_name="no.such", soft=5, hard=10),
        tell(lane, "add_consumer", queue=extra),
    ]
    told.append(fleet.add.apply_async((1, 2), queue=extra).get(**GET))
    told += [
        tell(lane, "cancel_consumer", queue=extra),
        tell(lane, "cancel_consumer", queue="not.consumed"),
        tell(lane, "pool_grow", n=1),
        tell(lane, "pool_shrink", n=1),
        tell(lane, "no_such_command"),
        tell(lane, "autoscale", max=3, min=1),
    ]
    app.control.time_limit("fleet.ignore", None, None, destination=[lane.node], reply=True, **WAIT)
    return told


@scenario
def events(lane):
    """The events of one task and of the worker, as a monitor receives them."""
    received, task_id = [], str(uuid.uuid4())
    beating, last = threading.Event(), threading.Event()

    def on_event(event):
        if event["type"] == "task-sent" or event["hostname"] == lane.node:
            received.append(event)
        if event["type"] == "worker-heartbeat" and event["hostname"] == lane.node:
            beating.set()
        if event.get("uuid") == task_id and event["type"] == "task-succeeded":
            last.set()

    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": on_event}, app=app)

        def listen():
            for _ in receiver.itercapture(limit=None, timeout=None, wakeup=True):
                if last.is_set():
                    return

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        if not beating.wait(15):
            raise TimeoutError("no heartbeat from the worker")
        lane.run(fleet.add, 1, 2, options={"task_id": task_id})
        if not last.wait(15):
            raise TimeoutError(f"no task-succeeded, only {[one['type'] for one in received]}")
        listener.join(15)
    of_task = {one["type"]: one for one in received if one.get("uuid") == task_id}
    beat = next(one for one in received if one["type"] == "worker-heartbeat")
    stable = ("name", "args", "kwargs", "root_id", "parent_id", "result", "retries", "queue")
    return {
        "fields": {kind: sorted(event) for kind, event in of_task.items()},
        "values": {
            kind: {key: event[key] for key in stable if key in event}
            for kind, event in of_task.items()
        },
        "heartbeat": {key: type(beat[key]).__name__ for key in ("sw_ident", "sw_ver", "sw_sys")},
    }
