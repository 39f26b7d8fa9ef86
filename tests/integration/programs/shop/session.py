import time

from shop import celery_app
from shop.cart.tasks import checkout, upload_files
from shop.mail.tasks import hopeless, send

print(sorted(celery_app.conf.beat_schedule))
print(celery_app.conf.task_time_limit, celery_app.main)

result = upload_files.delay([f"{n}.jpg" for n in range(6)])
states = set()
while not result.ready():
    states.add(result.state)
    if result.state == "PROGRESS":
        assert result.info["total"] == 6, result.info
    time.sleep(0.01)
print("PROGRESS" in states, result.state, result.info)

print(checkout.delay("order 7").get(timeout=10))
print(send.delay("ada@example.com").get(timeout=10))

result = hopeless.delay("nobody@example.com")
print(repr(result.get(propagate=False, timeout=10)))

result = checkout.delay("order 8")
result.get(timeout=10)
print(result.name, result.args, result.kwargs, result.retries)
