"""URLs of Redis servers are read as Celery has always read them."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from celery._stores.redis.address import RedisAddress, parse_url


@pytest.mark.parametrize(
    ("url", "fields"),
    [
        ("redis://", {"host": "127.0.0.1", "port": 6379, "db": 0}),
        ("redis", {"host": "127.0.0.1", "kind": "tcp"}),
        ("redis://h", {"host": "h"}),
        ("redis://h:7/3", {"host": "h", "port": 7, "db": 3}),
        ("redis://h//", {"db": 0}),
        ("redis://[::1]:7", {"host": "::1", "port": 7}),
        ("redis://:p%40ss%2F@h", {"username": None, "password": "p@ss/"}),
        ("redis://user:pw@h", {"username": "user", "password": "pw"}),
        ("redis://h?virtual_host=4", {"db": 4, "options": {}}),
        ("rediss://h:7/1", {"kind": "tls", "port": 7, "db": 1}),
        ("redis+socket:///tmp/r.sock", {"kind": "unix", "path": "/tmp/r.sock", "db": 0}),
        ("redis+socket:///tmp/r.sock?virtual_host=5", {"path": "/tmp/r.sock", "db": 5}),
        ("socket://:pw@/tmp/r.sock", {"kind": "unix", "path": "/tmp/r.sock", "password": "pw"}),
        (
            "sentinel://:pw@a:1/2;sentinel://b;c:3",
            {
                "kind": "sentinel",
                "sentinels": (("a", 1), ("b", 26379), ("c", 3)),
                "db": 2,
                "password": "pw",
            },
        ),
    ],
)
def test_urls(url: str, fields: dict[str, Any]) -> None:
    address = parse_url(url)
    assert {name: getattr(address, name) for name in fields} == fields


def test_options_of_the_query_have_their_types() -> None:
    url = (
        "rediss://h?ssl_cert_reqs=CERT_OPTIONAL&ssl_ca_certs=/ca.pem&ssl_check_hostname=False"
        "&socket_timeout=1.5&max_connections=7&retry_on_timeout=true&client_name=me"
    )
    assert parse_url(url).options == {
        "ssl_cert_reqs": ssl.CERT_OPTIONAL,
        "ssl_ca_certs": "/ca.pem",
        "ssl_check_hostname": False,
        "socket_timeout": 1.5,
        "max_connections": 7,
        "retry_on_timeout": True,
        "client_name": "me",
    }


@pytest.mark.parametrize(
    "url", ["amqp://h", "redis://h/one", "redis://h:port", "rediss://h?ssl_cert_reqs=maybe"]
)
def test_nonsense_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        parse_url(url)


@pytest.mark.parametrize(
    ("url", "shown", "full"),
    [
        ("redis://", "redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://u:p%2F@h/1", "redis://u:**@h:6379/1", "redis://u:p%2F@h:6379/1"),
        ("rediss://:p@[::1]", "rediss://:**@[::1]:6379/0", "rediss://:p@[::1]:6379/0"),
        (
            "redis+socket://:p@/r.sock?virtual_host=2",
            "redis+socket://:**@/r.sock?virtual_host=2",
            "redis+socket://:p@/r.sock?virtual_host=2",
        ),
        (
            "sentinel://:p@a:1/2;b:3",
            "sentinel://:**@a:1/2;sentinel://:**@b:3/2",
            "sentinel://:p@a:1/2;sentinel://:p@b:3/2",
        ),
    ],
)
def test_the_password_is_masked_unless_asked_for(url: str, shown: str, full: str) -> None:
    address = parse_url(url)
    assert address.as_uri() == shown
    assert address.as_uri(include_password=True) == full


def test_what_is_shown_in_full_leads_to_the_same_place() -> None:
    for url in ("redis://u:p%2F@h:1/1", "redis+socket://:p@/r.sock?virtual_host=2"):
        assert parse_url(parse_url(url).as_uri(include_password=True)) == parse_url(url)
    assert parse_url("redis://h/1") == RedisAddress(host="h", db=1)
