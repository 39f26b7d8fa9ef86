"""Revoked ids across restarts."""

from __future__ import annotations

import pickle
import shelve
import zlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from celery.utils.collections import LimitedSet
from celery.worker import state as worker_state
from celery.worker._statedb import Persistent


class Clock:
    def __init__(self, value: int) -> None:
        self.value = value

    def adjust(self, other: int) -> int:
        self.value = max(self.value, other) + 1
        return self.value

    def forward(self) -> int:
        self.value += 1
        return self.value


def make_state(*ids: str) -> Any:
    revoked = LimitedSet(maxlen=100, expires=100)
    revoked.update(list(ids))
    return SimpleNamespace(revoked=revoked)


def test_round_trip(tmp_path: Path) -> None:
    path = str(tmp_path / "state")
    Persistent(make_state("a", "b"), path, Clock(7)).save()
    state, clock = make_state("c"), Clock(1)
    store = Persistent(state, path, clock)
    store.merge()
    store.close()
    store.close()
    assert set(state.revoked) == {"a", "b", "c"}
    assert clock.value > 7


def test_layout(tmp_path: Path) -> None:
    path = str(tmp_path / "state")
    Persistent(make_state("a"), path, Clock(7)).save()
    with shelve.open(path) as shelf:
        assert set(shelf) == {"zrevoked", "clock", "__proto__"}
        assert shelf["__proto__"] == 3
        assert shelf["clock"] == 8
        assert "a" in pickle.loads(zlib.decompress(shelf["zrevoked"]))


def test_what_cannot_be_read_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = str(tmp_path / "state")
    with shelve.open(path) as shelf:
        shelf["zrevoked"] = b"garbage"
    state = make_state("c")
    store = Persistent(state, path)
    store.merge()
    store.save()
    assert set(state.revoked) == {"c"}
    assert "Cannot read the revoked tasks" in caplog.text


def test_a_new_file(tmp_path: Path) -> None:
    state = make_state()
    store = Persistent(state, str(tmp_path / "state"))
    store.merge()
    store.save()
    assert set(state.revoked) == set()


def test_a_worker_saves_what_was_revoked(make_worker: Callable[..., Any], tmp_path: Path) -> None:
    path = str(tmp_path / "state")
    worker = make_worker(statedb=path)
    worker_state.revoked.add("gone")
    worker.blueprint["celery.worker.components.StateDB"].stop(worker)
    worker_state.reset_state()
    make_worker(statedb=path)
    assert "gone" in worker_state.revoked
