"""Certificates, and the stores of those whose signatures are trusted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from glob import glob
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.x509 import load_pem_x509_certificate
from kombu.utils.encoding import bytes_to_str, ensure_bytes

from celery.exceptions import SecurityError
from celery.security.utils import reraise_errors

__all__ = ("CertStore", "Certificate", "FSCertStore")


class Certificate:
    """An X.509 certificate of an RSA key.

    Args:
        cert: the certificate in PEM.

    Raises:
        SecurityError: it cannot be read, or its key is not RSA.
    """

    def __init__(self, cert: str | bytes) -> None:
        with reraise_errors("Invalid certificate: {0!r}"):
            self._cert = load_pem_x509_certificate(ensure_bytes(cert))
            key = self._cert.public_key()
            if not isinstance(key, rsa.RSAPublicKey):
                raise ValueError("Non-RSA certificates are not supported.")
        self._key = key

    def has_expired(self) -> bool:
        """Return whether the certificate's time is over."""
        return datetime.now(UTC) >= self._cert.not_valid_after_utc

    def get_pubkey(self) -> rsa.RSAPublicKey:
        """Return the public key."""
        return self._key

    def get_serial_number(self) -> int:
        """Return the serial number."""
        return self._cert.serial_number

    def get_issuer(self) -> str:
        """Return the values of the issuer's name, with blanks between."""
        return " ".join(bytes_to_str(attribute.value) for attribute in self._cert.issuer)

    def get_id(self) -> str:
        """Return what names the certificate in messages and stores: issuer and serial number."""
        return f"{self.get_issuer()} {self.get_serial_number()}"

    def verify(self, data: bytes, signature: bytes, digest: HashAlgorithm) -> None:
        """Return if the certificate's key has made this signature of `data`.

        Raises:
            SecurityError: it has not, or the certificate has expired.
        """
        self.ensure_not_expired()
        with reraise_errors("Bad signature: {0!r}"):
            pss = padding.PSS(padding.MGF1(digest), padding.PSS.MAX_LENGTH)
            self._key.verify(signature, ensure_bytes(data), pss, digest)

    def ensure_not_expired(self) -> None:
        """Raise `SecurityError` if the certificate's time is over."""
        if self.has_expired():
            raise SecurityError(f"Expired certificate: {self.get_id()!r}")


class CertStore:
    """The certificates whose signatures are trusted, by their ids."""

    def __init__(self) -> None:
        self._certs: dict[str, Certificate] = {}

    def itercerts(self) -> Iterator[Certificate]:
        """Yield the certificates."""
        yield from self._certs.values()

    def __getitem__(self, id: str | bytes) -> Certificate:
        try:
            return self._certs[bytes_to_str(id)]
        except (KeyError, UnicodeDecodeError) as exc:
            raise SecurityError(f"Unknown certificate: {id!r}") from exc

    def add_cert(self, cert: Certificate) -> None:
        """Trust a certificate.

        Raises:
            SecurityError: there is one of that id already.
        """
        id = cert.get_id()
        if id in self._certs:
            raise SecurityError(f"Duplicate certificate: {id!r}")
        self._certs[id] = cert


class FSCertStore(CertStore):
    """The certificates in PEM files, one in each; read when the store is made.

    Args:
        path: a directory, all of whose files are certificates, or a glob pattern of files.

    Raises:
        SecurityError: a file is no such certificate, has expired, or is there twice; the text
            names the file.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        for name in glob(str(Path(path) / "*") if Path(path).is_dir() else path):
            try:
                cert = Certificate(Path(name).read_bytes())
                cert.ensure_not_expired()
                self.add_cert(cert)
            except (SecurityError, OSError) as exc:
                raise SecurityError(f"{name}: {exc}") from exc
