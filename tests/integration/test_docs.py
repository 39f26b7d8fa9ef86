"""The pages of the documentation do what they say.

Each page is worked through as a reader would: its files are written into an empty directory, a
real worker runs there if there are tasks, and then its python blocks are run in order.
"""

from __future__ import annotations

import fcntl
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from amqp.exceptions import NotFound
from kombu import Connection
from redis import Redis
from tests.support import page_session
from tests.support.documents import DOCS, ROOT, blocks, celery_words, pages, write_files
from tests.support.workers import Worker, run_script

REDIS_DB = 9

#: Pages that a newcomer types: their command lines are run too, the worker's among them.
TYPED = [ROOT / "README.md", DOCS / "getting-started.md"]
OTHERS = [page for page in pages() if page not in TYPED and blocks(page, "python")]


def _name(page: Path) -> str:
    return page.stem


def _run_blocks(page: Path, here: Path, env: dict[str, str]) -> None:
    path = {"PYTHONPATH": f"{here}:{ROOT}"}
    run_script(str(page_session.__file__), str(page), cwd=here, env={**env, **path})


@pytest.mark.parametrize("page", OTHERS, ids=_name)
def test_page(page: Path, tmp_path: Path) -> None:
    """With the embedded default; a page that shows tasks gets a worker for them."""
    env = {"CELERY_DATA_DIR": str(tmp_path / "data")}

    if tmp_path / "tasks.py" in write_files(page, tmp_path):
        with Worker("tasks", "-c", "2", cwd=tmp_path, env=env):
            _run_blocks(page, tmp_path, env)
    else:
        _run_blocks(page, tmp_path, env)


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("redis", marks=pytest.mark.redis),
        pytest.param("rabbitmq", marks=pytest.mark.rabbitmq),
    ]
)
def env(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The two variables that the page names, for each broker; none for the embedded default."""
    if request.param == "sqlite":
        yield {}
        return
    with _queue_to_ourselves():
        if request.param == "redis":
            url = f"{request.getfixturevalue('redis_server')}/{REDIS_DB}"
            yield {"CELERY_BROKER_URL": url, "CELERY_RESULT_BACKEND": url}
            with closing(Redis.from_url(url)) as store:
                store.delete("celery", "_kombu.binding.celery", "_kombu.binding_permanent.celery")
        else:
            url = f"{request.getfixturevalue('rabbitmq_server')}//"
            _delete_queue(url)
            yield {"CELERY_BROKER_URL": url, "CELERY_RESULT_BACKEND": "rpc://"}
            _delete_queue(url)


@contextmanager
def _queue_to_ourselves() -> Iterator[None]:
    """Keep other tests of this machine off the queue ``celery``."""
    with Path(tempfile.gettempdir(), "celery-test-tutorials.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _delete_queue(url: str) -> None:
    with Connection(url) as connection, connection.channel() as channel:
        try:
            channel.queue_delete("celery")
        except NotFound:
            pass


@pytest.mark.parametrize("page", TYPED, ids=_name)
def test_typed_page(page: Path, env: dict[str, str], tmp_path: Path) -> None:
    """Everything that is typed, command lines included; on servers with two variables set."""
    write_files(page, tmp_path)
    typed = [line for block in blocks(page, "console") for line, _ in block.commands()]
    words = [celery_words(line) for line in typed]
    (worker,) = (line for line in words if line and "worker" in line)
    assert worker[:3] == ["-A", "tasks", "worker"]

    with Worker("tasks", *worker[3:], "-c", "2", cwd=tmp_path, env=env):
        _run_blocks(page, tmp_path, env)
        for line, command in zip(typed, words, strict=True):
            if command and command != worker:
                run_script("-m", "celery", *command, cwd=tmp_path, env=env)
            elif line.startswith("python "):
                run_script(*shlex.split(line)[1:], cwd=tmp_path, env=env)

    assert (tmp_path / ".celery" / "celery.sqlite3").exists() == (not env)
