"""Where a Redis server is: every kind of Redis URL read into one value."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

__all__ = ["RedisAddress", "parse_url"]

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 6379
DEFAULT_SENTINEL_PORT: Final = 26379

Kind = Literal["tcp", "tls", "unix", "sentinel"]

_KINDS: Final[dict[str, Kind]] = {
    "redis": "tcp",
    "tcp": "tcp",
    "rediss": "tls",
    "redis+tls": "tls",
    "redis+socket": "unix",
    "socket": "unix",
    "unix": "unix",
    "sentinel": "sentinel",
}
_CERT_REQS: Final = {
    "cert_required": ssl.CERT_REQUIRED,
    "required": ssl.CERT_REQUIRED,
    "cert_optional": ssl.CERT_OPTIONAL,
    "optional": ssl.CERT_OPTIONAL,
    "cert_none": ssl.CERT_NONE,
    "none": ssl.CERT_NONE,
}
_FLOATS: Final = frozenset({"socket_timeout", "socket_connect_timeout", "health_check_interval"})
_INTEGERS: Final = frozenset({"max_connections", "min_other_sentinels"})
_BOOLEANS: Final = frozenset({"socket_keepalive", "retry_on_timeout", "ssl_check_hostname"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """One Redis server, or the sentinels that know which one is the master.

    Args:
        kind: how to reach it.
        host, port: for ``tcp`` and ``tls``.
        path: of the Unix socket, for ``unix``.
        db: number of the database.
        username, password: of the server (for ``sentinel``: of the master).
        sentinels: (host, port) of each sentinel, for ``sentinel``.
        options: what the URL's query said, with the types redis-py wants.
    """

    kind: Kind = "tcp"
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    path: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = None
    sentinels: tuple[tuple[str, int], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def with_login(self, username: str | None, password: str | None) -> RedisAddress:
        """The same place, with that login."""
        return replace(self, username=username, password=password)

    def as_uri(self, *, include_password: bool = False) -> str:
        """The URL for people: the password is masked unless asked for."""
        login = ""
        if self.username or self.password:
            password = quote(self.password, safe="") if self.password else ""
            shown = password if include_password else ("**" if password else "")
            login = f"{quote(self.username or '', safe='')}:{shown}@"
        match self.kind:
            case "unix":
                return f"redis+socket://{login}{self.path}?virtual_host={self.db}"
            case "sentinel":
                return ";".join(
                    f"sentinel://{login}{host}:{port}/{self.db}" for host, port in self.sentinels
                )
            case "tls" | "tcp":
                scheme = "rediss" if self.kind == "tls" else "redis"
                host = f"[{self.host}]" if ":" in self.host else self.host
                return f"{scheme}://{login}{host}:{self.port}/{self.db}"


def parse_url(url: str) -> RedisAddress:
    """Read a Redis URL.

    Accepted are ``redis://[user:password@]host[:port][/db][?options]``, ``rediss://`` (TLS) with
    ``ssl_*`` options, ``redis+socket:///path?virtual_host=db`` and
    ``sentinel://host[:port]/db;sentinel://...``; a bare ``redis`` is the server on this machine.

    Raises:
        ValueError: the scheme, the database number, the port or an option is not one of Redis.
    """
    first, *others = (part.strip() for part in url.split(";") if part.strip())
    parts = urlsplit(first if "://" in first else f"{first}://")
    kind = _KINDS.get(parts.scheme)
    if kind is None:
        raise ValueError(f"Not a Redis URL: scheme {parts.scheme!r} in {parts.scheme}://...")
    options = {name: _typed(name, value) for name, value in parse_qsl(parts.query)}
    virtual_host = options.pop("virtual_host", None)
    login: dict[str, Any] = {
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
    }
    if kind == "unix":
        return RedisAddress(
            kind=kind,
            path=unquote(parts.path),
            db=_database(virtual_host),
            options=options,
            **login,
        )
    db = _database(virtual_host if virtual_host is not None else parts.path)
    if kind == "sentinel":
        nodes = [_node(parts), *(_node(_sentinel_parts(other)) for other in others)]
        return RedisAddress(kind=kind, db=db, sentinels=tuple(nodes), options=options, **login)
    return RedisAddress(
        kind=kind,
        host=unquote(parts.hostname) if parts.hostname else DEFAULT_HOST,
        port=parts.port or DEFAULT_PORT,
        db=db,
        options=options,
        **login,
    )


def _sentinel_parts(url: str) -> SplitResult:
    return urlsplit(url if "://" in url else f"sentinel://{url}")


def _node(parts: SplitResult) -> tuple[str, int]:
    return (parts.hostname or DEFAULT_HOST, parts.port or DEFAULT_SENTINEL_PORT)


def _database(text: str | None) -> int:
    stripped = unquote(text or "").strip("/")
    if not stripped:
        return 0
    try:
        return int(stripped)
    except ValueError:
        raise ValueError(f"A Redis database is a number, not {stripped!r}") from None


def _typed(name: str, value: str) -> Any:
    if name == "ssl_cert_reqs":
        try:
            return _CERT_REQS[value.lower()]
        except KeyError:
            raise ValueError(
                f"ssl_cert_reqs is one of required, optional, none, not {value!r}"
            ) from None
    if name in _BOOLEANS:
        return value.lower() in {"true", "1", "yes", "on"}
    if name in _FLOATS:
        return float(value)
    if name in _INTEGERS:
        return int(value)
    return value
