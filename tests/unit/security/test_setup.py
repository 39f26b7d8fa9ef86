import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kombu.exceptions import ContentDisallowed
from kombu.serialization import dumps, loads
from tests.support.certificates import write_identity

from celery import Celery
from celery.exceptions import ImproperlyConfigured
from celery.security import disable_untrusted_serializers, setup_security

pytestmark = pytest.mark.usefixtures("serializers")

SIGNED = {"task_serializer": "auth", "accept_content": ["auth"]}


@pytest.fixture
def app(trusted: Path) -> Celery:
    app = Celery("signed", broker="memory://", set_as_current=False)
    app.conf.update(
        SIGNED,
        security_key=str(trusted.parent / "alice.key"),
        security_certificate=str(trusted.parent / "alice.pem"),
        security_cert_store=str(trusted),
    )
    return app


def accepts(serializer: str) -> bool:
    content_type, encoding, body = dumps({}, serializer=serializer)
    try:
        loads(body, content_type, encoding)
    except ContentDisallowed:
        return False
    return True


def test_everything_but_auth_is_refused(app: Celery) -> None:
    app.setup_security()
    assert not any(accepts(name) for name in ("json", "pickle", "yaml", "msgpack"))
    assert accepts("auth")
    assert dumps({})[0] == "application/data"  # the default now
    app.setup_security()  # once more does no harm
    assert accepts("auth")


@pytest.mark.parametrize("name", ["json", "application/json"])
def test_allowed_serializers(app: Celery, name: str) -> None:
    app.setup_security(allowed_serializers=[name])
    assert accepts("json")
    assert not accepts("pickle")


def test_unknown_allowed_serializer_disables_nothing() -> None:
    with pytest.raises(ImproperlyConfigured, match="No serializer 'jason'"):
        disable_untrusted_serializers(["jason"])
    assert accepts("json")


def test_arguments_come_before_settings(app: Celery, trusted: Path, tmp_path: Path) -> None:
    write_identity(tmp_path, "dave", password=b"secret")
    (trusted / "dave.pem").write_bytes((tmp_path / "dave.pem").read_bytes())
    app.setup_security(
        None, tmp_path / "dave.key", b"secret", tmp_path / "dave.pem", str(trusted), "sha512",
        "pickle",
    )  # fmt: skip
    content_type, encoding, body = dumps({1: (2, 3)}, serializer="auth")
    assert loads(body, content_type, encoding, accept={content_type}) == {1: (2, 3)}


def test_digest_of_the_settings(app: Celery) -> None:
    app.conf.security_digest = "rot13"
    app.setup_security()  # sha256, whatever the setting, as Celery signs
    with pytest.raises(ImproperlyConfigured, match="rot13"):
        app.setup_security(digest=None)
    with pytest.raises(ImproperlyConfigured, match="rot13"):
        setup_security(app=app)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"task_serializer": "json"}, "task_serializer = 'auth'"),
        ({"accept_content": ["json"]}, r"accept_content = \['auth'\]"),
        ({"accept_content": ["auth", "json"]}, r"accept_content = \['auth'\]"),
        ({"security_key": None}, "settings security_key"),
        ({"security_certificate": None}, "settings security_certificate"),
        ({"security_cert_store": None, "security_key": ""}, "security_key.*security_cert_store"),
    ],
)
def test_what_is_missing_is_named(app: Celery, settings: dict[str, Any], complaint: str) -> None:
    app.conf.update(settings)
    with pytest.raises(ImproperlyConfigured, match=complaint):
        app.setup_security()
    assert accepts("json")


def test_missing_file(app: Celery) -> None:
    app.conf.security_key = "/nonexistent/key"
    with pytest.raises(FileNotFoundError):
        app.setup_security()


@pytest.mark.parametrize("module", ["", ".key", ".certificate", ".serialization", ".utils"])
def test_without_cryptography(module: str) -> None:
    program = (
        "import sys; sys.modules['cryptography'] = None\n"
        f"try: import celery.security{module}\n"
        "except ImportError as exc: print(exc)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install 'celery[auth]'" in shown.stdout
