"""Whether a call is still wanted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from celery.worker._revocation import is_expired, merge_stamps, revoking_stamps

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def test_expiry() -> None:
    assert not is_expired(None, NOW)
    assert not is_expired(NOW, NOW)
    assert is_expired(NOW - timedelta(seconds=1), NOW)


def test_a_call_is_revoked_by_any_value_of_any_of_its_stamps() -> None:
    revoked = {"customer": ["a", "b"], "other": ["x"]}
    stamps = {"customer": ["z", "b"], "batch": 7}
    assert revoking_stamps(revoked, ["customer", "batch"], stamps) == {"customer": ["b"]}
    assert revoking_stamps(revoked, ["batch"], stamps) == {}
    assert revoking_stamps(revoked, None, None) == {}


def test_a_stamp_that_is_not_listed_does_not_count() -> None:
    assert revoking_stamps({"customer": ["a"]}, [], {"customer": "a"}) == {}


def test_merging_keeps_what_is_known() -> None:
    known = {"customer": ["a"]}
    assert merge_stamps(known, {"customer": ["a", "b"], "batch": 7}) == {
        "customer": ["a", "b"],
        "batch": [7],
    }
    assert known == {"customer": ["a"]}
