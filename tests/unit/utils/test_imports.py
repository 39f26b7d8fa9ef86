"""Finding things by name."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from celery.utils import imports
from celery.utils.imports import (
    NotAPackage,
    cwd_in_path,
    find_module,
    gen_task_name,
    import_from_cwd,
    instantiate,
    load_extension_class_names,
    load_extension_classes,
    module_file,
    qualname,
    reload_from_cwd,
    symbol_by_name,
)
from celery.utils.objects import Bunch


class TestSymbolByName:
    @pytest.mark.parametrize(
        "name", ["celery.utils.objects:Bunch", "celery.utils.objects.Bunch", Bunch]
    )
    def test_forms(self, name: object) -> None:
        assert symbol_by_name(name) is Bunch

    def test_modules_aliases_and_packages(self) -> None:
        assert symbol_by_name("os") is os
        assert symbol_by_name("b", {"b": "celery.utils.objects:Bunch"}) is Bunch
        assert symbol_by_name(".objects:Bunch", package="celery.utils") is Bunch

    def test_missing(self) -> None:
        with pytest.raises(ImportError):
            symbol_by_name("no.such:thing")
        with pytest.raises(AttributeError):
            symbol_by_name("os:nothing")
        assert symbol_by_name("os:nothing", default=3) == 3

    def test_not_well_formed(self) -> None:
        def refuse(*args: object, **kwargs: object) -> None:
            raise ValueError("Empty module name")

        with pytest.raises(ValueError, match=r"Couldn't import 'a\.b'"):
            symbol_by_name("a.b", imp=refuse)  # type: ignore[arg-type]  # never returns

    def test_instantiate(self) -> None:
        assert instantiate("celery.utils.objects:Bunch", a=1).a == 1


class TestModules:
    @pytest.fixture
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        (tmp_path / "a_project_module.py").write_text("value = 1\n")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
        monkeypatch.delitem(sys.modules, "a_project_module", raising=False)
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        return tmp_path

    def test_working_directory(self, project: Path) -> None:
        with cwd_in_path():
            assert sys.path[0] == str(project)
        assert str(project) not in sys.path
        module = import_from_cwd("a_project_module")
        assert module.value == 1
        assert module_file(module) == str(project / "a_project_module.py")
        (project / "a_project_module.py").write_text("value = 22\n")
        assert reload_from_cwd(module).value == 22

    def test_find_module(self) -> None:
        assert find_module("celery.utils.objects").__name__ == "celery.utils.objects"
        with pytest.raises(ModuleNotFoundError):
            find_module("celery.utils.nothing")
        with pytest.raises(NotAPackage, match=r"celery\.utils\.objects"):
            find_module("celery.utils.objects.Bunch")

    def test_module_file(self) -> None:
        with pytest.raises(AttributeError):
            module_file(sys)

    def test_qualname(self) -> None:
        assert qualname(Bunch) == qualname(Bunch()) == "celery.utils.objects.Bunch"
        assert qualname(qualname) == "celery.utils.imports.qualname"
        assert qualname(os) == "os"


@pytest.mark.parametrize(
    ("main", "module", "expected"),
    [
        ("proj", "a.b", "a.b.add"),
        ("proj", "__main__", "proj.add"),
        (None, "__main__", "__main__.add"),
        (None, None, "__main__.add"),
        ("proj", "", "proj.add"),
    ],
)
def test_gen_task_name(main: str | None, module: str | None, expected: str) -> None:
    assert gen_task_name(SimpleNamespace(main=main), "add", module) == expected


def test_extensions(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        SimpleNamespace(name="good", value="celery.utils.objects:Bunch"),
        SimpleNamespace(name="bad", value="no.such:thing"),
    ]
    monkeypatch.setattr(imports, "entry_points", lambda group: points)
    imports._extensions.cache_clear()
    try:
        assert dict(load_extension_class_names("x")).keys() == {"good", "bad"}
        with pytest.warns(UserWarning, match="Cannot load x extension 'no.such:thing'"):
            assert list(load_extension_classes("x")) == [("good", Bunch)]
    finally:
        imports._extensions.cache_clear()
