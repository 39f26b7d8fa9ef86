from proj.celery import app
from proj.reports.tasks import table
from proj.tasks import add, mul, xsum

from celery import chain, chord, group

GET = {"timeout": 20}

print(sorted(name for name in app.tasks if not name.startswith("celery.")))

# Signatures and partials.
s1 = add.s(2, 2)
print(s1.delay().get(**GET))
incomplete = add.s(2)
print(incomplete.delay(8).get(**GET))
print(table.s([1]).delay(title="kept").get(**GET))

# Groups.
print(group(add.s(i, i) for i in range(10))().get(**GET))
g = group(add.s(i) for i in range(10))
print(g(10).get(**GET))

# Chains.
print(chain(add.s(4, 4) | mul.s(8))().get(**GET))
print((add.s(4, 4) | mul.s(8))().get(**GET))
result = chain(add.s(1, 1), add.s(10), add.s(100))()
print(result.get(**GET), result.parent.get(**GET), result.parent.parent.get(**GET))

# Chords.
print(chord((add.s(i, i) for i in range(10)), xsum.s())().get(**GET))
print((group(add.s(i, i) for i in range(10)) | xsum.s())().get(**GET))
print(
    (group(add.s(i, i) for i in range(3)) | xsum.s() | mul.s(10) | table.s("report"))().get(**GET)
)

# Maps and chunks.
print(xsum.map([list(range(10)), list(range(100))]).delay().get(**GET))
print(add.starmap(list(zip(range(4), range(4), strict=True))).delay().get(**GET))
print(add.chunks(zip(range(6), range(6), strict=True), 3)().get(**GET))

# A callback, and what to do about an error.
link = add.apply_async((2, 2), link=mul.s(16))
print(link.get(**GET), [child.get(**GET) for child in link.children])
failing = add.apply_async((1, "x"), link_error=app.signature("reports.log_error"))
print(type(failing.get(propagate=False, **GET)).__name__)

# Options of a call.
print(add.apply_async((1, 1), expires=60, priority=3, headers={"k": "v"}).get(**GET))
print(app.send_task("proj.tasks.add", (3, 4)).get(**GET))
print(app.AsyncResult(link.id).get(**GET))
