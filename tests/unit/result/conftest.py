"""An application, and what it sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.result_apps import make_app

from celery.app.base import Celery
from celery.signals import before_task_publish


@pytest.fixture
def app() -> Iterator[Celery]:
    app = make_app()
    yield app
    app.close()


@pytest.fixture
def sent() -> Iterator[list[tuple[str, tuple[Any, ...], dict[str, Any]]]]:
    """``(name, arguments, headers)`` of the tasks that are sent."""
    sent: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def note(sender: str, body: Any, headers: dict[str, Any], **fields: Any) -> None:
        sent.append((sender, tuple(body[0]), headers))

    before_task_publish.connect(note, weak=False)
    yield sent
    before_task_publish.disconnect(note)
