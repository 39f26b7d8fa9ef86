"""Giving leased messages back: the conversation, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from celery._broker._redis_leases import age, give_back
from celery._stores.redis.keys import BrokerKeys
from celery._stores.redis.scripts import load


def test_tags_sort_by_when_they_were_fetched() -> None:
    tags = ["t.2.1:q", "t.10.1:q", "t.2.10:a.b:c", "t.2.2:q"]
    assert sorted(tags, key=age) == ["t.2.1:q", "t.2.2:q", "t.2.10:a.b:c", "t.10.1:q"]


def test_giving_back_is_in_portions_the_newest_first() -> None:
    tags = [f"t.0.{n}:q" for n in range(1, 151)]
    talk = give_back(BrokerKeys(), "w.t")
    commands: Any = next(talk)
    assert commands == [("HKEYS", "_celery.lease.w.t")]
    order = []
    commands = talk.send([[tag.encode() for tag in tags]])
    while True:
        ((name, _, *batch),) = commands
        assert name == "HMGET"
        (command,) = talk.send([[b"{}"] * len(batch)])
        assert command[:3] == ("EVALSHA", load("give_back").sha, 2)
        order += command[8::2]
        try:
            commands = talk.send([1])
        except StopIteration as end:
            assert end.value == 150
            break
    assert order == tags[::-1]


def test_giving_back_ends_when_the_consumer_is_alive_again() -> None:
    talk = give_back(BrokerKeys(), "w.t", ended=True)
    next(talk)
    talk.send([[b"t.0.1:q"]])
    talk.send([[b"{}"]])
    with pytest.raises(StopIteration) as end:
        talk.send([0])
    assert end.value.value == 0
