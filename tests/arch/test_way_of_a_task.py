"""The page *The way of a task* is true: one task is sent along it and watched."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import celery
import celery.contrib.testing.tasks  # the task of the ping check
from celery import Celery
from celery.contrib.testing.worker import start_worker

PACKAGE = Path(celery.__file__).parent
PAGE = PACKAGE.parents[1] / "ARCHITECTURE.md"


def files_of_the_page() -> list[str]:
    """The files of the table, in its order, with the adapters of this test put in."""
    table = PAGE.read_text().partition("## The way of a task")[2].partition("## The layers")[0]
    named = re.findall(r"^\|[ \d]*\| `([^`]+)`", table, re.MULTILINE)
    adapters = {
        "_broker/<adapter>": "_broker/memory.py",
        "concurrency/<pool>": "concurrency/solo.py",
        "backends/<store>": "backends/cache.py",
    }
    return [adapters.get(name, name) for name in named]


@contextmanager
def watching() -> Iterator[list[str]]:
    """Notes each file of the package when one of its functions is called for the first time."""
    seen: list[str] = []

    def profile(frame: FrameType, event: str, arg: Any) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(str(PACKAGE)):
            relative = str(Path(name).relative_to(PACKAGE))
            if relative not in seen:
                seen.append(relative)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield seen
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def test_a_task_passes_every_file_of_the_page_in_its_order() -> None:
    app = Celery("way", broker="memory://way-of-a-task", backend="cache+memory://")

    @app.task(acks_late=True)
    def add(x: int, y: int) -> int:
        return x + y

    add(1, 2)  # evaluated: what follows is the way of a call, not of a declaration
    with (
        watching() as seen,
        start_worker(app, pool="solo", perform_ping_check=False),
    ):
        seen.clear()  # what was needed to start
        assert add.delay(2, 3).get(timeout=10) == 5

    page = files_of_the_page()
    assert len(page) >= 13, "the table of ARCHITECTURE.md could not be read"
    assert [name for name in page if name not in seen] == []
    # The first delivery may be on its way through the worker before the client's call returns.
    published = page[: page.index("_broker/memory.py")]
    assert [name for name in seen if name in published] == published
    ran = ["worker/strategy.py", "worker/request.py", "concurrency/solo.py", "_execution/run.py"]
    assert [name for name in seen if name in ran] == ran
