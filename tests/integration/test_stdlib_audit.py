"""The demo does real work on each broker, and its totals are those of a plain loop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.own_queue import OwnQueue
from tests.support.workers import run_script

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "stdlib_audit"
FILES = 150


def audit(env: dict[str, str]) -> dict[str, object]:
    options = ("--json", "--compare", "--limit", str(FILES), "--concurrency", "2")
    totals: dict[str, object] = json.loads(run_script("main.py", *options, cwd=EXAMPLE, env=env))
    return totals


def check(totals: dict[str, object]) -> None:
    assert totals["files"] == FILES
    assert totals["equal_to_plain_loop"] is True


def test_embedded() -> None:
    check(audit({}))


@pytest.mark.redis
def test_redis(redis_server: str, tmp_path: Path) -> None:
    url, queue = f"{redis_server}/10", OwnQueue(tmp_path)

    check(audit({"CELERY_BROKER_URL": url, "CELERY_RESULT_BACKEND": url, **queue.env}))

    queue.delete(url)


@pytest.mark.rabbitmq
def test_rabbitmq(rabbitmq_server: str, tmp_path: Path) -> None:
    url, queue = f"{rabbitmq_server}//", OwnQueue(tmp_path)

    check(audit({"CELERY_BROKER_URL": url, "CELERY_RESULT_BACKEND": "rpc://", **queue.env}))

    queue.delete(url)


def test_what_a_person_sees() -> None:
    """The table, the totals and the good bye, without colours where there is no terminal."""
    printed = run_script("main.py", "--limit", "40", "--concurrency", "1", cwd=EXAMPLE)

    assert "most complex files" in printed
    assert "40  files" in printed
    assert "shut down cleanly" in printed
    assert "\x1b[" not in printed
