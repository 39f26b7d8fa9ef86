"""Loaders read configuration and import tasks."""

import sys
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from celery.exceptions import NotConfigured
from celery.loaders import get_loader_cls
from celery.loaders.app import AppLoader
from celery.loaders.base import BaseLoader, autodiscover_tasks, find_related_module
from celery.loaders.default import Loader
from celery.signals import import_modules
from celery.utils.imports import NotAPackage


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory to import from, which later tests do not see."""
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("CELERY_CONFIG_MODULE", raising=False)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def make_app(**conf: Any) -> Any:
    return SimpleNamespace(conf=SimpleNamespace(**{"imports": (), "include": (), **conf}))


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_get_loader_cls() -> None:
    assert get_loader_cls("app") is AppLoader
    assert get_loader_cls("default") is Loader
    assert get_loader_cls("celery.loaders.base:BaseLoader") is BaseLoader
    assert get_loader_cls(Loader) is Loader


class TestConfiguration:
    def test_none(self, here: Path) -> None:
        loader = AppLoader(make_app())
        assert loader.conf is None
        assert not loader.configured

    def test_of_a_module_named_in_the_environment(
        self, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(here, {"envconfig.py": "task_acks_late = True\n"})
        monkeypatch.setenv("CELERY_CONFIG_MODULE", "envconfig")
        assert AppLoader(make_app()).conf["task_acks_late"] is True

        default = Loader(make_app())
        assert default.conf["task_acks_late"] is True
        assert default.configured

    def test_a_file_name_is_not_a_module_name(
        self, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(here, {"envconfig.py": ""})
        monkeypatch.setenv("CELERY_CONFIG_MODULE", "envconfig.py")
        with pytest.raises(NotAPackage, match="Did you mean 'envconfig'"):
            AppLoader(make_app()).read_configuration()

    def test_default_loader_without_a_module(
        self, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loader = Loader(make_app())
        assert dict(loader.conf) == {}
        assert not loader.configured
        with pytest.raises(ModuleNotFoundError):
            loader.read_configuration(fail_silently=False)
        monkeypatch.setenv("C_WNOCONF", "1")
        with pytest.warns(NotConfigured, match="celeryconfig"):
            loader.read_configuration()

    def test_a_module_that_cannot_be_imported_is_not_a_missing_one(self, here: Path) -> None:
        write(here, {"celeryconfig.py": "import no_such_module_at_all\n"})
        with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
            Loader(make_app()).read_configuration()

    def test_from_object(self, here: Path) -> None:
        write(here, {"objconfig.py": "class Config:\n    enable_utc = False\nenable_utc = True\n"})
        loader = AppLoader(make_app())
        assert loader.config_from_object({"a": 1})
        assert loader.conf == {"a": 1}
        for name, value in (
            ("objconfig", True), ("objconfig:Config", False), ("objconfig.Config", False),
        ):  # fmt: skip
            assert loader.config_from_object(name)
            assert loader.conf["enable_utc"] is value

        with pytest.raises(ImportError):
            loader.config_from_object("no.such.config")
        assert loader.config_from_object("no.such.config", silent=True) is False
        assert loader.conf["enable_utc"] is False  # as it was

    def test_of_the_command_line(self) -> None:
        loader = AppLoader(make_app())
        assert loader.cmdline_config_parser(["worker.prefetch_multiplier=1"]) == {
            "worker_prefetch_multiplier": 1
        }


class TestImporting:
    def test_default_modules_once(self, here: Path) -> None:
        write(here, {"one.py": "", "two.py": ""})
        told: list[str] = []

        class Counting(AppLoader):
            def on_worker_init(self) -> None:
                told.append("init")

        loader = Counting(make_app(imports="one", include=["two"]))
        loader.init_worker()
        loader.init_worker()
        assert loader.task_modules == {"one", "two"}
        assert {"one", "two"} <= set(sys.modules)
        assert told == ["init"]

    def test_an_error_of_a_receiver_is_not_lost(self) -> None:
        app = make_app()

        def receiver(**kwargs: Any) -> None:
            raise KeyError("in receiver")

        import_modules.connect(receiver, sender=app)
        try:
            with pytest.raises(KeyError, match="in receiver"):
                AppLoader(app).import_default_modules()
        finally:
            import_modules.disconnect(receiver, sender=app)

    def test_related_modules(self, here: Path) -> None:
        write(
            here,
            {
                "shop/__init__.py": "", "shop/tasks.py": "", "shop/sub/__init__.py": "",
                "shop/sub/jobs.py": "", "plain.py": "", "bad/__init__.py": "",
                "bad/tasks.py": "import no_such_module_at_all", "worse.py": "import gone_module",
            },
        )  # fmt: skip

        def found(package: str, related_name: str | None = "tasks") -> str | None:
            module = find_related_module(package, related_name)
            return module.__name__ if module else None

        assert found("shop") == "shop.tasks"
        assert found("shop", "jobs") is None
        assert found("shop", "sub.jobs") == "shop.sub.jobs"
        assert found("shop", "nosub.jobs") is None
        assert found("shop", None) == "shop"
        assert found("shop.ShopConfig") == "shop.tasks"
        assert found("plain") is None
        for package in ("bad", "worse", "no_such_package"):
            with pytest.raises(ModuleNotFoundError):
                found(package)

        assert autodiscover_tasks(["shop", "plain"]) == [sys.modules["shop.tasks"], None]
        loader = AppLoader(make_app())
        loader.autodiscover_tasks(["shop", "plain"])
        assert loader.task_modules == {"shop.tasks"}

    def test_by_name(self, here: Path) -> None:
        write(here, {"wanted.py": ""})
        loader = AppLoader(make_app())
        assert loader.import_task_module("wanted") is sys.modules["wanted"]
        assert loader.import_module("json") is sys.modules["json"]


def test_now() -> None:
    loader = AppLoader(make_app())
    assert loader.now().tzinfo is UTC
    assert loader.now(utc=False).tzinfo is None
