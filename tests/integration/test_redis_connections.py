"""Every way to reach a Redis server: TCP with a password, TLS, a Unix socket, sentinels."""

from __future__ import annotations

import asyncio
import datetime
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kombu import Queue

from celery import Celery
from celery._broker.base import Action, Publication, Settlement
from celery._broker.options import BrokerOptions
from celery._broker.redis import RedisBroker
from celery._message.envelope import Envelope
from celery.backends.redis import RedisBackend

pytestmark = [
    pytest.mark.redis,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs its own redis-server"),
]

PASSWORD = "s3cr:t/"
QUOTED = "s3cr%3At%2F"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = directory / "cert.pem", directory / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file


def start(*command: str, ready: Callable[[], Any]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while True:
        try:
            ready()
            return process
        except redis.exceptions.RedisError:
            assert process.poll() is None, "the server did not start"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A server on TCP, TLS and a Unix socket, and a sentinel that watches it."""
    directory = tmp_path_factory.mktemp("redis")
    certificate, key = make_certificate(directory)
    port, tls_port, sentinel_port = free_port(), free_port(), free_port()
    path = f"/tmp/celery-test-{port}.sock"  # pytest's directories are too long for a socket
    options = {
        "port": port,
        "tls-port": tls_port,
        "tls-cert-file": certificate,
        "tls-key-file": key,
        "tls-ca-cert-file": certificate,
        "tls-auth-clients": "no",
        "unixsocket": path,
        "requirepass": PASSWORD,
        "dir": directory,
        "save": "",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    sentinel_file = directory / "sentinel.conf"
    sentinel_file.write_text(
        f"port {sentinel_port}\ndir {directory}\n"
        f"sentinel monitor themaster 127.0.0.1 {port} 1\n"
        f'sentinel auth-pass themaster "{PASSWORD}"\n'
    )
    processes = []
    try:
        with redis.Redis(port=port, password=PASSWORD) as client:
            processes.append(start("redis-server", *arguments, ready=client.ping))
        with redis.Redis(port=sentinel_port) as client:
            command = ("redis-server", str(sentinel_file), "--sentinel")
            processes.append(start(*command, ready=client.ping))
        yield SimpleNamespace(
            port=port, tls_port=tls_port, path=path, sentinel_port=sentinel_port, ca=certificate
        )
    finally:
        for process in processes:
            process.terminate()
            process.wait()


@pytest.fixture(params=["tcp", "tls in url", "tls in settings", "unix", "sentinel"])
def place(request: pytest.FixtureRequest, server: SimpleNamespace) -> tuple[str, Any, Any]:
    """URL, TLS settings, transport options."""
    tcp = f"redis://:{QUOTED}@127.0.0.1"
    match request.param:
        case "tcp":
            return f"{tcp}:{server.port}/3", False, {}
        case "tls in url":
            url = f"rediss://:{QUOTED}@127.0.0.1:{server.tls_port}/3"
            return f"{url}?ssl_ca_certs={server.ca}&ssl_cert_reqs=required", False, {}
        case "tls in settings":
            return f"{tcp}:{server.tls_port}/3", {"ssl_cert_reqs": "none"}, {}
        case "unix":
            return f"redis+socket://:{QUOTED}@{server.path}?virtual_host=3", False, {}
        case _:
            url = f"sentinel://:{QUOTED}@127.0.0.1:{server.sentinel_port}/3;sentinel://127.0.0.1:1"
            return url, False, {"master_name": "themaster"}


def test_the_broker(place: tuple[str, Any, Any], server: SimpleNamespace) -> None:
    url, tls, options = place
    broker = RedisBroker.open(url, BrokerOptions(ssl=tls, transport_options=options))
    assert PASSWORD not in broker.as_uri()
    assert QUOTED not in broker.as_uri()
    hello = Envelope(body=b"hello", content_type="text/plain", content_encoding="utf-8")

    async def consume() -> list[bytes]:
        consumer = broker.consumer(worker="w@h")
        await consumer.start()
        await consumer.add_queue(Queue("q"))
        waiting = asyncio.create_task(consumer.fetch(1, 10.0))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(broker.publish, [Publication(envelope=hello, routing_key="q")])
        got = await waiting
        await consumer.settle([Settlement(d, Action.ACK) for d in got])
        await consumer.stop()
        return [bytes(d.body) for d in got]

    assert asyncio.run(consume()) == [b"hello"]
    broker.close()
    with redis.Redis(port=server.port, password=PASSWORD, db=3) as client:
        assert b"q" not in client.keys("*")


def test_the_backend(place: tuple[str, Any, Any], server: SimpleNamespace) -> None:
    url, tls, options = place
    app = Celery("connections", set_as_current=False)
    app.conf.update(
        result_backend=url,
        redis_backend_use_ssl=tls or None,
        result_backend_transport_options=options,
    )
    backend = app.backend
    assert isinstance(backend, RedisBackend)
    backend.store_result("t", 1, "SUCCESS")
    assert app.AsyncResult("t").get(timeout=5) == 1
    with redis.Redis(port=server.port, password=PASSWORD, db=3) as client:
        assert client.exists("celery-task-meta-t")
    assert backend.client.exists("celery-task-meta-t")
    backend.forget("t")
    backend.result_consumer.stop()
    backend.server.close()
    backend._link.close()


def test_a_certificate_is_verified(server: SimpleNamespace) -> None:
    url = f"rediss://:{QUOTED}@127.0.0.1:{server.tls_port}"
    broker = RedisBroker.open(url, BrokerOptions())
    with pytest.raises(redis.exceptions.ConnectionError, match="certificate verify failed"):
        broker.connect()


def test_a_wrong_password_is_told(server: SimpleNamespace) -> None:
    broker = RedisBroker.open(f"redis://:wrong@127.0.0.1:{server.port}", BrokerOptions())
    with pytest.raises(broker.connection_errors, match=r"(?i)password|auth"):
        broker.connect()
