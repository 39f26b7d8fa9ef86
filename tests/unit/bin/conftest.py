"""Running commands in this process, for an app with memory broker and memory results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from celery.app.base import Celery
from celery.bin.celery import ENVIRONMENT_PREFIX
from celery.bin.celery import celery as root

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's variables do not matter, and those that options set do not stay."""
    for name in list(os.environ):
        if name.startswith("CELERY_"):
            monkeypatch.delenv(name)
    for name in ("APP", "BROKER_URL", "RESULT_BACKEND", "LOADER", "CONFIG_MODULE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    exported = ("BROKER_URL", "RESULT_BACKEND", "LOADER", "CONFIG_MODULE", "SKIP_CHECKS")
    for name in exported:  # so that they are restored
        monkeypatch.setenv(f"CELERY_{name}", "")
        monkeypatch.delenv(f"CELERY_{name}")


@pytest.fixture
def app(request: pytest.FixtureRequest) -> Iterator[Celery]:
    app = Celery(
        "shop",
        broker=f"memory://{request.node.name}",
        backend="cache+memory://",
        set_as_current=False,
    )

    @app.task(name="shop.add")
    def add(x: int, y: int) -> int:
        return x + y

    yield app
    app.close()


@pytest.fixture
def run(app: Celery) -> Run:
    """Run a command line for the app; an exception that is no exit of the program is raised."""

    def run(*args: str, obj: Any = app, **kwargs: Any) -> Result:
        result = CliRunner().invoke(
            root, args, obj=obj, prog_name="celery", auto_envvar_prefix=ENVIRONMENT_PREFIX, **kwargs
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
