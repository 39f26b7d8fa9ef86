"""The command line is searched for the pool before anything is imported."""

import sys
import types

import pytest

from celery import _patching
from celery._patching import find_option, maybe_patch_concurrency


@pytest.mark.parametrize(
    ("argv", "found"),
    [
        ("celery worker -P gevent", "gevent"),
        ("celery worker -Pgevent", "gevent"),
        ("celery worker --pool gevent -c 3", "gevent"),
        ("celery worker --pool=gevent", "gevent"),
        ("celery -A p worker -c 3", None),
        ("celery worker -P", None),
        ("celery worker --pools=gevent", None),
    ],
)
def test_find_option(argv: str, found: str | None) -> None:
    assert find_option(argv.split(), ["-P"], ["--pool"]) == found


def test_own_patches() -> None:
    patched: list[str] = []
    patches = {"green": lambda: patched.append("green")}

    maybe_patch_concurrency(["c", "-Z", "green"], ["-Z"], ["--zed"], patches)
    maybe_patch_concurrency(["c", "--zed=green"], ["-Z"], ["--zed"], patches)
    maybe_patch_concurrency(["c", "-Z", "other"], ["-Z"], ["--zed"], patches)

    assert patched == ["green", "green"]


@pytest.mark.parametrize("pool", ["gevent", "eventlet"])
def test_patches_the_standard_library(pool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    gevent = types.ModuleType("gevent")
    gevent_monkey = types.ModuleType("gevent.monkey")
    gevent_monkey.patch_all = lambda: calls.append("gevent")  # type: ignore[attr-defined]
    eventlet = types.ModuleType("eventlet")
    eventlet.monkey_patch = lambda: calls.append("eventlet")  # type: ignore[attr-defined]
    eventlet_debug = types.ModuleType("eventlet.debug")
    eventlet_debug.hub_blocking_detection = lambda *a: calls.append(str(a))  # type: ignore[attr-defined]
    for module in (gevent, gevent_monkey, eventlet, eventlet_debug):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(
        _patching, "late", lambda name: lambda alias: calls.append(f"{name} {alias}")
    )
    monkeypatch.setenv("EVENTLET_NOBLOCK", "1.5")

    maybe_patch_concurrency(["celery", "worker", "-P", pool])

    blocking = ["(1.5, 1.5)"] if pool == "eventlet" else []
    assert calls == [pool, *blocking, f"celery.concurrency:get_implementation {pool}"]


def test_reads_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["celery", "worker", "-P", "prefork"])
    maybe_patch_concurrency()
