"""What `import celery` gives, and what it costs."""

import subprocess
import sys

import pytest

import celery
from celery import Celery, _state
from celery.execute import send_task
from celery.registry import tasks


@pytest.mark.parametrize("name", celery.__all__)
def test_documented_names(name: str) -> None:
    assert getattr(celery, name) is not None
    assert name in dir(celery)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = celery.nope


def test_version() -> None:
    assert celery.VERSION >= (5, 8)
    assert celery.VERSION[:3] == tuple(map(int, celery.__version__.split(".")[:3]))
    assert celery.VERSION is celery.version_info
    assert f"{celery.__version__} ({celery.SERIES})" == celery.VERSION_BANNER
    assert celery._parse_version("5.9.1rc2") == (5, 9, 1, "rc2", "")


def test_import_loads_nothing_heavy() -> None:
    code = "import celery, sys; print([m for m in ('kombu', 'celery.app') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_submodules_need_no_import() -> None:
    code = "import celery; print(celery.states.SUCCESS, celery.exceptions.Retry.__name__)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "SUCCESS Retry"


def test_compat_modules_follow_the_current_app() -> None:
    app = Celery("compat", broker="memory://", set_as_current=False)

    @app.task(name="compat.add")
    def add() -> None: ...

    before = _state._tls.current_app
    _state._set_current_app(app)
    try:
        assert "compat.add" in tasks
        assert callable(send_task)
    finally:
        _state._set_current_app(before)
