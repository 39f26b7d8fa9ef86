"""Publish one message for each of many calls, to queues that nobody consumes."""

import os
from datetime import UTC, datetime
from decimal import Decimal

from kombu import Exchange, Queue

from celery import Celery, chain, chord, group

PREFIX = os.environ["CAPTURE_PREFIX"]
TOPIC = Exchange(f"{PREFIX}.topic", type="topic")
CALLS = {}


def make_app(**settings):
    app = Celery("capture", set_as_current=not settings)
    app.conf.update(
        task_default_queue=f"{PREFIX}.default",
        task_queues=[
            Queue(f"{PREFIX}.default"),
            Queue(f"{PREFIX}.bound", TOPIC, "animals.#"),
            Queue(f"{PREFIX}.ranked", max_priority=9),
        ],
        task_routes={"capture.routed": {"queue": f"{PREFIX}.bound", "routing_key": "animals.cat"}},
    )
    app.conf.update(settings)
    return app


app = make_app()


@app.task
def add(x, y=0):
    return x + y


@app.task
def routed():
    pass


@app.task(
    bind=True, ignore_result=True, priority=5, time_limit=30, soft_time_limit=20, expires=3600,
    serializer="yaml", compression="zlib",
)  # fmt: skip
def loaded(self):
    pass


def call(function):
    """A call whose message is compared; its name is the queue's."""
    CALLS[function.__name__] = function
    return function


ETA = datetime(2033, 5, 4, 3, 2, 1, 999, tzinfo=UTC)


@call
def plain(queue):
    add.apply_async((2, 3), queue=queue, task_id="the-id")


@call
def keywords(queue):
    add.apply_async(kwargs={"x": 1, "y": Decimal("1.5")}, queue=queue)


@call
def types(queue):
    add.apply_async(([ETA, ETA.date(), b"bytes", None], {"set": "naïve ☃"}), queue=queue)


@call
def all_options(queue):
    add.apply_async(
        (1, 2),
        queue=queue,
        task_id="with-all",
        eta=ETA,
        expires=datetime(2034, 1, 1, tzinfo=UTC),
        priority=6,
        shadow="another name",
        time_limit=30,
        soft_time_limit=20,
        headers={"trace": "abc", "nested": {"n": 1}},
        ignore_result=True,
        root_id="root",
        parent_id="parent",
        group_id="the-group",
        group_index=3,
        reply_to="somewhere",
        argsrepr="<args>",
        kwargsrepr="<kwargs>",
        retries=2,
        correlation_id="correlated",
        delivery_mode=1,
        app_id="custom property",
    )


@call
def countdown(queue):
    add.apply_async((1,), queue=queue, countdown=60, expires=120)


@call
def naive_eta(queue):
    add.apply_async((1,), queue=queue, eta=ETA.replace(tzinfo=None))


@call
def compressed(queue):
    add.apply_async(("squeeze " * 100,), queue=queue, compression="gzip")


@call
def pickled(queue):
    add.apply_async(((1, 2),), queue=queue, serializer="pickle")


@call
def packed(queue):
    add.apply_async((1, 2), queue=queue, serializer="msgpack")


@call
def task_options(queue):
    loaded.apply_async(queue=queue)


@call
def by_name(queue):
    app.send_task("somebody.elses", (1,), {"a": "b" * 2000}, queue=queue)


@call
def links(queue):
    callback = add.s(10).set(task_id="callback", queue=queue, priority=2)
    errback = add.si(1).set(task_id="errback")
    add.apply_async((1,), queue=queue, link=[callback, callback.clone()], link_error=errback)


@call
def chained(queue):
    steps = chain(add.s(1, 1), add.s(2), add.si(3, 3).set(countdown=5), add.s(4))
    steps.apply_async(queue=queue, task_id="last")


@call
def grouped(queue):
    group(add.s(n, n).set(task_id=f"member-{n}") for n in range(3)).apply_async(
        queue=queue, task_id="the-group"
    )


@call
def chain_with_group(queue):
    (add.s(1, 1) | group(add.s(n) for n in range(2)) | add.si(0, 0)).apply_async(queue=queue)


@call
def chord_header(queue):
    chord((add.s(n, n) for n in range(2)), add.si(5).set(task_id="body")).apply_async(queue=queue)


@call
def stamped(queue):
    signature = add.s(1, 1)
    signature.stamp(batch="b-1", many=["x", "y"])
    signature.apply_async(queue=queue)


@call
def mapped(queue):
    add.map([1, 2]).apply_async(queue=queue)
    add.starmap([(1, 2), (3, 4)]).apply_async(queue=queue)
    add.chunks([(n, n) for n in range(4)], 2).apply_async(queue=queue)


@call
def protocol_one(queue):
    old = make_app(task_protocol=1)
    old.send_task(
        "capture.add", (1, 2), {"y": 1}, queue=queue, task_id="one", eta=ETA, expires=ETA,
        time_limit=9, retries=1, headers={"mine": 1}, link=add.s(1).set(task_id="after"),
    )  # fmt: skip
    old.close()


@call
def bound(queue):
    """Not to a queue of its own: by a route and by exchange."""
    routed.apply_async(task_id="by-route")
    add.apply_async((1,), exchange=TOPIC.name, routing_key="animals.dog", declare=[TOPIC])
    add.apply_async((1,), queue=f"{PREFIX}.ranked", priority=9)
    add.delay(7)


if __name__ == "__main__":
    for name, function in CALLS.items():
        function(f"{PREFIX}.{name}")
