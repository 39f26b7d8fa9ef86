"""What every test gets: servers, apps that do not leak into each other."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from tests.support.services import ServiceMissing, server_url

from celery import _state
from celery.app.log import Logging


def _server(name: str) -> str:
    try:
        return server_url(name)
    except ServiceMissing as exc:
        if os.environ.get("CI", "").lower() == "true":
            raise
        pytest.skip(str(exc))


@pytest.fixture(scope="session")
def redis_server() -> str:
    """URL of a Redis server, without a database."""
    return _server("redis")


@pytest.fixture(scope="session")
def rabbitmq_server() -> str:
    """URL of a RabbitMQ server, without a virtual host."""
    return _server("rabbitmq")


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """SQLAlchemy URL of a PostgreSQL database."""
    return _server("postgres")


@pytest.fixture(scope="session")
def mariadb_server() -> str:
    """SQLAlchemy URL of a MariaDB database."""
    return _server("mariadb")


@pytest.fixture(autouse=True)
def _own_current_app() -> Iterator[None]:
    """Whatever app a test makes current, the next test does not see it."""
    current, default = _state._tls.current_app, _state.default_app
    blocks = _state.task_join_will_block()
    finalizers = set(_state._on_app_finalizers)
    yield
    _state._on_app_finalizers.intersection_update(finalizers)
    _state._set_task_join_will_block(blocks)
    _state._set_current_app(current)
    _state.set_default_app(default)


def _celery_loggers() -> list[logging.Logger]:
    names = [name for name in logging.root.manager.loggerDict if name.startswith("celery")]
    return [logging.root, *map(logging.getLogger, names)]


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Whatever logging a test sets up, the next test finds the loggers as they were."""
    before = {
        one: (one.level, one.propagate, one.disabled, list(one.handlers))
        for one in _celery_loggers()
    }
    already_setup, disabled_below = Logging._setup, logging.root.manager.disable
    yield
    Logging._setup = already_setup
    logging.disable(disabled_below)
    for one in _celery_loggers():
        level, propagate, disabled, handlers = before.get(one, (logging.NOTSET, True, False, []))
        one.setLevel(level)
        one.propagate, one.disabled = propagate, disabled
        if one is not logging.root:  # its handlers are pytest's business
            one.handlers[:] = handlers
