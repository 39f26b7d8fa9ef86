"""The acknowledgement table, row by row."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from celery.worker._acks import AckPolicy, End, Verdict, verdict

LATE = AckPolicy(late=True)


@pytest.mark.parametrize("end", [end for end in End if end is not End.LOST])
def test_early_acknowledgement_leaves_nothing_to_decide(end: End) -> None:
    policy = AckPolicy(on_failure=False, on_timeout=False, reject_on_worker_lost=True)
    assert verdict(end, policy) is Verdict.NOTHING


@pytest.mark.parametrize(
    ("end", "policy", "expected"),
    [
        (End.SUCCEEDED, LATE, Verdict.ACK),
        (End.RETRIED, LATE, Verdict.ACK),
        (End.IGNORED, LATE, Verdict.ACK),
        (End.REVOKED, LATE, Verdict.ACK),
        (End.FAILED, LATE, Verdict.ACK),
        (End.FAILED, AckPolicy(late=True, on_failure=False), Verdict.REJECT),
        (End.TIMED_OUT, LATE, Verdict.ACK),
        (End.TIMED_OUT, AckPolicy(late=True, on_timeout=False), Verdict.REQUEUE),
        (End.LOST, LATE, Verdict.ACK),
        (End.LOST, AckPolicy(late=True, on_failure=False), Verdict.REJECT),
        (End.LOST, AckPolicy(late=True, reject_on_worker_lost=True), Verdict.REQUEUE),
        (
            End.LOST,
            AckPolicy(late=True, reject_on_worker_lost=True, retry_on_worker_lost=True),
            Verdict.RETRY,
        ),
        (End.LOST, AckPolicy(retry_on_worker_lost=True), Verdict.RETRY),
        (End.LOST, AckPolicy(reject_on_worker_lost=True), Verdict.NOTHING),
        (End.REJECTED, LATE, Verdict.REJECT),
        (End.REQUEUED, LATE, Verdict.REQUEUE),
        (End.CANCELLED, LATE, Verdict.NOTHING),
    ],
)
def test_table(end: End, policy: AckPolicy, expected: Verdict) -> None:
    assert verdict(end, policy) is expected


def test_unset_options_follow_their_common_parent() -> None:
    task = SimpleNamespace(acks_late=True, acks_on_failure_or_timeout=False, acks_on_timeout=True)
    policy = AckPolicy.of(task)
    assert policy == AckPolicy(late=True, on_failure=False, on_timeout=True)
