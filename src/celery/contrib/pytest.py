"""Fixtures for testing programs that use Celery.

Turned on by ``pytest_plugins = ("celery.contrib.pytest",)``, or by the package pytest-celery.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from celery.contrib.testing import worker
from celery.contrib.testing.app import TestApp, setup_default_app

if TYPE_CHECKING:
    from celery.app.base import Celery
    from celery.worker import WorkController

__all__ = [
    "celery_app",
    "celery_class_tasks",
    "celery_config",
    "celery_enable_logging",
    "celery_includes",
    "celery_parameters",
    "celery_session_app",
    "celery_session_worker",
    "celery_worker",
    "celery_worker_parameters",
    "celery_worker_pool",
    "depends_on_current_app",
    "use_celery_app_trap",
]

#: Set in the environment, tests that need a worker are skipped.
NO_WORKER = os.environ.get("NO_WORKER")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers", "celery(**overrides): settings of the test app, for this test"
    )


@contextmanager
def _create_app(
    enable_logging: bool = False,
    use_trap: bool = False,
    parameters: Mapping[str, Any] | None = None,
    **config: Any,
) -> Iterator[Celery]:
    """An app, the default one within the block."""
    options = {"set_as_current": False, "enable_logging": enable_logging, **(parameters or {})}
    app = TestApp(config=config, **options)
    with setup_default_app(app, use_trap=use_trap):
        yield app


# -- what a project overrides


@pytest.fixture(scope="session")
def use_celery_app_trap() -> bool:
    """Make it an error to use the default app."""
    return False


@pytest.fixture(scope="session")
def celery_config() -> Mapping[str, Any]:
    """Settings of the test app."""
    return {}


@pytest.fixture(scope="session")
def celery_parameters() -> Mapping[str, Any]:
    """Arguments of the test app's constructor."""
    return {}


@pytest.fixture(scope="session")
def celery_worker_parameters() -> Mapping[str, Any]:
    """Arguments of `start_worker`."""
    return {}


@pytest.fixture(scope="session")
def celery_enable_logging() -> bool:
    """Let the test app set up logging."""
    return False


@pytest.fixture(scope="session")
def celery_includes() -> Sequence[str]:
    """Modules the session's worker imports."""
    return ()


@pytest.fixture(scope="session")
def celery_worker_pool() -> str:
    """Pool of the test workers."""
    return "solo"


@pytest.fixture(scope="session")
def celery_class_tasks() -> list[Any]:
    """Class-based tasks to register with the session's app."""
    return []


# -- what a test asks for


@pytest.fixture(scope="session")
def celery_session_app(
    request: pytest.FixtureRequest,
    celery_config: Mapping[str, Any],
    celery_parameters: Mapping[str, Any],
    celery_enable_logging: bool,
    use_celery_app_trap: bool,
) -> Iterator[Celery]:
    """One app for all tests of the session."""
    mark = request.node.get_closest_marker("celery")
    config = dict(celery_config, **mark.kwargs if mark else {})
    with _create_app(
        enable_logging=celery_enable_logging,
        use_trap=use_celery_app_trap,
        parameters=celery_parameters,
        **config,
    ) as app:
        if not use_celery_app_trap:
            app.set_default()
            app.set_current()
        yield app


@pytest.fixture(scope="session")
def celery_session_worker(
    request: pytest.FixtureRequest,
    celery_session_app: Celery,
    celery_includes: Sequence[str],
    celery_class_tasks: list[Any],
    celery_worker_pool: Any,
    celery_worker_parameters: Mapping[str, Any],
) -> Iterator[WorkController]:
    """One worker for all tests of the session, in a thread."""
    if NO_WORKER:
        pytest.skip("NO_WORKER is set")
    for module in celery_includes:
        celery_session_app.loader.import_task_module(module)
    for class_task in celery_class_tasks:
        celery_session_app.register_task(class_task)
    with worker.start_worker(
        celery_session_app, pool=celery_worker_pool, **celery_worker_parameters
    ) as controller:
        yield controller


@pytest.fixture
def celery_app(
    request: pytest.FixtureRequest,
    celery_config: Mapping[str, Any],
    celery_parameters: Mapping[str, Any],
    celery_enable_logging: bool,
    use_celery_app_trap: bool,
) -> Iterator[Celery]:
    """An app for this test; the marker ``celery`` changes its settings."""
    mark = request.node.get_closest_marker("celery")
    config = dict(celery_config, **mark.kwargs if mark else {})
    with _create_app(
        enable_logging=celery_enable_logging,
        use_trap=use_celery_app_trap,
        parameters=celery_parameters,
        **config,
    ) as app:
        yield app


@pytest.fixture
def celery_worker(
    request: pytest.FixtureRequest,
    celery_app: Celery,
    celery_includes: Sequence[str],
    celery_worker_pool: Any,
    celery_worker_parameters: Mapping[str, Any],
) -> Iterator[WorkController]:
    """A worker for this test, in a thread."""
    if NO_WORKER:
        pytest.skip("NO_WORKER is set")
    for module in celery_includes:
        celery_app.loader.import_task_module(module)
    with worker.start_worker(
        celery_app, pool=celery_worker_pool, **celery_worker_parameters
    ) as controller:
        yield controller


@pytest.fixture
def depends_on_current_app(celery_app: Celery) -> None:
    """The test's app is the current one."""
    celery_app.set_current()
