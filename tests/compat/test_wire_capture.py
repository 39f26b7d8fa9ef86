"""What our client writes to Redis is what Celery 5.7's writes for the same calls, key by key."""

from __future__ import annotations

import base64
import json
import re
import sys
import uuid
import zlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from redis import Redis
from tests.compat.conftest import PROGRAMS, REDIS_DB
from tests.support.differences import assert_same
from tests.support.workers import run_script

pytestmark = pytest.mark.redis


CALLS = [
    "plain", "keywords", "types", "all_options", "countdown", "naive_eta", "compressed", "pickled",
    "packed", "task_options", "by_name", "links", "chained", "grouped", "chain_with_group",
    "chord_header", "stamped", "mapped", "protocol_one", "bound", "default", "ranked",
]  # fmt: skip

Messages = dict[str, list[Any]]


@pytest.fixture(scope="module")
def captured(redis_server: str, upstream: str) -> Iterator[dict[str, Messages]]:
    """The keys and values that each side's program left, generated parts made equal."""
    url = f"{redis_server}/{REDIS_DB}"
    prefix = f"wire{uuid.uuid4().hex[:8]}"
    env = {"CELERY_BROKER_URL": url, "CELERY_RESULT_BACKEND": url, "CAPTURE_PREFIX": prefix}
    kept = {}
    with closing(Redis.from_url(url)) as store:
        for side, python in (("theirs", upstream), ("ours", sys.executable)):
            run_script("capture.py", cwd=PROGRAMS, env=env, python=python)
            kept[side] = _collect(store, prefix)
    yield kept


def _collect(store: Any, prefix: str) -> Messages:
    """Read and delete what carries the prefix."""
    found: Messages = {}
    for key in sorted(store.scan_iter(f"*{prefix}*")):
        name = key.decode().replace(prefix, "<prefix>")
        if store.type(key) == b"list":
            found[name] = [_comparable(raw, prefix) for raw in reversed(store.lrange(key, 0, -1))]
        else:
            found[name] = sorted(
                member.decode().replace(prefix, "<prefix>") for member in store.smembers(key)
            )
        store.delete(key)
    return found


_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_NEAR = re.compile(r"\b20[23][0-9]-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")


def _comparable(raw: bytes, prefix: str) -> dict[str, Any]:
    message = json.loads(raw)
    body = base64.b64decode(message["body"])
    if message["headers"].get("compression") == "application/x-gzip":
        body = zlib.decompress(body, wbits=zlib.MAX_WBITS | 32)
    message["body"] = _decoded(body, message["content-type"])
    numbers: dict[str, str] = {}
    text = json.dumps(message).replace(prefix, "<prefix>")
    text = _UUID.sub(lambda match: numbers.setdefault(match[0], f"<id {len(numbers)}>"), text)
    text = re.sub(r"\bgen\d+@", "gen<pid>@", text)
    comparable: dict[str, Any] = json.loads(text)
    if "expiration" in comparable["properties"]:
        comparable["properties"]["expiration"] = "<milliseconds>"
    if comparable["headers"].get("stamped_headers"):
        comparable["headers"]["stamped_headers"].sort()  # a set's order, in Celery 5.7
    for key in ("argsrepr", "kwargsrepr"):  # Celery 5.7 repeats the header as a property
        comparable["properties"].pop(key, None)
    for key in ("eta", "expires"):
        if comparable["headers"].get(key) and "2033" not in str(comparable["headers"][key]):
            comparable["headers"][key] = _NEAR.sub("<time>", comparable["headers"][key])
    return comparable


def _decoded(body: bytes, content_type: str) -> Any:
    if content_type == "application/json":
        return json.loads(body)
    return body.decode("utf-8", "backslashreplace")


def test_the_same_keys(captured: dict[str, Messages]) -> None:
    ours, theirs = captured["ours"], captured["theirs"]

    assert {key: len(value) for key, value in ours.items()} == {
        key: len(value) for key, value in theirs.items()
    }


@pytest.mark.parametrize("name", CALLS)
def test_the_same_messages(captured: dict[str, Messages], name: str) -> None:
    ours, theirs = (_of(captured[side], name) for side in ("ours", "theirs"))

    assert theirs
    assert_same(ours, theirs)


def test_the_same_bindings(captured: dict[str, Messages]) -> None:
    ours, theirs = (
        {key: value for key, value in captured[side].items() if key.startswith("_kombu.binding")}
        for side in ("ours", "theirs")
    )

    assert "_kombu.binding.<prefix>.topic" in theirs
    assert ours == theirs


def _of(messages: Messages, name: str) -> Messages:
    """The lists of one queue: one for each priority step."""
    queue = f"<prefix>.{name}"
    return {key: value for key, value in messages.items() if key.partition("\x06\x16")[0] == queue}
