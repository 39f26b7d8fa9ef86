"""The programs of Celery's tutorials, unchanged, with a real worker on each broker.

Each directory of `programs/` is what a reader of a tutorial has typed: the task modules, and
`session.py` with what is typed into the Python shell. It is copied, the documented command line
starts the worker there, and the session's output is compared.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.own_queue import OwnQueue
from tests.support.workers import Program, Worker, run_script, workers

PROGRAMS = Path(__file__).parent / "programs"
REDIS_DB = 10
#: The queues and exchanges that programs name: one test process at a time may use them.
NAMED = ["default", "feed_tasks", "feeds", "mail", "shop"]

Environment = dict[str, str]


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("redis", marks=pytest.mark.redis),
        pytest.param("rabbitmq", marks=[pytest.mark.rabbitmq, pytest.mark.redis]),
    ]
)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Environment]:
    """The environment that names each broker; SQLite is what there is without any setting.

    With RabbitMQ results are messages.
    """
    if request.param == "sqlite":
        yield {}
        return
    server: str = request.getfixturevalue(f"{request.param}_server")
    url = f"{server}/{REDIS_DB}" if request.param == "redis" else f"{server}//"
    backend = url if request.param == "redis" else "rpc://"
    queue = OwnQueue(tmp_path / "config")
    with _alone():
        queue.delete(url, *NAMED)
        yield {"CELERY_BROKER_URL": url, "CELERY_RESULT_BACKEND": backend, **queue.env}
        queue.delete(url, *NAMED)


@pytest.fixture
def broker_with_store(request: pytest.FixtureRequest, broker: Environment) -> Environment:
    """The same for programs with chords, which need a store that several workers can read."""
    if broker.get("CELERY_RESULT_BACKEND") != "rpc://":
        return broker
    redis = f"{request.getfixturevalue('redis_server')}/{REDIS_DB}"
    return {**broker, "CELERY_RESULT_BACKEND": redis}


@contextmanager
def _alone() -> Iterator[None]:
    """Keep other test processes of this machine off the queues."""
    with Path(tempfile.gettempdir(), "celery-test-tutorials.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _typed(name: str, directory: Path) -> Path:
    """A fresh copy of a program."""
    return Path(shutil.copytree(PROGRAMS / name, directory / name))


def test_first_steps(tmp_path: Path, broker: Environment) -> None:
    """One file, `tasks.py`; results awaited and polled; a failure with its traceback."""
    here = _typed("first_steps", tmp_path)

    with Worker("tasks", "-c", "2", cwd=here, env=broker) as worker:
        printed = run_script("session.py", cwd=here, env=broker)

    assert printed.splitlines() == [
        "SUCCESS 8",
        "4",
        "ZeroDivisionError('division by zero') True False",
        "ZeroDivisionError: division by zero",
        "raised division by zero",
        "polling",
    ]
    assert "Task tasks.divide" in worker.log
    assert (here / ".celery" / "celery.sqlite3").exists() == (not broker)


def test_next_steps(tmp_path: Path, broker_with_store: Environment) -> None:
    """A package with several task modules; signatures, groups, chains, chords, callbacks."""
    here = _typed("next_steps", tmp_path)

    with Worker("proj", "-c", "2", cwd=here, env=broker_with_store) as worker:
        printed = run_script("session.py", cwd=here, env=broker_with_store)
        worker.wait_for_line(r"log_error: proj.tasks.add raised TypeError")

    assert printed.splitlines() == [
        "['proj.reports.tasks.table', 'proj.tasks.add', 'proj.tasks.mul', 'proj.tasks.xsum', "
        "'reports.log_error']",
        "4",
        "10",
        "{'title': 'kept', 'rows': [1]}",
        "[0, 2, 4, 6, 8, 10, 12, 14, 16, 18]",
        "[10, 11, 12, 13, 14, 15, 16, 17, 18, 19]",
        "64",
        "64",
        "112 12 2",
        "90",
        "90",
        "{'title': 'report', 'rows': 60}",
        "[45, 4950]",
        "[0, 2, 4, 6]",
        "[[0, 2, 4], [6, 8, 10]]",
        "4 [64]",
        "TypeError",
        "2",
        "7",
        "4",
    ]


def test_routed_queues(tmp_path: Path, broker: Environment) -> None:
    """A configuration module; several queues and exchanges; a worker for some of them each."""
    here = _typed("routed", tmp_path)
    feeds = Worker(
        "tasks", "-c", "1", "-n", "feeds@%h", "-Q", "default,feed_tasks", cwd=here, env=broker
    )
    post = Worker("tasks", "-c", "1", "-n", "post@%h", "-Q", "mail", cwd=here, env=broker)

    with workers(feeds, post):
        printed = run_script("session.py", cwd=here, env=broker)

    assert printed.splitlines() == [
        "Europe/Oslo default",
        "['feeds', 'feed.import', 'http://cnn.com/rss']",
        "['post', 'ada']",
        "feeds",
        "post",
        "feeds",
    ]


def test_shop(tmp_path: Path, broker: Environment) -> None:
    """Discovered task modules; custom states polled; retries; base class, logger and signals."""
    here = _typed("shop", tmp_path)

    with Worker("shop", "-c", "2", cwd=here, env=broker) as worker:
        printed = run_script("session.py", cwd=here, env=broker)

    assert printed.splitlines() == [
        "[\"shop.celery.tidy('monday')\", 'tidy every 10']",
        "1800 shop",
        "True SUCCESS {'current': 6, 'total': 6, 'status': 'completed'}",
        "['order 7', 'connected once']",
        "sent to ada@example.com after 2 retries",
        "Unreachable('nobody@example.com')",
        "shop.cart.tasks.checkout ['order 8'] {} 0",
    ]
    _check_shop_log(worker)


def _check_shop_log(worker: Program) -> None:
    log = worker.log
    assert "signal: worker celery is ready" in log
    assert log.count("signal: before shop.mail.tasks.send ['ada@example.com']") == 3
    assert "signal: after shop.mail.tasks.send RETRY" in log
    assert "signal: after shop.mail.tasks.send SUCCESS sent to ada@example.com" in log
    assert "handler: shop.cart.tasks.checkout succeeded" in log
    assert "]: Uploaded 6 files" in log
