"""Celery 5.7 and this package share a broker: what a user sees does not depend on who is who.

Each scenario (`programs/scenarios*.py`) is user code. Celery 5.7 runs it alone first; the same
code must then see the same with our client and their worker, and with their client and ours.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.compat.conftest import Fleet, Pair
from tests.support.differences import assert_same

pytestmark = pytest.mark.redis

OUR_CLIENT = Pair("ours", "theirs")
OUR_WORKER = Pair("theirs", "ours")


@pytest.fixture(params=[OUR_CLIENT, OUR_WORKER], ids=str)
def pair(request: pytest.FixtureRequest) -> Pair:
    value: Pair = request.param
    return value


@pytest.mark.parametrize(
    "scenario",
    [
        "results",
        "json_types",
        "failures",
        "wrong_calls",
        "retries",
        "timing",
        "expiry",
        "ignored_results",
        "special_outcomes",
        "priorities",
        "request_fields",
        "lineage",
        "routing",
        "serializers",
        "large_messages",
        "protocol_one",
        "time_limits",
        "raw_metadata",
        "forgetting",
        "links",
        "chains",
        "groups",
        "chords",
        "chord_errors",
        "nested",
        "maps",
        "replaced",
        "stamps",
        "signature_json",
        "crowd",
        "ping",
        "inspection",
        "running_task",
        "revoked",
        "commands",
        "events",
    ],
)
def test_redis(redis_fleet: Fleet, pair: Pair, scenario: str) -> None:
    assert_same(redis_fleet.observe(pair, scenario), redis_fleet.upstream(scenario))


@pytest.mark.rabbitmq
@pytest.mark.parametrize(
    "scenario",
    [
        "results",
        "retries",
        "special_outcomes",
        "lineage",
        "routing",
        "large_messages",
        "protocol_one",
        "links",
        "chords",
        "chord_errors",
        "nested",
        "replaced",
        "crowd",
        "ping",
        "inspection",
        "revoked",
        "commands",
        "events",
    ],
)
def test_rabbitmq(rabbitmq_fleet: Fleet, pair: Pair, scenario: str) -> None:
    assert_same(rabbitmq_fleet.observe(pair, scenario), rabbitmq_fleet.upstream(scenario))


@pytest.mark.rabbitmq
@pytest.mark.parametrize(
    "scenario",
    [
        "results",
        "json_types",
        "failures",
        "retries",
        "timing",
        "expiry",
        "request_fields",
        "serializers",
        "protocol_one",
        "chains",
        "groups",
        "maps",
        "stamps",
        "signature_json",
    ],
)
def test_rpc_results(rpc_fleet: Fleet, pair: Pair, scenario: str) -> None:
    assert_same(rpc_fleet.observe(pair, scenario), rpc_fleet.upstream(scenario))


@pytest.mark.parametrize("reader", ["ours", "theirs"])
@pytest.mark.parametrize("worker", ["ours", "theirs"])
def test_results_are_read_by_the_other_client(redis_fleet: Fleet, reader: str, worker: str) -> None:
    """One client asks, a worker answers, the other client reads the same as the first."""
    asking = "theirs" if reader == "ours" else "ours"
    ids = redis_fleet.run(Pair(asking, worker), "sample")

    told: list[dict[str, Any]] = redis_fleet.run(Pair(reader, worker), "read", ids=ids)

    assert told == redis_fleet.run(Pair(asking, worker), "read", ids=ids)
    assert [one["state"] for one in told] == ["SUCCESS", "FAILURE", "SUCCESS", "SUCCESS", "SUCCESS"]
