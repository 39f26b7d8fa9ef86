import importlib.util
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from celery._settings import Settings, default_values
from celery.app.utils import (
    AppPickler,
    _unpickle_app,
    _unpickle_app_v2,
    appstr,
    bugreport,
    detect_settings,
    find_app,
)

# An application, as far as finding one goes.
APP = """
class App:
    def __init__(self, main): self.main = main
    def send_task(self): ...
    def config_from_object(self): ...
    def autodiscover_tasks(self): ...
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Writes modules, given by path, to a directory on the import path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    (tmp_path / "anapp.py").write_text(APP)

    def write(**files):
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            (path.parent / "__init__.py").touch()
        importlib.invalidate_caches()

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


IMPORT = "from anapp import App\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("single", "one"),
        ("single:app", "one"),
        ("single.app", "one"),
        ("single:other", "two"),
        ("named", "named"),
        ("proj", "in package"),
        ("proj.celery", "in package"),
        ("proj.celery:app", "in package"),
        ("both", "in its module"),
        ("both:here", "here"),
        ("inside", "inside"),
        ("shadow", "shadow"),
    ],
)
def test_find_app(project, name, expected):
    project(
        single=IMPORT + "other = App('two')\napp = App('one')\ncelery = App('three')\n",
        named=IMPORT + "import os as celery\nwhatever = App('named')\n",
        proj__celery=IMPORT + "app = App('in package')\n",
        both__celery=IMPORT + "mine = App('in its module')\n",
        inside__tasks="",
        shadow__celery=IMPORT + "mine = App('shadow')\n",
    )
    Path("both/__init__.py").write_text(IMPORT + "here = App('here')\n")
    Path("inside/__init__.py").write_text(IMPORT + "here = App('inside')\n")
    Path("shadow/__init__.py").write_text("from . import celery\n")
    assert find_app(name).main == expected


def test_find_app_says_why_there_is_none(project):
    project(empty="x = 1\n", broken__celery="import no_such_module\n", bare__tasks="")
    with pytest.raises(AttributeError, match="'empty' has no application"):
        find_app("empty")
    with pytest.raises(AttributeError, match="'bare' has no application"):
        find_app("bare")
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        find_app("broken")
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        find_app("nowhere")
    with pytest.raises(AttributeError, match="missing"):
        find_app("empty:missing")


def test_find_app_hands_back_an_application():
    app = SimpleNamespace(main="x")
    assert find_app(app) is app


def test_detect_settings_keeps_the_changes():
    changes = {"worker_concurrency": 3}
    settings = detect_settings({"BROKER_URL": "u"}, changes)
    assert isinstance(settings, Settings)
    settings.mine = 1
    assert changes == {"worker_concurrency": 3, "mine": 1}
    assert settings.broker_url == "u"
    assert detect_settings({}).worker_concurrency is None


class Transport:
    driver_name, driver_type = "redis", "redis"

    def driver_version(self):
        return "7.0"


class App:
    main = None
    loader = SimpleNamespace()

    def __init__(self, main=None, changes=None, set_as_current=True, **kwargs):
        self.main = main
        self.set_as_current = set_as_current
        self.conf = Settings(dict(changes or {}), [default_values()])

    def connection_for_write(self):
        return SimpleNamespace(transport=Transport())


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in ("BROKER_URL", "BROKER_READ_URL", "BROKER_WRITE_URL", "RESULT_BACKEND"):
        monkeypatch.delenv(f"CELERY_{name}", raising=False)


def test_bugreport():
    app = App(changes={"broker_url": "redis://:secret@h", "result_backend": "redis://:secret@h"})
    report = bugreport(app)
    assert "software -> celery:5.8" in report and "redis:7.0" in report
    assert "transport:redis results:redis://:********@h" in report
    assert "broker_url: 'redis://:********@h'" in report
    assert ":secret@" not in report


def test_bugreport_tells_of_a_broker_that_cannot_be_used(monkeypatch):
    def fail(app):
        raise KeyError("No such transport: x")

    monkeypatch.setattr(App, "connection_for_write", fail)
    assert "transport:unknown (KeyError: 'No such transport: x')" in bugreport(App())
    assert "results:sqlite" in bugreport(App())
    assert "results:disabled" in bugreport(App(changes={"broker_url": "x://"}))


def test_appstr():
    app = App()
    assert appstr(app) == f"__main__ at {id(app):#x}"
    app.main = "proj"
    assert appstr(app).startswith("proj at 0x")


def test_applications_are_made_from_their_pickles():
    app = _unpickle_app_v2(App, {"main": "x", "changes": {"a": 1}})
    assert (app.main, app.conf.a, app.set_as_current) == ("x", 1, False)
    parts = ("x", {"a": 1}, *["p:P"] * 6, False, None, False)
    app = _unpickle_app(App, AppPickler, *parts)
    assert (app.main, app.conf.a, app.set_as_current) == ("x", 1, False)
    for function in (_unpickle_app, _unpickle_app_v2):
        assert pickle.loads(pickle.dumps(function)) is function
