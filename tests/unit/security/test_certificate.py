from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from tests.support.certificates import SERIAL, write_identity

from celery.exceptions import SecurityError
from celery.security.certificate import Certificate, CertStore, FSCertStore
from celery.security.key import PrivateKey

ALICE = f"Acme Works alice {SERIAL}"
BOB = f"Acme Works bob {SERIAL}"


def ids(store: CertStore) -> list[str]:
    return sorted(cert.get_id() for cert in store.itercerts())


def test_names(trusted: Path) -> None:
    cert = Certificate((trusted / "alice.pem").read_text())
    assert cert.get_issuer() == "Acme Works alice"
    assert cert.get_serial_number() == SERIAL
    assert cert.get_id() == ALICE
    assert not cert.has_expired()


def test_signature_is_of_this_key_and_of_these_bytes(tmp_path: Path, trusted: Path) -> None:
    key = PrivateKey((tmp_path / "alice.key").read_text())
    alice = Certificate((trusted / "alice.pem").read_bytes())
    bob = Certificate((trusted / "bob.pem").read_bytes())
    signature = key.sign("text", SHA256())
    alice.verify(b"text", signature, SHA256())
    with pytest.raises(SecurityError, match="Bad signature"):
        alice.verify(b"test", signature, SHA256())
    with pytest.raises(SecurityError, match="Bad signature"):
        bob.verify(b"text", signature, SHA256())


def test_expired_certificate_verifies_nothing(tmp_path: Path) -> None:
    cert = Certificate(write_identity(tmp_path, "carol", days_left=-1).read_text())
    signature = PrivateKey((tmp_path / "carol.key").read_text()).sign("text", SHA256())
    assert cert.has_expired()
    with pytest.raises(SecurityError, match="Expired certificate: 'Acme Works carol"):
        cert.verify(b"text", signature, SHA256())


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nx\n"])
def test_unreadable_certificate(text: str) -> None:
    with pytest.raises(SecurityError, match="Invalid certificate"):
        Certificate(text)


def test_only_rsa(tmp_path: Path) -> None:
    path = write_identity(tmp_path, "eve", elliptic=True)
    with pytest.raises(SecurityError, match="Non-RSA certificates"):
        Certificate(path.read_text())
    with pytest.raises(SecurityError, match="Non-RSA keys"):
        PrivateKey((tmp_path / "eve.key").read_text())


def test_key_with_a_password(tmp_path: Path) -> None:
    write_identity(tmp_path, "dave", password=b"secret")
    text = (tmp_path / "dave.key").read_text()
    assert PrivateKey(text, b"secret").sign(b"", SHA256())
    assert PrivateKey(text, password="secret").sign(b"", SHA256())
    for wrong in (None, b"other"):
        with pytest.raises(SecurityError, match="Invalid private key"):
            PrivateKey(text, wrong)


def test_store_of_a_directory_or_a_pattern(trusted: Path) -> None:
    assert ids(FSCertStore(str(trusted))) == [ALICE, BOB]
    assert ids(FSCertStore(f"{trusted}/")) == [ALICE, BOB]
    assert ids(FSCertStore(f"{trusted}/a*.pem")) == [ALICE]
    assert ids(FSCertStore(f"{trusted}/none*")) == []


def test_lookup(trusted: Path) -> None:
    store = FSCertStore(str(trusted))
    assert store[BOB].get_id() == BOB
    assert store[BOB.encode()] is store[BOB]
    with pytest.raises(SecurityError, match="Unknown certificate: 'nobody'"):
        store["nobody"]
    with pytest.raises(SecurityError, match="Duplicate certificate: 'Acme Works bob"):
        store.add_cert(store[BOB])


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda at: write_identity(at, "x{0}", days_left=-1), "Expired certificate"),
        (lambda at: (at / "readme{0}.txt").write_text("hello"), "Invalid certificate"),
        (lambda at: (at / "copy{0}.pem").write_bytes((at / "bob.pem").read_bytes()), "Duplicate"),
        (lambda at: (at / "sub{0}").mkdir(), "directory"),
    ],
)
def test_bad_file_in_a_store_is_named(trusted: Path, make: object, complaint: str) -> None:
    make(trusted)  # type: ignore[operator]  # a function
    (trusted / "x{0}.key").unlink(missing_ok=True)
    # Which of two copies comes first is the file system's affair.
    name = r"(\{0\}|bob\.pem)"
    with pytest.raises(SecurityError, match=rf"{name}.*{complaint}"):
        FSCertStore(str(trusted))
