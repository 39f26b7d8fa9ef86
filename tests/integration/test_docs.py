"""The pages of the documentation do what they say.

Each page is worked through as a reader would: its files are written into an empty directory, a
real worker runs there if there are tasks, and then its python blocks are run in order.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
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
def env(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The two variables that the page names, for each broker; none for the embedded default.

    A server is shared with other tests, so that the queue gets a name of its own there.
    """
    if request.param == "sqlite":
        yield {}
        return
    queue = f"docs-{uuid4().hex[:8]}"
    (tmp_path / "docs_settings.py").write_text(
        f"task_default_queue = {queue!r}\nresult_expires = 60\n"
    )
    if request.param == "redis":
        broker = backend = f"{request.getfixturevalue('redis_server')}/{REDIS_DB}"
    else:
        broker, backend = f"{request.getfixturevalue('rabbitmq_server')}//", "rpc://"
    yield {
        "CELERY_BROKER_URL": broker,
        "CELERY_RESULT_BACKEND": backend,
        "CELERY_CONFIG_MODULE": "docs_settings",
    }
    if request.param == "redis":
        with closing(Redis.from_url(broker)) as store:
            bindings = [f"_kombu.{kind}.{queue}" for kind in ("binding", "binding_permanent")]
            store.delete(queue, *bindings)
    else:
        with Connection(broker) as connection, connection.channel() as channel:
            channel.queue_delete(queue)
            channel.exchange_delete(queue)


@pytest.mark.parametrize("page", TYPED, ids=_name)
def test_typed_page(page: Path, env: dict[str, str], tmp_path: Path) -> None:
    """Everything that is typed, command lines included; on servers with two variables set."""
    write_files(page, tmp_path)
    typed = [line for block in blocks(page, "console") for line, _ in block.commands()]
    words = [celery_words(line) for line in typed]
    (worker,) = (line for line in words if line and "worker" in line)
    assert worker[:3] == ["-A", "tasks", "worker"]

    name = f"docs-{uuid4().hex[:8]}@%h"
    with Worker("tasks", *worker[3:], "-c", "2", "-n", name, cwd=tmp_path, env=env):
        _run_blocks(page, tmp_path, env)
        for line, command in zip(typed, words, strict=True):
            if command and command != worker:
                run_script("-m", "celery", *command, cwd=tmp_path, env=env)
            elif line.startswith("python "):
                run_script(*shlex.split(line)[1:], cwd=tmp_path, env=env)

    assert (tmp_path / ".celery" / "celery.sqlite3").exists() == (not env)
