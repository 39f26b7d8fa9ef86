"""What the tests of the backend suite share: fixtures, and verbs that drive a store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ClassVar, TypeAlias
from uuid import uuid4

import pytest

from celery._message.context import Context
from celery.app.base import Celery
from celery.signals import before_task_publish

__all__ = ["PATIENCE", "BackendKit", "BackendOpener", "Sent", "eventually", "new_id", "request_of"]

BackendOpener: TypeAlias = Callable[[], Any]

#: ``(name, positional arguments)`` of each task that was sent.
Sent: TypeAlias = list[tuple[str, tuple[Any, ...]]]

#: Seconds after which something that should have happened at once counts as not happening.
PATIENCE = 20.0


class BackendKit:
    """What a store's subclass states, and the fixtures of every test."""

    #: Settings of the application, beside the store's own.
    settings: ClassVar[dict[str, Any]] = {}
    #: Whether the store counts the parts of a chord; if not, a task has to look for them.
    counts_chords: ClassVar[bool] = True
    #: Whether groups can be saved.
    saves_groups: ClassVar[bool] = True
    #: Whether the store is asked, and not told, so that any reader sees everything.
    many_readers: ClassVar[bool] = True

    @pytest.fixture
    def app(self) -> Iterator[Any]:
        """An application whose backend is the fixture `backend`."""
        app = Celery(
            f"conformance.{uuid4().hex}",
            broker=f"memory://{uuid4().hex}",
            set_as_current=False,
            fixups=(),
            changes=dict(self.settings),
        )
        yield app
        app.close()

    @pytest.fixture
    def open_backend(self, app: Any) -> BackendOpener:
        """Override: what makes a backend of the application, every time over the same store."""
        pytest.fail(f"{type(self).__name__} must override the fixture open_backend")

    @pytest.fixture
    def backend(self, app: Any, open_backend: BackendOpener) -> Any:
        """A backend over the store, the one of the application."""
        app.backend = open_backend()
        return app.backend

    @pytest.fixture
    def sent(self, app: Any) -> Iterator[Sent]:
        """The tasks that are sent."""
        sent: Sent = []

        def note(sender: Any = None, body: Any = None, **fields: Any) -> None:
            sent.append((sender, tuple(body[0])))

        before_task_publish.connect(note, weak=False)
        yield sent
        before_task_publish.disconnect(note)

    @pytest.fixture
    def in_threads(self) -> Iterator[Callable[..., Future[Any]]]:
        """Runs functions in threads of their own: ``in_threads(function, *args)``."""
        with ThreadPoolExecutor(max_workers=16) as pool:
            yield pool.submit


def new_id() -> str:
    """An id nobody else uses."""
    return uuid4().hex


def request_of(task_id: str, **fields: Any) -> Context:
    """The request of a task, as the worker has it."""
    return Context(id=task_id, task="conformance", delivery_info={}, **fields)


def eventually(condition: Callable[[], bool], timeout: float = PATIENCE) -> None:
    """Wait until `condition` holds; fail if it does not in time."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "this should have happened by now"
        pause.wait(0.02)
