"""Workflows: chains, groups, chords and callbacks whose steps run on both workers."""

import fleet
from fleet import app
from scenarios import GET, raised, scenario, seen, until

from celery import chain, chord, chunks, group, signature
from celery.result import AsyncResult, GroupResult


def here(lane, task, *args, **kwargs):
    """A signature that runs on the lane's worker."""
    return task.signature(args, kwargs).set(queue=lane.queue)


def there(lane, task, *args, **kwargs):
    """A signature that runs on the other worker."""
    return task.signature(args, kwargs).set(queue=lane.other_queue)


def outcome(result_id):
    """The stored end of a task that nobody waits for."""
    result = AsyncResult(result_id, app=app)
    until(result.ready)
    return [result.state, result.get(propagate=False)]


@scenario
def links(lane):
    """Callbacks and error callbacks, on this worker and on the other."""
    good = here(lane, fleet.add, 2, 3)
    after = [there(lane, fleet.add, 10), here(lane, fleet.remember, "kept")]
    for callback in after:
        good.link(callback)
    frozen = [callback.freeze() for callback in good.options["link"]]
    bad = here(lane, fleet.fail, "value")
    errback = there(lane, fleet.old_errback)
    told_of = errback.freeze()
    bad.link_error(errback)
    first, second = good.delay(), bad.delay()
    told = [first.get(**GET), raised(lambda: second.get(**GET))]
    if lane.keeps_results:
        told += [outcome(one.id) for one in frozen]
        told += [outcome(told_of.id)]
        told.append([child.id for child in first.children])
    return told


@scenario
def chains(lane):
    """Steps that change sides; a failing step; partial and immutable signatures."""
    work = chain(here(lane, fleet.add, 1, 1), there(lane, fleet.add, 2), here(lane, fleet.add, 3))
    result = work()
    told = [result.get(**GET)]
    if lane.keeps_results:
        told += [seen(one) for one in _ancestors(result)]
    fixed = here(lane, fleet.add, 1, 1) | there(lane, fleet.echo, "fixed").set(immutable=True)
    told.append(fixed().get(**GET))
    broken = chain(
        here(lane, fleet.add, 1, 1),
        there(lane, fleet.fail).clone(kwargs={"kind": "order"}).set(immutable=True),
        here(lane, fleet.add, 3),
    )()
    told += [raised(lambda: broken.get(**GET)), broken.parent.state]
    if lane.keeps_results:
        told.append(outcome(broken.id)[0])
    partial = fleet.add.s(4).set(queue=lane.queue)
    return [*told, partial.delay(5).get(**GET), (partial | partial.clone())(1).get(**GET)]


def _ancestors(result):
    """The results of all steps, the last one first; each may be stored after the next step ran."""
    while result is not None:
        until(result.ready)
        yield result
        result = result.parent


@scenario
def groups(lane):
    """A group over both workers: order of the results, save, restore, counts."""
    result = group(
        (here if n % 2 else there)(lane, fleet.add, n, n) for n in range(10)
    ).apply_async()
    told = [result.get(**GET), result.completed_count(), result.successful(), len(result)]
    if lane.keeps_results:
        result.save()
        told.append(GroupResult.restore(result.id, app=app).get(**GET))
    failing = group(here(lane, fleet.add, 1, 1), there(lane, fleet.fail, "key"))()
    told += [raised(lambda: failing.get(**GET)), failing.failed()]
    return told


@scenario
def chords(lane):
    """Headers and bodies on different workers."""
    header = [(here if n % 2 else there)(lane, fleet.add, n, 1) for n in range(8)]
    told = [
        chord(header, here(lane, fleet.total))().get(**GET),
        chord(header, there(lane, fleet.total))().get(**GET),
    ]
    ordered = chord(header, there(lane, fleet.echo))()
    told += [ordered.get(**GET), ordered.parent.get(**GET)]
    longer = chain(group(header), here(lane, fleet.total), there(lane, fleet.add, 1000))()
    told.append(longer.get(**GET))
    empty = chord([], here(lane, fleet.total))
    return [*told, empty().get(**GET)]


