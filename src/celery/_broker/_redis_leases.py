"""Leased messages go back to their queues: the conversations that do it (no I/O of their own)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from celery._broker._redis_message import mark_redelivered
from celery._stores.redis.keys import BrokerKeys
from celery._stores.redis.link import Talk
from celery._stores.redis.scripts import load

__all__ = ["age", "give_back"]

#: Messages per step, so that neither the server nor this process holds many at a time.
_BATCH: Final = 100

_give_back = load("give_back")


def give_back(
    keys: BrokerKeys,
    consumer: str,
    *,
    tags: Sequence[str] | None = None,
    ended: bool = False,
    to_end: bool = False,
    counted: bool = False,
) -> Talk[int]:
    """Put leased messages back, marked as redelivered.

    Each message moves in one atomic step of the server: this conversation may break off
    anywhere, and be held by several at once.

    Args:
        consumer: who holds them.
        tags: which; None for all it holds.
        ended: only while the consumer's lease has ended; it may come back to life meanwhile.
        to_end: to the end of their queues; else to the front, in their old order.
        counted: whether the delivery counts as one without an outcome.

    Returns:
        How many messages were handled.
    """
    lease = keys.lease(consumer)
    if tags is None:
        (found,) = yield [("HKEYS", lease)]
        tags = [tag.decode() for tag in found]
    # The right end of a list is its front: what is pushed there last comes out first.
    order = sorted(tags, key=age, reverse=not to_end)
    script_keys = [keys.consumers, lease]
    how = (consumer, "ended" if ended else "held", "LPUSH" if to_end else "RPUSH")
    done = 0
    for start in range(0, len(order), _BATCH):
        batch = order[start : start + _BATCH]
        (messages,) = yield [("HMGET", lease, *batch)]
        pairs: list[Any] = []
        for tag, message in zip(batch, messages, strict=True):
            if message is not None:
                pairs += (tag, mark_redelivered(message, counted=counted))
        (carried_out,) = yield [_give_back(script_keys, *how, *pairs)]
        if not carried_out:
            return done
        done += len(pairs) // 2
    if ended:
        yield [_give_back(script_keys, *how)]  # nothing is left: forget the consumer
    return done


def age(tag: str) -> tuple[int, int]:
    """Sorts a consumer's tags by when they were fetched."""
    _, batch, number = tag.partition(":")[0].split(".")
    return int(batch), int(number)
