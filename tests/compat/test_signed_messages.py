"""What one side signs, the other reads: Celery 5.7 and this package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from tests.compat.conftest import PROGRAMS
from tests.support.certificates import write_identity

VALUES: list[Any] = [
    [[2, 3], {"debug": True}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}],
    {"text": "é\u2603", "separator": "\x00\x01"},
    "",
]


@pytest.fixture(scope="module")
def pythons(upstream: str) -> dict[str, str]:
    """The interpreter of each side."""
    if subprocess.run([upstream, "-c", "import cryptography"], capture_output=True).returncode:
        pytest.skip(f"{upstream} has no cryptography: install celery[auth] there")
    return {"ours": sys.executable, "theirs": upstream}


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Arguments of `setup_security` for both sides."""
    directory = tmp_path_factory.mktemp("identity")
    certificate = write_identity(directory, "fleet", password=b"secret")
    return {
        "key": str(directory / "fleet.key"),
        "key_password": "secret",
        "cert": str(certificate),
        "store": str(directory / "*.pem"),
    }


def run(python: str, **order: Any) -> Any:
    done = subprocess.run(
        [python, "signing.py"],
        cwd=PROGRAMS,
        env={**os.environ, "PYTHONPATH": ""},
        input=json.dumps(order),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("signer", "reader"), [("ours", "theirs"), ("theirs", "ours")])
@pytest.mark.parametrize(
    "options",
    [{}, {"digest": "sha512"}, {"serializer": "pickle"}, {"serializer": "msgpack"}],
    ids=str,
)
def test_other_side_reads_it(
    pythons: dict[str, str],
    identity: dict[str, Any],
    signer: str,
    reader: str,
    options: dict[str, Any],
) -> None:
    security = {**identity, **options}
    signed = run(pythons[signer], security=security, sign=VALUES)
    assert all(triple[:2] == ["application/data", "utf-8"] for triple in signed)
    assert run(pythons[reader], security=security, read=signed) == VALUES
