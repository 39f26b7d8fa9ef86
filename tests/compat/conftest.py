"""Celery 5.7 and this package at one broker: their interpreters, clients and workers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from amqp.exceptions import NotFound
from kombu import Connection
from redis import Redis
from tests.support.upstream import UpstreamMissing, upstream_python
from tests.support.workers import Program, ProgramFailed, Worker, workers

PROGRAMS = Path(__file__).parent / "programs"
REDIS_DB = 10
ANSWER_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Which side's client feeds which side's worker."""

    client: str
    worker: str

    def __str__(self) -> str:
        return f"{self.client}-to-{self.worker}"


UPSTREAM_ALONE = Pair("theirs", "theirs")


class Client(Program):
    """A client program of one side, that runs scenarios (`programs/client.py`)."""

    def __init__(self, side: str, python: str, env: dict[str, str]) -> None:
        super().__init__(
            [python, "client.py"],
            cwd=PROGRAMS,
            env=env,
            name=f"client ({side})",
            stdin=subprocess.PIPE,
        )

    def ask(self, scenario: str, worker: str, arguments: dict[str, Any]) -> Any:
        """What the scenario saw.

        Raises:
            ProgramFailed: it raised; the text is the traceback.
        """
        assert self.process.stdin is not None
        start = self.line_count()
        question = {"scenario": scenario, "worker": worker, "arguments": arguments}
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = json.loads(
            self.wait_for_line(r'^\{"(value|error)":', ANSWER_TIMEOUT_S, start=start)
        )
        if "error" in answer:
            raise ProgramFailed(f"{self.name}, {scenario} on {worker}:\n{answer['error']}")
        return answer["value"]


@dataclass
class Fleet:
    """A client and a worker of each side, at one broker and result store."""

    prefix: str
    clients: dict[str, Client]
    workers: dict[str, Worker]
    _upstream: dict[str, Any] = field(default_factory=dict)

    def run(self, pair: Pair, scenario: str, **arguments: Any) -> Any:
        """What the scenario saw with this client and worker.

        Raises:
            ProgramFailed: it raised; the text has the logs of the workers too.
        """
        try:
            return self.clients[pair.client].ask(scenario, pair.worker, arguments)
        except ProgramFailed as exc:
            for worker in self.workers.values():
                exc.add_note(f"--- {worker.name}:\n{worker.log[-3000:]}")
            raise

    def observe(self, pair: Pair, scenario: str) -> Any:
        """The same, with what differs from run to run made equal."""
        return comparable(self.run(pair, scenario), self.prefix, pair.worker)

    def upstream(self, scenario: str) -> Any:
        """What Celery 5.7 sees when it is alone; asked once."""
        if scenario not in self._upstream:
            self._upstream[scenario] = self.observe(UPSTREAM_ALONE, scenario)
        return self._upstream[scenario]


_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")
_ORIGIN = re.compile(r"\bgen\d+@")


def comparable(value: Any, prefix: str, worker: str) -> Any:
    """The value with generated names replaced by what they stand for.

    Ids are numbered in the order in which they appear; times keep their form; the names of the
    worker's side and of the other side become `HERE` and `THERE`.
    """
    numbers: dict[str, str] = {}
    other = "theirs" if worker == "ours" else "ours"
    text = json.dumps(value)
    text = _UUID.sub(lambda match: numbers.setdefault(match[0], f"<id {len(numbers)}>"), text)
    text = _TIME.sub("<time>", text)
    text = _ORIGIN.sub("gen<pid>@", text)
    # To AMQP no priority is priority 0; Celery 5.7 sends now the one, now the other.
    text = text.replace('"priority": null', '"priority": 0')
    for side, name in ((worker, "HERE"), (other, "THERE")):
        text = re.sub(rf"{re.escape(prefix)}([.-]){side}\b", rf"<prefix>\1{name}", text)
        text = re.sub(rf'(?<="){side}(?=[".])', name, text)
    return json.loads(text.replace(prefix, "<prefix>"))


@pytest.fixture(scope="session")
def upstream() -> str:
    """An interpreter with Celery 5.7."""
    try:
        return upstream_python()
    except UpstreamMissing as exc:
        if os.environ.get("CI", "").lower() == "true":
            raise
        pytest.skip(str(exc))


@pytest.fixture(scope="session")
def redis_url(redis_server: str) -> str:
    """The database of these tests."""
    return f"{redis_server}/{REDIS_DB}"


@pytest.fixture(scope="module")
def redis_fleet(upstream: str, redis_url: str) -> Iterator[Fleet]:
    """Broker and results on Redis."""
    with _fleet(upstream, redis_url, redis_url) as fleet:
        yield fleet
    _clean_redis(redis_url, fleet.prefix)


@pytest.fixture(scope="module")
def rabbitmq_fleet(upstream: str, rabbitmq_server: str, redis_url: str) -> Iterator[Fleet]:
    """Broker RabbitMQ, results on Redis."""
    broker = f"{rabbitmq_server}//"
    with _fleet(upstream, broker, redis_url) as fleet:
        yield fleet
    _clean_redis(redis_url, fleet.prefix)
    _clean_rabbitmq(broker, fleet.prefix)


@pytest.fixture(scope="module")
def rpc_fleet(upstream: str, rabbitmq_server: str) -> Iterator[Fleet]:
    """Broker RabbitMQ, results as messages to the client."""
    broker = f"{rabbitmq_server}//"
    with _fleet(upstream, broker, "rpc://") as fleet:
        yield fleet
    _clean_rabbitmq(broker, fleet.prefix)


@contextmanager
def _fleet(upstream: str, broker: str, backend: str) -> Iterator[Fleet]:
    """Start both workers and both clients; stop them cleanly."""
    pythons = {"ours": sys.executable, "theirs": upstream}
    prefix = f"compat{uuid.uuid4().hex[:8]}"
    env = {
        "FLEET_PREFIX": prefix,
        "CELERY_BROKER_URL": broker,
        "CELERY_RESULT_BACKEND": backend,
    }
    with ExitStack() as stack:
        started = {side: _worker(side, python, prefix, env) for side, python in pythons.items()}
        stack.enter_context(workers(*started.values()))
        clients = {side: Client(side, python, env) for side, python in pythons.items()}
        for client in clients.values():
            stack.callback(client.kill)
        yield Fleet(prefix, clients, started)


def _worker(side: str, python: str, prefix: str, env: dict[str, str]) -> Worker:
    queues = f"{prefix}.{side},{prefix}.{side}.topic,{prefix}.shared"
    return Worker(
        "fleet",
        *("-n", f"{prefix}-{side}@%h", "-Q", queues, "-c", "1", "-E"),
        cwd=PROGRAMS,
        env=env,
        python=python,
        name=f"worker ({side})",
    )


def _clean_redis(url: str, prefix: str) -> None:
    """Delete what carries the fleet's name; results go by themselves when they expire."""
    with closing(Redis.from_url(url)) as store:
        keys = list(store.scan_iter(f"*{prefix}*"))
        if keys:
            store.delete(*keys)


def _clean_rabbitmq(url: str, prefix: str) -> None:
    names = [f"{prefix}.{name}" for name in ("ours", "theirs", "shared", "extra")]
    topics = [f"{prefix}.ours.topic", f"{prefix}.theirs.topic"]
    with Connection(url) as connection:
        for name in [*names, *topics]:
            with connection.channel() as channel, suppress(NotFound):
                channel.queue_delete(name)
        for name in [*names, f"{prefix}.topic"]:
            with connection.channel() as channel, suppress(NotFound):
                channel.exchange_delete(name)
