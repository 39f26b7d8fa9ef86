"""No-op jobs a second through the prefork pool alone: no broker, no results.

Run: ``python benchmarks/prefork_pool.py [jobs] [processes]``
"""

import asyncio
import statistics
import sys
import time
from typing import Any

from celery.concurrency.prefork import TaskPool

ROUNDS = 5
#: So many jobs are submitted and not finished at any time, as a worker prefetches.
AHEAD = 64

REQUEST = {
    "id": "8ab1fe2c-6b5e-4c0b-9a55-5f6b1d3a2c11",
    "task": "proj.tasks.add",
    "argsrepr": "(2, 3)",
    "kwargsrepr": "{}",
    "reply_to": "1c0b8ab1-6b5e-4c0b-9a55-5f6b1d3a2c11",
    "hostname": "celery@here",
    "delivery_info": {"exchange": "", "routing_key": "celery", "priority": 0},
}
BODY = b'[[2, 3], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'


def noop(*args: Any) -> tuple[int, str, float]:
    """Return what a traced task returns."""
    return 0, "5", 0.0


class Hub:
    """What the pool needs of a worker's hub."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop


async def run(pool: TaskPool, jobs: int) -> float:
    """Run so many jobs; returns how many that is a second."""
    finished = asyncio.get_running_loop().create_future()
    submitted = done = 0

    def submit() -> None:
        nonlocal submitted
        submitted += 1
        pool.apply_async(
            noop,
            (REQUEST["task"], REQUEST["id"], REQUEST, BODY, "application/json", "utf-8"),
            accept_callback=lambda pid, when: None,
            callback=on_done,
        )

    def on_done(value: object) -> None:
        nonlocal done
        done += 1
        if submitted < jobs:
            submit()
        elif done == jobs:
            finished.set_result(None)

    start = time.perf_counter()
    for _ in range(min(AHEAD, jobs)):
        submit()
    await finished
    return jobs / (time.perf_counter() - start)


def main() -> None:
    """Measure a few rounds and print their median."""
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    processes = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    loop = asyncio.new_event_loop()
    pool = TaskPool(processes)
    pool.start()
    pool.register_with_event_loop(Hub(loop))
    rates = [loop.run_until_complete(run(pool, jobs)) for _ in range(ROUNDS)]
    pool.stop()
    loop.close()
    print(f"median {statistics.median(rates):,.0f} jobs/s of", *(f"{rate:,.0f}" for rate in rates))


if __name__ == "__main__":
    main()
