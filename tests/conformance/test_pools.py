"""The pools that come with the package pass the suite."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

import pytest

from celery.concurrency import prefork, solo, thread
from celery.concurrency._prefork import jobsocket
from celery.concurrency.base import BasePool
from celery.contrib.testing.conformance.pool import (
    ConcurrencyTests,
    LimitTests,
    PoolConformance,
    ProcessTests,
    ResizeTests,
    TerminationTests,
)


class TestSolo(PoolConformance):
    def make_pool(self, limit: int, **options: Any) -> BasePool:
        return solo.TaskPool(limit, **options)


class TestThreads(PoolConformance, ConcurrencyTests):
    def make_pool(self, limit: int, **options: Any) -> BasePool:
        return thread.TaskPool(limit, **options)


class TestPrefork(
    PoolConformance, ConcurrencyTests, LimitTests, TerminationTests, ResizeTests, ProcessTests
):
    def make_pool(self, limit: int, **options: Any) -> BasePool:
        return prefork.TaskPool(limit, **options)


class TestPreforkSpawned(TestPrefork):
    def make_pool(self, limit: int, **options: Any) -> BasePool:
        # A new interpreter imports all anew: on a busy machine that takes its time.
        return prefork.TaskPool(limit, start_method="spawn", proc_alive_timeout=60, **options)


class TestPreforkElsewhere(TestPrefork):
    """Without what only Linux has: as on macOS."""

    @pytest.fixture(autouse=True)
    def _poorer_system(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("memfd_create", "pidfd_open", "waitid"):
            monkeypatch.delattr(os, name)
        monkeypatch.setattr(jobsocket, "SOCKET_TYPE", socket.SOCK_DGRAM)


class TestPreforkOnUvloop(TestPrefork):
    @pytest.fixture(autouse=True)
    def _uvloop(self, monkeypatch: pytest.MonkeyPatch) -> None:
        uvloop = pytest.importorskip("uvloop")
        monkeypatch.setattr(asyncio, "new_event_loop", uvloop.new_event_loop)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", "celery.pool")
