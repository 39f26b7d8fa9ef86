"""Celery 5.7 itself, in an environment of its own, to compare with.

`CELERY_TEST_UPSTREAM_PYTHON` names an interpreter that has it. Without the variable one is made,
once, below `.tools/` of the repository.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

VARIABLE = "CELERY_TEST_UPSTREAM_PYTHON"
REQUIREMENT = "celery[redis,msgpack,yaml,auth]==5.7.0"
_DIRECTORY = Path(__file__).resolve().parents[2] / ".tools" / "celery57"
_INSTALL_TIMEOUT_S = 300


class UpstreamMissing(Exception):
    """Celery 5.7 is not there and could not be installed; the text says why."""


def upstream_python() -> str:
    """An interpreter with Celery 5.7.

    Raises:
        UpstreamMissing: there is none, and none could be made.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return given
    python = _DIRECTORY / "bin" / "python"
    installed = _DIRECTORY / ".installed"
    _DIRECTORY.parent.mkdir(exist_ok=True)
    with (_DIRECTORY.parent / "celery57.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may want it at once
        if not (installed.exists() and installed.read_text() == REQUIREMENT):
            _run(sys.executable, "-m", "venv", "--clear", str(_DIRECTORY))
            _run(str(python), "-m", "pip", "install", "--quiet", REQUIREMENT)
            installed.write_text(REQUIREMENT)
    return str(python)


def _run(*command: str) -> None:
    try:
        subprocess.run(
            command,
            check=True,
            timeout=_INSTALL_TIMEOUT_S,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except (OSError, subprocess.SubprocessError) as exc:
        output = getattr(exc, "output", "") or ""
        raise UpstreamMissing(
            f"No interpreter with {REQUIREMENT} in {VARIABLE}, and it could not be installed: "
            f"{exc}\n{output}"
        ) from exc
