"""The shutdown's states: which signal leads where, and what the person is told."""

from __future__ import annotations

import pytest

from celery.worker._shutdown import Cause, Reaction, Shutdown, Stage


def after(*causes: Cause, soft_wait: bool = False) -> tuple[Shutdown, list[Reaction]]:
    state, said = Shutdown(), []
    for cause in causes:
        state, reaction = state.on_signal(cause, soft_wait=soft_wait)
        said.append(reaction)
    return state, said


def test_term_is_warm_and_may_be_repeated() -> None:
    state, said = after(Cause.TERM, Cause.TERM)
    assert (state.stage, state.exitcode) == (Stage.WARM, 0)
    assert said == [Reaction.WARM, Reaction.WARM]


def test_the_second_interrupt_is_cold() -> None:
    state, said = after(Cause.INT)
    assert (state.stage, state.exitcode) == (Stage.WARM, 1)
    assert said == [Reaction.WARM_ARMED]
    state, said = after(Cause.INT, Cause.INT)
    assert (state.stage, state.exitcode) == (Stage.COLD, 1)
    assert said[-1] is Reaction.COLD


def test_the_first_interrupt_after_term_is_still_warm() -> None:
    state, said = after(Cause.TERM, Cause.INT)
    assert state.stage is Stage.WARM
    assert said[-1] is Reaction.WARM_ARMED


@pytest.mark.parametrize("before", [(), (Cause.TERM,), (Cause.INT,)])
def test_quit_is_cold_from_any_warmer_stage(before: tuple[Cause, ...]) -> None:
    state, _ = after(*before, Cause.QUIT)
    assert (state.stage, state.exitcode) == (Stage.COLD, 1)


def test_soft_wait_comes_before_cold_and_ends_by_timeout_or_signal() -> None:
    state, _ = after(Cause.QUIT, soft_wait=True)
    assert state.stage is Stage.SOFT
    assert state.on_soft_timeout().stage is Stage.COLD
    state, said = after(Cause.QUIT, Cause.INT, soft_wait=True)
    assert state.stage is Stage.COLD
    assert said[-1] is Reaction.WAITING
    state, said = after(Cause.QUIT, Cause.INT, Cause.QUIT, soft_wait=True)
    assert state.stage is Stage.HARD
    assert said[-1] is Reaction.HARD


def test_term_does_not_hurry_a_cold_shutdown() -> None:
    state, _ = after(Cause.QUIT, Cause.TERM, Cause.TERM)
    assert state.stage is Stage.COLD


def test_a_request_never_slows_a_shutdown_down() -> None:
    assert Shutdown().requested(3) == Shutdown(stage=Stage.WARM, exitcode=3)
    cold, _ = after(Cause.QUIT)
    assert cold.requested(0) is cold
