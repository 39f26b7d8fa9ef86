"""The serializer ``auth``: other serializers' content, signed.

On the wire, all of it base64, with the bytes 00 01 between the parts::

    base64(id of the signer's certificate)
    base64(signature of the content)
    content type of the content
    content encoding of the content
    content
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kombu.serialization import dumps, loads, registry
from kombu.utils.encoding import bytes_to_str, ensure_bytes

from celery.exceptions import SecurityError
from celery.security.certificate import Certificate, CertStore, FSCertStore
from celery.security.key import PrivateKey
from celery.security.utils import get_digest_algorithm, reraise_errors
from celery.utils.serialization import b64decode, b64encode

__all__ = ("SecureSerializer", "register_auth")

DEFAULT_SEPARATOR = b"\x00\x01"

_PARTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """Signed content, as it is on the wire."""

    signer: str
    signature: bytes
    content_type: str
    content_encoding: str
    body: bytes

    def pack(self) -> str:
        """Return the text for the wire."""
        parts = (
            b64encode(self.signer),
            b64encode(self.signature),
            self.content_type,
            self.content_encoding,
            self.body,
        )
        return b64encode(DEFAULT_SEPARATOR.join(ensure_bytes(part) for part in parts))

    @classmethod
    def unpack(cls, payload: str | bytes) -> _Signed:
        """Return what stands in a text from the wire.

        Raises:
            ValueError: it is not signed content.
        """
        # The content comes last, and may have the separator in it.
        parts = b64decode(ensure_bytes(payload)).split(DEFAULT_SEPARATOR, _PARTS - 1)
        if len(parts) != _PARTS:
            raise ValueError("it is not signed")
        signer, signature, content_type, content_encoding, body = parts
        return cls(
            signer=bytes_to_str(b64decode(signer)),
            signature=b64decode(signature),
            content_type=bytes_to_str(content_type),
            content_encoding=bytes_to_str(content_encoding),
            body=body,
        )


class SecureSerializer:
    """Signs what it serializes, and deserializes only what is signed by somebody trusted.

    Args:
        key: signs; needed to serialize.
        cert: certificate of `key`; needed to serialize.
        cert_store: whom to trust; needed to deserialize.
        digest: name of the hash of the signature; both sides must agree on it.
        serializer: name of the serializer of the content.
    """

    def __init__(
        self,
        key: PrivateKey | None = None,
        cert: Certificate | None = None,
        cert_store: CertStore | None = None,
        digest: str = "sha256",
        serializer: str = "json",
    ) -> None:
        self._key = key
        self._cert = cert
        self._cert_store = cert_store
        self._digest = get_digest_algorithm(digest)
        self._serializer = serializer

    def serialize(self, data: Any) -> str:
        """Return `data` serialized and signed.

        Raises:
            SecurityError: it cannot be serialized, or there is nothing to sign it with.
        """
        with reraise_errors("Unable to serialize: {0!r}"):
            if self._key is None or self._cert is None:
                raise SecurityError("there is no key and certificate to sign with")
            content_type, content_encoding, content = dumps(data, serializer=self._serializer)
            body = ensure_bytes(content)
            signed = _Signed(
                signer=self._cert.get_id(),
                signature=self._key.sign(body, self._digest),
                content_type=content_type,
                content_encoding=content_encoding,
                body=body,
            )
            return signed.pack()

    def deserialize(self, data: str | bytes) -> Any:
        """Return what was signed. Nothing of it is decoded before the signature is verified.

        The serializer that the signer chose is used even if it is disabled, as pickle is.

        Raises:
            SecurityError: it is not signed, or by somebody who is not trusted, or was changed on
                the way, or cannot be decoded.
        """
        with reraise_errors("Unable to deserialize: {0!r}"):
            if self._cert_store is None:
                raise SecurityError("there is no store of certificates to trust")
            signed = _Signed.unpack(data)
            cert = self._cert_store[signed.signer]
            cert.verify(signed.body, signed.signature, self._digest)
            return loads(signed.body, signed.content_type, signed.content_encoding, force=True)


def register_auth(
    key: str | bytes | None = None,
    key_password: str | bytes | None = None,
    cert: str | bytes | None = None,
    store: str | None = None,
    digest: str = "sha256",
    serializer: str = "json",
) -> None:
    """Register the serializer ``auth`` with kombu, for this process.

    Args:
        key: private key in PEM; without it (or `cert`) nothing can be sent.
        key_password: of the key, if it is encrypted.
        cert: certificate of the key in PEM.
        store: directory or glob pattern, see `FSCertStore`; without it nothing can be received.
        digest: name of the hash of the signature.
        serializer: of what is signed.

    Raises:
        SecurityError: key, certificate or store cannot be used.
        ImproperlyConfigured: there is no such digest.
    """
    secure = SecureSerializer(
        PrivateKey(key, password=key_password) if key else None,
        Certificate(cert) if cert else None,
        FSCertStore(store) if store else None,
        digest=digest,
        serializer=serializer,
    )
    registry.register(
        "auth",
        secure.serialize,
        secure.deserialize,
        content_type="application/data",
        content_encoding="utf-8",
    )
