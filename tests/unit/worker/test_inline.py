"""Tasks on the loop's own thread."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from celery.worker._inline import InlineRunner


class Request:
    def __init__(self, name: str, late: bool = False) -> None:
        self.name = name
        self.task = SimpleNamespace(acks_late=late)
        self.acknowledged = False

    def acknowledge(self) -> None:
        self.acknowledged = True


def test_the_acknowledgement_is_out_before_an_early_task_begins() -> None:
    log: list[tuple[str, Any]] = []
    stopping = [False]
    requests = [Request("early"), Request("late", late=True), Request("never")]

    def execute(request: Any) -> None:
        log.append((request.name, request.acknowledged))
        stopping[0] = request.name == "late"

    async def flush() -> None:
        log.append(("flush", [request.acknowledged for request in requests]))

    async def main() -> InlineRunner:
        runner = InlineRunner(execute, lambda: stopping[0])
        for request in requests:
            runner.submit(request)  # type: ignore[arg-type]  # as much of a request as it needs
        running = asyncio.ensure_future(runner.run(flush))
        await asyncio.sleep(0.01)
        running.cancel()
        return runner

    runner = asyncio.run(main())
    assert log == [
        ("flush", [True, False, False]),
        ("early", True),
        ("flush", [True, False, False]),
        ("late", False),
    ]
    # A worker that is to stop begins nothing more; what is not acknowledged is handed back.
    assert runner.finish() == requests[2:]


def test_what_was_acknowledged_is_run_in_any_case() -> None:
    done: list[str] = []
    runner = InlineRunner(lambda request: done.append(request.name), lambda: True)
    request = Request("early")
    request.acknowledge()
    runner.submit(request)  # type: ignore[arg-type]  # as much of a request as it needs
    assert runner.finish() == []
    assert done == ["early"]
