"""Signed messages: the serializer ``auth``, and turning all others off.

With it a worker runs only what was signed by a private key whose certificate it trusts. Needs the
package cryptography: ``pip install 'celery[auth]'``.
"""

from __future__ import annotations

try:
    import cryptography  # noqa: F401  # asked for here, so that every module of the package is told
except ImportError as exc:
    raise ImportError(
        "Signed messages (celery.security, the serializer 'auth') need the package cryptography: "
        "pip install 'celery[auth]'"
    ) from exc

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from kombu.serialization import registry

from celery._state import app_or_default
from celery.exceptions import ImproperlyConfigured
from celery.security.serialization import register_auth

if TYPE_CHECKING:
    from celery._ports import AppPort

__all__ = ("disable_untrusted_serializers", "setup_security")


def setup_security(
    allowed_serializers: Iterable[str] | None = None,
    key: str | PathLike[str] | None = None,
    key_password: bytes | str | None = None,
    cert: str | PathLike[str] | None = None,
    store: str | None = None,
    digest: str | None = None,
    serializer: str = "json",
    app: AppPort | None = None,
) -> None:
    """Sign what this process sends, and accept nothing that is not signed.

    Every other serializer is disabled for the whole process, except inside of signed messages,
    and ``auth`` becomes the default one. What is not given comes from the settings
    ``security_key``, ``security_key_password``, ``security_certificate``, ``security_cert_store``
    and ``security_digest``.

    Args:
        allowed_serializers: names or content types to accept unsigned all the same.
        key: file with the private RSA key (PEM).
        key_password: of the key, if it is encrypted.
        cert: file with the certificate of that key (PEM), which others have in their stores.
        store: directory, or glob pattern, of the certificates to trust.
        digest: name of the hash of the signature; sender and receiver must agree on it.
        serializer: of what is signed.
        app: the app; the current one if None.

    Raises:
        ImproperlyConfigured: key, certificate or store are missing; the settings
            ``task_serializer`` and ``accept_content`` are not ``'auth'`` and ``['auth']``;
            a name of a serializer or digest is unknown.
        SecurityError: a key or certificate cannot be used, or a trusted one has expired.
        OSError: a file cannot be read.
    """
    conf = app_or_default(app).conf
    if conf.task_serializer != "auth" or set(conf.accept_content or ()) != {"auth"}:
        raise ImproperlyConfigured(
            "Signing makes sense only if tasks are signed and nothing else is accepted: set "
            "task_serializer = 'auth' and accept_content = ['auth']"
        )
    key = key or conf.security_key
    key_password = key_password or conf.security_key_password
    cert = cert or conf.security_certificate
    store = store or conf.security_cert_store
    missing = [
        f"{setting} ({what})"
        for value, setting, what in (
            (key, "security_key", "file with the private key"),
            (cert, "security_certificate", "file with its certificate"),
            (store, "security_cert_store", "directory of the certificates to trust"),
        )
        if not value
    ]
    if missing:
        raise ImproperlyConfigured(f"Signed messages need the settings {', '.join(missing)}")
    register_auth(
        key=Path(key).read_text(),
        key_password=key_password,
        cert=Path(cert).read_text(),
        store=store,
        digest=digest or conf.security_digest,
        serializer=serializer,
    )
    disable_untrusted_serializers(allowed_serializers)
    registry._set_default_serializer("auth")


def disable_untrusted_serializers(whitelist: Iterable[str] | None = None) -> None:
    """Refuse content of every serializer there is, for the whole process.

    ``auth`` itself stays: its content type is one that is always accepted.

    Args:
        whitelist: names or content types of serializers to accept.

    Raises:
        ImproperlyConfigured: there is no serializer of that name; nothing has changed.
    """
    types = dict(registry.name_to_type)
    allowed = set()
    for name in whitelist or ():
        if name not in types and name not in types.values():
            raise ImproperlyConfigured(f"No serializer {name!r}: there are {sorted(types)}")
        allowed.add(types.get(name, name))
    for name, content_type in types.items():
        if content_type in allowed:
            registry.enable(name)
        elif name != "auth":
            registry.disable(name)
