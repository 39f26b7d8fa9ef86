"""The embedded result backend stores, waits and forgets."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from celery._settings import Settings, default_values
from celery._stores.sqlite import open_database, path_of
from celery.backends.sqlite import SQLiteBackend
from celery.exceptions import TimeoutError


def make_backend(url: str, **settings: Any) -> SQLiteBackend:
    conf = Settings({"accept_content": ["json"], **settings}, [default_values()])
    app: Any = SimpleNamespace(conf=conf, now=lambda: datetime.now(UTC))
    return SQLiteBackend(app, url=url)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    url = f"sqlite:///{tmp_path}/results.db"
    yield url
    open_database(path_of(url)).close()


@pytest.fixture
def backend(url: str) -> SQLiteBackend:
    return make_backend(url)


def test_a_result_is_there_for_every_client(backend: SQLiteBackend, url: str) -> None:
    backend.store_result("id", {"a": [1]}, "SUCCESS")
    meta = make_backend(url).get_task_meta("id")
    assert (meta["status"], meta["result"], meta["task_id"]) == ("SUCCESS", {"a": [1]}, "id")


def test_success_is_final(backend: SQLiteBackend) -> None:
    backend.store_result("id", 1, "SUCCESS")
    backend.store_result("id", None, "STARTED")
    assert backend.get_task_meta("id", cache=False)["result"] == 1


def test_a_failure_comes_back_as_an_exception(backend: SQLiteBackend) -> None:
    backend.store_result("id", KeyError("k"), "FAILURE", traceback="tb")
    meta = backend.get_task_meta("id")
    assert isinstance(meta["result"], KeyError)
    assert meta["traceback"] == "tb"


def test_forget(backend: SQLiteBackend) -> None:
    backend.store_result("id", 1, "SUCCESS")
    assert backend.task_result_exists("id")
    backend.forget("id")
    assert backend.get_task_meta("id")["status"] == "PENDING"


def test_results_expire(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = make_backend(url, result_expires=60, result_failure_expires=600)
    backend.store_result("ok", 1, "SUCCESS")
    backend.store_result("bad", KeyError(), "FAILURE")
    later = SimpleNamespace(time=lambda: time.time() + 61, monotonic=time.monotonic)
    monkeypatch.setattr("celery._stores.sqlite.results.time", later)
    assert backend.get_task_meta("ok", cache=False)["status"] == "PENDING"
    assert backend.get_task_meta("bad", cache=False)["status"] == "FAILURE"


@pytest.mark.parametrize(
    "settings", [{"result_compression": "gzip"}, {"result_serializer": "yaml"}]
)
def test_payloads_of_any_form(url: str, settings: dict[str, Any]) -> None:
    backend = make_backend(url, **settings, result_accept_content=["json", "yaml"])
    backend.store_result("id", "x" * 1000, "SUCCESS")
    assert backend.get_task_meta("id", cache=False)["result"] == "x" * 1000


def test_prefixes_keep_apart(url: str) -> None:
    one, two = (
        make_backend(url, result_backend_transport_options={"global_keyprefix": prefix})
        for prefix in ("one", "two:")
    )
    one.store_result("id", 1, "SUCCESS")
    assert two.get_task_meta("id")["status"] == "PENDING"
    assert one.get_key_for_task("id") == "one_celery-task-meta-id"


def test_counting_is_shared(backend: SQLiteBackend, url: str) -> None:
    assert [backend.incr("n"), make_backend(url).incr("n"), backend.incr("n")] == [1, 2, 3]


def test_waiting_ends_in_time(backend: SQLiteBackend) -> None:
    with pytest.raises(TimeoutError):
        backend.wait_for("id", timeout=0.05)


def test_who_waits_is_told_at_once(backend: SQLiteBackend, url: str) -> None:
    store = partial(make_backend(url).store_result, "id", 7, "SUCCESS")
    looked = threading.Event()
    thread = threading.Thread(target=lambda: looked.wait(5.0) and store())
    thread.start()
    # The pause between two looks would be ten seconds; the change comes long before.
    meta = backend.wait_for("id", timeout=20.0, interval=10.0, on_interval=looked.set)
    thread.join()
    assert meta["result"] == 7


def test_many_results_are_waited_for_together(backend: SQLiteBackend, url: str) -> None:
    ids = [str(n) for n in range(50)]
    other = make_backend(url)

    def work() -> None:
        for n in ids:
            other.store_result(n, int(n), "SUCCESS")

    thread = threading.Thread(target=work)
    thread.start()
    found = {task_id: meta["result"] for task_id, meta in backend.get_many(ids, timeout=20.0)}
    thread.join()
    assert found == {n: int(n) for n in ids}


def _store_elsewhere(url: str) -> None:
    make_backend(url).store_result("id", "from afar", "SUCCESS")


def test_another_processs_result_is_noticed(backend: SQLiteBackend, url: str) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_store_elsewhere, args=(url,))
    process.start()
    assert backend.wait_for("id", timeout=20.0, interval=20.0)["result"] == "from afar"
    process.join()


def test_an_idle_wait_looks_seldom(backend: SQLiteBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    get: Callable[[Any], Any] = backend._results.get
    monkeypatch.setattr(backend._results, "get", lambda key: looks.append(key) or get(key))
    with pytest.raises(TimeoutError):
        backend.wait_for("id", timeout=0.3)
    assert len(looks) < 15
