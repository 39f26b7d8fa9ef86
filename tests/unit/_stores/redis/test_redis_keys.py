"""Names of keys are kombu's where kombu knows them."""

from __future__ import annotations

import pytest

from celery._stores.redis.keys import BrokerKeys, chord_keys

SEP = "\x06\x16"


def test_the_lists_of_a_queue() -> None:
    keys = BrokerKeys()
    assert keys.ready_lists("q") == ["q", f"q{SEP}3", f"q{SEP}6", f"q{SEP}9"]


@pytest.mark.parametrize(
    ("priority", "step"),
    [(-5, ""), (0, ""), (2, ""), (3, "3"), (5, "3"), (6, "6"), (8, "6"), (9, "9"), (255, "9")],
)
def test_a_priority_falls_to_the_step_below(priority: int, step: str) -> None:
    assert BrokerKeys().ready("q", priority) == ("q" if not step else f"q{SEP}{step}")


def test_options_shape_the_names() -> None:
    options = {
        "global_keyprefix": "p:",
        "sep": "|",
        "priority_steps": [5, 0],
        "fanout_patterns": False,
        "unacked_key": "held",
    }
    keys = BrokerKeys.from_options(options, db=7)
    assert keys.ready_lists("q") == ["p:q", "p:q|5"]
    assert keys.bindings("e") == "p:_kombu.binding.e"
    assert keys.permanent_bindings("e") == "p:_kombu.binding_permanent.e"
    assert keys.binding_deadlines == "p:_kombu.binding_deadlines"
    assert keys.binding("q", "k", None) == "k||q"
    assert keys.channel("e", "k") == "p:/7.e"
    assert (keys.unacked, keys.unacked_index) == ("p:held", "p:unacked_index")


@pytest.mark.parametrize(
    ("given", "used"), [(True, "/7.e/k"), (False, "e/k"), ("/x{db}.", "/x7.e/k"), (None, "e/k")]
)
def test_channels_of_fanout_exchanges(given: object, used: str) -> None:
    keys = BrokerKeys.from_options({"fanout_prefix": given}, db=7)
    assert keys.channel("e", "k") == used


@pytest.mark.parametrize("queue", ["q", "a.b", "with|bar", "p:q"])
@pytest.mark.parametrize("prefix", ["", "p:"])
def test_a_list_tells_its_queue(queue: str, prefix: str) -> None:
    keys = BrokerKeys(prefix=prefix)
    assert [keys.queue_of(key) for key in keys.ready_lists(queue)] == [queue] * 4


def test_what_is_kept_about_a_chord() -> None:
    assert chord_keys(b"g") == (b"g.j", b"g.t", b"g.s", b"g.d", b"g.c")
