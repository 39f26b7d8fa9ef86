"""What the package shows, and what importing its modules costs."""

import subprocess
import sys

import pytest
from kombu.utils.objects import cached_property
from kombu.utils.uuid import uuid

import celery.utils
from celery.utils.objects import Bunch


def test_names() -> None:
    for name in celery.utils.__all__:
        assert getattr(celery.utils, name) is not None
        assert name in dir(celery.utils)
    assert celery.utils.cached_property is cached_property
    assert celery.utils.uuid is celery.utils.gen_unique_id is uuid
    assert celery.utils.get_full_cls_name(Bunch) == "celery.utils.objects.Bunch"
    assert celery.utils.get_cls_by_name("celery.utils.objects:Bunch") is Bunch
    with pytest.raises(AttributeError, match="nothing"):
        _ = celery.utils.nothing


def test_the_light_modules_do_not_load_kombu() -> None:
    modules = (
        "collections debug deprecated dispatch graph imports iso8601 log objects saferepr "
        "serialization sysinfo term text threads time"
    )
    imports = ", ".join(f"celery.utils.{name}" for name in modules.split())
    program = f"import {imports}, sys; sys.exit('kombu' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
