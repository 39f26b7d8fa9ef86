"""The private key that messages are signed with."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from kombu.utils.encoding import ensure_bytes

from celery.security.utils import reraise_errors

__all__ = ("PrivateKey",)


class PrivateKey:
    """A private RSA key.

    Args:
        key: the key in PEM.
        password: of the key, if it is encrypted.

    Raises:
        SecurityError: the key cannot be read, the password is missing or wrong, it is not RSA.
    """

    def __init__(self, key: str | bytes, password: str | bytes | None = None) -> None:
        with reraise_errors("Invalid private key: {0!r}"):
            loaded = load_pem_private_key(ensure_bytes(key), ensure_bytes(password) or None)
            if not isinstance(loaded, rsa.RSAPrivateKey):
                raise ValueError("Non-RSA keys are not supported.")
        self._key = loaded

    def sign(self, data: str | bytes, digest: HashAlgorithm) -> bytes:
        """Return the signature of `data`: RSA-PSS with the longest salt there is room for.

        Raises:
            SecurityError: the key is too short for that digest.
        """
        with reraise_errors("Unable to sign data: {0!r}"):
            pss = padding.PSS(padding.MGF1(digest), padding.PSS.MAX_LENGTH)
            return self._key.sign(ensure_bytes(data), pss, digest)
