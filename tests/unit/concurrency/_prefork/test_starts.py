"""Replacing a process that dies while it is set up gets slower, then hopeless."""

from __future__ import annotations

from celery.concurrency._prefork.starts import DELAY_MOST, Starts


def test_every_slot_may_fail_once_at_no_cost() -> None:
    starts = Starts()
    assert [starts.failed(2) for _ in range(4)] == [0.0, 0.0, 0.2, 0.4]
    starts.succeeded()
    assert starts.failed(2) == 0.0


def test_delay_is_bounded_and_in_the_end_nobody_hopes() -> None:
    starts = Starts()
    delays = [starts.failed(1) for _ in range(8)]
    assert not starts.hopeless(1)
    assert starts.failed(1) == max(delays) == DELAY_MOST
    assert starts.hopeless(1)
