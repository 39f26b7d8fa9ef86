import time

from tasks import add, divide

result = add.delay(4, 4)
while not result.ready():
    time.sleep(0.01)
print(result.state, result.get(timeout=10))

print(add.apply_async((2, 2), countdown=0.2).get(timeout=10))

result = divide.delay(1, 0)
print(repr(result.get(propagate=False, timeout=10)), result.failed(), result.successful())
print(result.traceback.strip().splitlines()[-1])
try:
    result.get()
except ZeroDivisionError as exc:
    print("raised", exc)

polled = add.delay("poll", "ing")
while polled.state not in ("SUCCESS", "FAILURE"):
    time.sleep(0.01)
print(polled.result)
