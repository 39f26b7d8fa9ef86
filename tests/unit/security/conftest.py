"""Identities on disk, and a serializer registry that is put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu.serialization import registry
from tests.support.certificates import write_identity


@pytest.fixture
def trusted(tmp_path: Path) -> Path:
    """A directory with alice's and bob's certificates; their keys are beside it."""
    store = tmp_path / "trusted"
    store.mkdir()
    for name in ("alice", "bob"):
        certificate = write_identity(tmp_path, name)
        (store / certificate.name).write_bytes(certificate.read_bytes())
    return store


@pytest.fixture
def serializers() -> Iterator[None]:
    """What a test does to the serializers of the process, the next test does not see."""
    kept = {key: value.copy() for key, value in vars(registry).items() if hasattr(value, "copy")}
    default = {key: value for key, value in vars(registry).items() if key not in kept}
    yield
    vars(registry).update(kept | default)