@scenario
def chord_errors(lane):
    """A header task fails: the body does not run and says why."""
    header = [here(lane, fleet.add, 1, 1), there(lane, fleet.fail, "value")]
    result = chord(header, here(lane, fleet.total))()
    told = [raised(lambda: result.get(**GET))]
    until(result.ready)
    value = result.result
    failing = result.parent.results[1].id
    return [*told, result.state, type(value).__qualname__, str(value).replace(failing, "FAILED")]


@scenario
def nested(lane):
    """A group as the last step; chords in a chord; a chain in a group in a chord in a chain."""
    spread = chain(
        here(lane, fleet.add, 1, 1), group(there(lane, fleet.add, n) for n in range(3))
    )()
    chords_in_chord = chord(
        [
            chord([here(lane, fleet.add, n, n) for n in range(3)], there(lane, fleet.total)),
            there(lane, fleet.add, 100, 1),
        ],
        here(lane, fleet.total),
    )()
    inner = chain(here(lane, fleet.add, 1, 1).set(immutable=True), there(lane, fleet.add, 1))
    deep = chain(
        there(lane, fleet.echo, 5),
        group(inner, there(lane, fleet.echo)),
        here(lane, fleet.total),
        there(lane, fleet.echo),
    )()
    return [spread.get(**GET), chords_in_chord.get(**GET), deep.get(**GET)]


@scenario
def maps(lane):
    """map, starmap and chunks: many calls in one message."""
    mapped = fleet.echo.map([1, 2, 3]).set(queue=lane.queue)
    starred = fleet.add.starmap([(1, 1), (2, 2)]).set(queue=lane.other_queue)
    pieces = chunks(fleet.add.s(), [(n, n) for n in range(6)], 4).group()
    pieces = group(piece.set(queue=lane.queue) for piece in pieces.tasks)
    return [mapped.delay().get(**GET), starred.delay().get(**GET), pieces().get(**GET)]


@scenario
def replaced(lane):
    """A task that becomes another one, alone and within a chain; one that becomes a chord."""
    alone = lane.send(fleet.grow, 1)
    middle = chain(
        here(lane, fleet.add, 1, 1), there(lane, fleet.grow), here(lane, fleet.add, 1000)
    )()
    told = [alone.get(**GET), middle.get(**GET)]
    if lane.keeps_results:
        told.append(lane.run(fleet.widen, 1))
        widened = chain(here(lane, fleet.widen, 2), there(lane, fleet.add, 1))
        told.append(widened().get(**GET))
    return told


@scenario
def stamps(lane):
    """Stamps reach every step, on both workers."""
    work = chain(here(lane, fleet.add, 1, 1), there(lane, fleet.context))
    work.stamp(batch="b-1")
    context = work.apply_async().get(**GET)
    return [context["stamped_headers"], context["stamps"], context["args"]]


@scenario
def signature_json(lane):
    """A signature as data, rebuilt and run: what clients store and other clients send."""
    work = chain(here(lane, fleet.add, 1, 1), group([there(lane, fleet.add, n) for n in range(2)]))
    data = app.backend.decode(app.backend.encode(work)) if lane.keeps_results else dict(work)
    return [signature(data, app=app).apply_async().get(**GET), work]


@scenario
def crowd(lane):
    """Many workflows at once on the queue that both workers take from."""
    shared = {"queue": fleet.SHARED}
    adds = [fleet.add.si(n, n).set(**shared) for n in range(12)]
    chorded = [chord(adds, fleet.total.s().set(**shared))() for _ in range(4)]
    chained = [
        chain(fleet.add.si(n, 1).set(**shared), *(fleet.add.s(1).set(**shared) for _ in range(4)))()
        for n in range(8)
    ]
    grouped = group(fleet.nap.si(0.02).set(**shared) for _ in range(40))()
    return {
        "chords": [result.get(**GET) for result in chorded],
        "chains": [result.get(**GET) for result in chained],
        "both took part": sorted(set(grouped.get(**GET))) == sorted([lane.node, lane.other_node]),
    }
