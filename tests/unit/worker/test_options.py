"""Command line and settings -> options."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from celery import Celery
from celery.exceptions import ImproperlyConfigured
from celery.worker import _options


@pytest.fixture
def conf() -> Any:
    return Celery("options", set_as_current=False).conf


def test_what_is_given_wins_over_the_settings(conf: Any) -> None:
    conf.worker_prefetch_multiplier = 7
    conf.task_time_limit = 30
    conf.worker_concurrency = 5
    options = _options.resolve(conf, {"time_limit": 3, "loglevel": "debug", "concurrency": None})
    assert options.prefetch_multiplier == 7
    assert options.time_limit == 3
    assert options.concurrency == 5
    assert options.loglevel == logging.DEBUG


def test_zero_is_a_value(conf: Any) -> None:
    assert _options.resolve(conf, {"prefetch_multiplier": 0}).prefetch_multiplier == 0


def test_the_default_pool_of_the_command_line_yields_to_the_setting(conf: Any) -> None:
    conf.worker_pool = "threads"
    assert _options.resolve(conf, {"pool": "prefork"}).pool_cls == "threads"
    assert _options.resolve(conf, {"pool": "solo"}).pool_cls == "solo"


@pytest.mark.parametrize("value", [None, 0, "0", "auto"])
def test_no_concurrency_means_the_processors(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_options, "available_cpus", lambda: 12)
    assert _options.concurrency_of(value) == 12


def test_nonsense_is_named(conf: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="worker_concurrency is 'many'"):
        _options.concurrency_of("many")
    with pytest.raises(ImproperlyConfigured, match="fork, spawn"):
        _options.resolve(conf, {"pool_start_method": "forkserver"})


@pytest.mark.parametrize(
    ("text", "quota"), [("max 100000", None), ("150000 100000", 1.5), ("garbage", None)]
)
def test_quota_of_the_control_group(tmp_path: Any, text: str, quota: float | None) -> None:
    path = tmp_path / "cpu.max"
    path.write_text(text)
    assert _options._cgroup_quota(str(path)) == quota
    assert _options._cgroup_quota(str(tmp_path / "none")) is None
