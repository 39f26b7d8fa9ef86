"""Options become what redis-py's connections take, whatever the address."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

import pytest
import redis
import redis.asyncio
import redis.sentinel

from celery._stores.redis.address import parse_url
from celery._stores.redis.client import ConnectOptions, RedisServer


def server(url: str, **options: Any) -> RedisServer:
    return RedisServer(parse_url(url), ConnectOptions(**options))


class Provider(redis.CredentialProvider):
    def get_credentials(self) -> tuple[str, str]:
        return "user", "token"


def test_options_are_picked_from_transport_options() -> None:
    given = {"socket_timeout": 3, "priority_steps": [1], "client_name": "me", "master_name": None}
    options = ConnectOptions.from_mapping(given, socket_timeout=9, socket_connect_timeout=4)
    assert (options.socket_timeout, options.socket_connect_timeout) == (3, 4)
    assert options.client_name == "me"


@pytest.mark.parametrize(
    ("url", "options", "sync", "asynchronous"),
    [
        ("redis://h", {}, redis.Connection, redis.asyncio.Connection),
        ("rediss://h", {}, redis.SSLConnection, redis.asyncio.SSLConnection),
        ("redis://h", {"ssl": True}, redis.SSLConnection, redis.asyncio.SSLConnection),
        (
            "socket:///s",
            {"ssl": True, "socket_keepalive": True},
            redis.UnixDomainSocketConnection,
            redis.asyncio.UnixDomainSocketConnection,
        ),
    ],
)
def test_each_kind_has_its_connections(
    url: str, options: dict[str, Any], sync: type[Any], asynchronous: type[Any]
) -> None:
    server_ = server(url, **options)
    assert type(server_.connection()) is sync
    assert type(asyncio.run(server_.async_connection())) is asynchronous
    assert server_.client.connection_pool.connection_class is sync


def test_the_url_goes_before_the_options() -> None:
    kwargs = server(
        "rediss://u:p@h:7/3?ssl_cert_reqs=required&socket_timeout=1",
        ssl={"ssl_cert_reqs": ssl.CERT_NONE, "ssl_keyfile": "/key"},
        socket_timeout=5,
        socket_keepalive_options={"TCP_KEEPCNT": 2},
    ).connection_kwargs()
    wanted = {
        "host": "h",
        "port": 7,
        "db": 3,
        "username": "u",
        "password": "p",
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_keyfile": "/key",
        "socket_timeout": 1.0,
        "socket_keepalive_options": {socket.TCP_KEEPCNT: 2},
    }
    assert kwargs.items() >= wanted.items()


def test_unverified_certificates_are_not_compared_with_names() -> None:
    kwargs = server("rediss://h?ssl_cert_reqs=none").connection_kwargs()
    assert (kwargs["ssl_cert_reqs"], kwargs["ssl_check_hostname"]) == (ssl.CERT_NONE, False)
    assert "ssl_check_hostname" not in server("rediss://h").connection_kwargs()


@pytest.mark.parametrize("given", [Provider, Provider(), f"{__name__}:Provider"])
def test_a_credential_provider_replaces_the_login(given: Any) -> None:
    kwargs = server("redis://u:p@h", credential_provider=given).connection_kwargs()
    assert isinstance(kwargs["credential_provider"], redis.CredentialProvider)
    assert (kwargs["username"], kwargs["password"]) == (None, None)
    with pytest.raises(ValueError, match="CredentialProvider"):
        server("redis://h", credential_provider=dict).connection_kwargs()


def test_sentinels_are_given_what_concerns_them() -> None:
    server_ = server(
        "sentinel://:pw@a:1/2;sentinel://b:2",
        master_name="m",
        sentinel_kwargs={"password": "other"},
        min_other_sentinels=1,
    )
    pool = server_.client.connection_pool
    assert isinstance(pool, redis.sentinel.SentinelConnectionPool)
    assert pool.service_name == "m"
    manager = pool.sentinel_manager
    assert manager.min_other_sentinels == 1
    hosts = [s.connection_pool.connection_kwargs["host"] for s in manager.sentinels]
    assert hosts == ["a", "b"]
    assert manager.sentinels[0].connection_pool.connection_kwargs["password"] == "other"
    assert (pool.connection_kwargs["db"], pool.connection_kwargs["password"]) == (2, "pw")
    with pytest.raises(ValueError, match="master_name"):
        server("sentinel://a").connection()
