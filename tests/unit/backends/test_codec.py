"""Results as bytes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu.exceptions import ContentDisallowed, DecodeError
from tests.support.result_apps import DictBackend

from celery._message.context import Context
from celery.app.base import Celery
from celery.backends.base import compress_payload, decompress_payload
from celery.exceptions import ImproperlyConfigured


class BytesBackend(DictBackend):
    supports_result_compression = True


def last_write(backend: DictBackend) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(backend.writes[-1][1])
    return fields


def test_fields_of_a_result(app: Celery) -> None:
    backend = DictBackend(app)
    backend.mark_as_done("id", 5)
    assert backend.writes[-1][0] == b"celery-task-meta-id"
    meta = last_write(backend)
    assert list(meta) == ["status", "result", "traceback", "children", "date_done", "task_id"]
    assert datetime.fromisoformat(meta.pop("date_done")).tzinfo is not None
    assert meta == {
        "status": "SUCCESS",
        "result": 5,
        "traceback": None,
        "children": None,
        "task_id": "id",
    }


def test_request_adds_children_group_and_parent(app: Celery) -> None:
    backend = DictBackend(app)
    request = Context(id="id", group="g", parent_id="p", args=(1,), task="t")
    request.children = [app.AsyncResult("child")]
    backend.mark_as_done("id", 5, request=request)
    meta = last_write(backend)
    assert (meta["group_id"], meta["parent_id"]) == ("g", "p")
    assert meta["children"] == [[["child", None], None]]
    assert "args" not in meta


def test_extended(app: Celery) -> None:
    app.conf.result_extended = True
    backend = DictBackend(app)
    request = Context(
        id="id",
        task="proj.add",
        args=(1, 2),
        kwargs={"a": b"x"},
        hostname="w@h",
        retries=1,
        delivery_info={"routing_key": "q"},
        stamped_headers=["s"],
        stamps={"s": "v"},
    )
    backend.mark_as_done("id", 5, request=request)
    meta = last_write(backend)
    assert list(meta)[5:] == [
        *("name", "args", "kwargs", "worker", "retries", "queue"),
        *("stamped_headers", "s", "task_id"),
    ]
    assert meta["kwargs"] == {"a": {"__type__": "bytes", "__value__": "x"}}
    assert (meta["name"], meta["queue"], meta["s"]) == ("proj.add", "q", "v")


def test_date_done_only_when_done(app: Celery) -> None:
    backend = DictBackend(app)
    backend.mark_as_started("id", pid=1)
    assert last_write(backend)["date_done"] is None
    backend.mark_as_retry("id", KeyError("k"))
    assert last_write(backend)["date_done"] is None
    backend.mark_as_revoked("id", "revoked")
    assert last_write(backend)["date_done"] is not None


def test_promise_is_stored_as_its_ids(app: Celery) -> None:
    backend = DictBackend(app)
    backend.mark_as_done("id", app.AsyncResult("other"))
    assert last_write(backend)["result"] == [["other", None], None]


def test_serializer_that_is_not_accepted(app: Celery) -> None:
    app.conf.result_serializer = "pickle"
    backend = DictBackend(app)
    backend.mark_as_done("id", 5)
    with pytest.raises(ContentDisallowed):
        backend.get_task_meta("id")
    app.conf.result_accept_content = ["pickle"]
    reader = DictBackend(app)
    reader.values = backend.values
    assert reader.get_result("id") == 5


def test_pickle_carries_exception_objects(app: Celery) -> None:
    app.conf.update(result_serializer="pickle", result_accept_content=["pickle"])
    backend = DictBackend(app)
    backend.mark_as_failure("id", ValueError("x", object))
    assert backend.get_result("id").args == ("x", object)


def test_broken_payload(app: Celery) -> None:
    backend = DictBackend(app)
    backend.values[b"celery-task-meta-id"] = b"{broken"
    with pytest.raises(DecodeError):
        backend.get_task_meta("id")


@given(st.binary())
def test_compression_is_reversible(payload: bytes) -> None:
    compressed = compress_payload(payload, "gzip")
    assert compressed.startswith(b"\0celery-compressed\0application/x-gzip\0")
    assert decompress_payload(compressed) == payload


@pytest.mark.parametrize("payload", ["text", "", b"{}", None])
def test_what_is_not_compressed_stays(payload: Any) -> None:
    assert decompress_payload(payload) == payload


def test_compressed_results(app: Celery) -> None:
    app.conf.result_compression = "bzip2"
    backend = BytesBackend(app)
    backend.mark_as_done("id", "x" * 1000)
    assert len(backend.writes[-1][1]) < 500
    app.conf.result_compression = None
    reader = BytesBackend(app)
    reader.values = backend.values
    assert reader.get_result("id") == "x" * 1000


def test_compression_the_store_cannot_take(app: Celery) -> None:
    app.conf.result_compression = "gzip"
    with pytest.warns(UserWarning, match="cannot store compressed"):
        backend = DictBackend(app)
    assert backend.compression is None


def test_compression_nobody_knows(app: Celery) -> None:
    app.conf.result_compression = "nope"
    with pytest.raises(ImproperlyConfigured, match="Unknown compression method 'nope'"):
        BytesBackend(app)
