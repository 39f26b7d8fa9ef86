"""What is imported before it is known that it is needed: next to nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest


def imported_by(code: str) -> set[str]:
    """The top-level and second-level modules that a new interpreter has after some code."""
    program = f"{code}\nimport sys\nprint('', *sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines())


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import celery", {"kombu", "click", "billiard", "asyncio", "celery.app"}),
        ("from celery import maybe_patch_concurrency", {"kombu", "click", "celery.app"}),
        (
            "import celery.bin.celery",
            {"kombu", "billiard", "asyncio", "celery.app", "importlib.metadata"},
        ),
        (
            "import celery.bin.celery as c\nc.start(None, ['--version'])",
            {"kombu", "billiard", "asyncio", "celery.app", "importlib.metadata"},
        ),
        (
            "import celery.bin.celery as c\nc.start(None, ['--help'])",
            {"kombu", "billiard", "asyncio", "celery.app", "celery.bin.worker"},
        ),
    ],
    ids=["celery", "patching", "command", "version", "help"],
)
def test_stays_light(code: str, unwanted: set[str]) -> None:
    assert imported_by(code) & unwanted == set()
