"""States compare by how final they are."""

from celery import states
from celery.states import precedence, state


def test_order() -> None:
    final_first = ["SUCCESS", "FAILURE", "PROGRESS", "REVOKED", "STARTED", "RECEIVED", "REJECTED"]
    assert [*final_first, "RETRY", "PENDING"] == sorted(
        {*final_first, "RETRY", "PENDING"}, key=precedence
    )


def test_state_compares_by_precedence_and_stays_a_string() -> None:
    assert state("STARTED") > state("PENDING")
    assert state("PROGRESS") < "SUCCESS"
    assert state("PROGRESS") > "REVOKED"
    assert state("SUCCESS") >= state("SUCCESS") <= state("SUCCESS")
    assert not state("X") > state("Y")
    assert state("SUCCESS") == "SUCCESS"
    assert {state("SUCCESS"): 1}["SUCCESS"] == 1


def test_sets() -> None:
    assert states.READY_STATES.isdisjoint(states.UNREADY_STATES)
    assert states.PROPAGATE_STATES < states.EXCEPTION_STATES
    assert (states.READY_STATES | states.UNREADY_STATES - {states.REJECTED}) == states.ALL_STATES
    assert precedence(None) == states.NONE_PRECEDENCE == precedence("PROGRESS")
