from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from kombu.serialization import dumps, loads, registry
from tests.support.certificates import SERIAL

from celery.exceptions import ImproperlyConfigured, SecurityError
from celery.security.certificate import Certificate, CertStore, FSCertStore
from celery.security.key import PrivateKey
from celery.security.serialization import SecureSerializer, register_auth

DATA: list[Any] = [
    {"numbers": [1, 2.5, None], "text": "é\u2603"},
    [[2, 3], {"debug": True}, {"callbacks": None}],
    "\x00\x01 is what stands between the parts \x00\x01",
    "",
    [],
]


class Side:
    """One who signs as `name`, and trusts what is in the store."""

    def __init__(self, trusted: Path, name: str) -> None:
        self.key = PrivateKey((trusted.parent / f"{name}.key").read_text())
        self.cert = Certificate((trusted.parent / f"{name}.pem").read_text())
        self.store = FSCertStore(str(trusted))

    def serializer(self, **options: Any) -> SecureSerializer:
        return SecureSerializer(self.key, self.cert, self.store, **options)


@pytest.fixture
def alice(trusted: Path) -> Side:
    return Side(trusted, "alice")


@pytest.fixture
def bob(trusted: Path) -> Side:
    return Side(trusted, "bob")


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("serializer", ["json", "pickle", "yaml", "msgpack"])
def test_one_signs_the_other_reads(alice: Side, bob: Side, serializer: str, data: Any) -> None:
    signed = alice.serializer(serializer=serializer).serialize(data)
    assert bob.serializer().deserialize(signed) == data
    assert bob.serializer().deserialize(signed.encode()) == data


def test_wire_format(alice: Side) -> None:
    signed = alice.serializer().serialize({"a": 1})
    signer, signature, content_type, encoding, body = b64decode(signed).split(b"\x00\x01", 4)
    assert b64decode(signer).decode() == f"Acme Works alice {SERIAL}"
    assert len(b64decode(signature)) == 2048 // 8
    assert (content_type, encoding, body) == (b"application/json", b"utf-8", b'{"a": 1}')


def part(index: int, change: Any) -> Any:
    def changed(signed: str) -> bytes:
        parts = b64decode(signed).split(b"\x00\x01", 4)
        parts[index] = change(parts[index])
        return b64encode(b"\x00\x01".join(parts))

    return changed


@pytest.mark.parametrize(
    ("forge", "complaint"),
    [
        (part(0, lambda signer: b64encode(b"Acme Works mallory 1")), "Unknown certificate"),
        (part(0, lambda signer: b64encode(b"\xff\xfe")), "Unable to deserialize"),
        (part(0, lambda signer: b64encode(f"Acme Works bob {SERIAL}".encode())), "Bad signature"),
        (part(1, lambda signature: b64encode(b"no")), "Bad signature"),
        (part(4, lambda body: body.replace(b"1", b"2")), "Bad signature"),
        (lambda signed: signed[: len(signed) // 8 * 4], "not signed|Bad signature"),
        (lambda signed: "bm90IHNpZ25lZA==", "not signed"),
        (lambda signed: "", "not signed"),
        (lambda signed: "{}", "Unable to deserialize"),
        (lambda signed: None, "Unable to deserialize"),
    ],
)
def test_what_was_not_signed_like_this_is_refused(
    alice: Side, bob: Side, forge: Any, complaint: str
) -> None:
    forged = forge(alice.serializer().serialize({"a": 1}))
    with pytest.raises(SecurityError, match=complaint):
        bob.serializer().deserialize(forged)


def test_nothing_is_decoded_before_it_is_verified(alice: Side) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return pytest.fail, ("unpickled",)

    signed = alice.serializer(serializer="pickle").serialize(Bomb())
    stranger = SecureSerializer(cert_store=CertStore())
    with pytest.raises(SecurityError, match="Unknown certificate"):
        stranger.deserialize(signed)


def test_both_sides_use_one_digest(alice: Side, bob: Side) -> None:
    signed = alice.serializer(digest="sha512").serialize(1)
    assert bob.serializer(digest="SHA512").deserialize(signed) == 1
    with pytest.raises(SecurityError, match="Bad signature"):
        bob.serializer().deserialize(signed)
    for name in ("rot13", "shake128", "Hash"):
        with pytest.raises(ImproperlyConfigured, match=f"security_digest.*{name}"):
            alice.serializer(digest=name)


def test_who_has_no_key_or_no_store() -> None:
    with pytest.raises(SecurityError, match="no key and certificate"):
        SecureSerializer().serialize(1)
    with pytest.raises(SecurityError, match="no store of certificates"):
        SecureSerializer().deserialize("")


def test_what_cannot_be_serialized(alice: Side) -> None:
    with pytest.raises(SecurityError, match="Unable to serialize"):
        alice.serializer().serialize(object())


@pytest.mark.usefixtures("serializers")
def test_registered_with_kombu(trusted: Path) -> None:
    key = (trusted.parent / "bob.key").read_text()
    cert = (trusted.parent / "bob.pem").read_text()
    register_auth(key=key, cert=cert, store=str(trusted))
    content_type, encoding, body = dumps({"a": 1}, serializer="auth")
    assert (content_type, encoding) == ("application/data", "utf-8")
    assert loads(body, content_type, encoding, accept={"application/data"}) == {"a": 1}
    assert registry._default_content_type == "application/json"
