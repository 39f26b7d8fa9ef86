"""What the modules of this package share: hashes by name, one kind of error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.hazmat.primitives import hashes

from celery.exceptions import ImproperlyConfigured, SecurityError

__all__ = ("get_digest_algorithm", "reraise_errors")


def get_digest_algorithm(digest: str = "sha256") -> hashes.HashAlgorithm:
    """Return the hash of a name such as ``sha256``, in upper or lower case.

    Raises:
        ImproperlyConfigured: there is none, or it is of variable size.
    """
    found = getattr(hashes, digest.upper(), None)
    if not (isinstance(found, type) and issubclass(found, hashes.HashAlgorithm)):
        raise ImproperlyConfigured(
            f"security_digest: no hash is named {digest!r}; 'sha256' is one that is"
        )
    try:
        algorithm: hashes.HashAlgorithm = found()
    except TypeError as exc:  # of those that can have several sizes
        raise ImproperlyConfigured(f"security_digest: {digest!r} has no fixed size") from exc
    return algorithm


@contextmanager
def reraise_errors(
    msg: str = "{0!r}", errors: tuple[type[Exception], ...] = (Exception,)
) -> Iterator[None]:
    """Raise what goes wrong in the block as a `SecurityError`, with the original as its cause.

    Args:
        msg: text of the error; the original stands in for ``{0}``.
        errors: kinds of errors this is for.
    """
    try:
        yield
    except errors as exc:
        raise SecurityError(msg.format(exc)) from exc
