"""How a worker shuts down: a state machine over the signals it gets, pure.

::

    RUNNING --TERM, 1st INT--> WARM ------+
       |                        |         |
       +---------QUIT, 2nd INT--+--> SOFT |   (only with a soft shutdown timeout)
                                |     |   |
                                v     v   |
                               COLD <-----+   1st INT/QUIT while SOFT, or its timeout
                                |
                                v
                               HARD           the next INT/QUIT

WARM   fetch nothing more, let what was handed to the pool finish, exit.
SOFT   like WARM for at most ``worker_soft_shutdown_timeout`` seconds, then COLD.
COLD   cancel what runs: late-acknowledged tasks go back to their queue; exit.
HARD   exit now.

A stage is never left for an earlier one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, IntEnum

__all__ = ["Cause", "Reaction", "Shutdown", "Stage"]

EX_OK = 0
EX_FAILURE = 1


class Stage(IntEnum):
    """How far a shutdown has gone."""

    RUNNING = 0
    WARM = 1
    SOFT = 2
    COLD = 3
    HARD = 4


class Cause(Enum):
    """What asks for a shutdown."""

    TERM = "SIGTERM"
    INT = "SIGINT"
    QUIT = "SIGQUIT"


class Reaction(Enum):
    """What the person at the terminal is told."""

    WARM = "Warm"
    WARM_ARMED = "Warm, the next Ctrl+C is cold"
    COLD = "Cold"
    WAITING = "Waiting gracefully for cold shutdown to complete..."
    HARD = "Hard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """Where the worker stands.

    Args:
        exitcode: what the process is to exit with; None while it runs.
        interrupted: INT has been seen, so the next one is cold.
    """

    stage: Stage = Stage.RUNNING
    exitcode: int | None = None
    interrupted: bool = False

    def on_signal(self, cause: Cause, *, soft_wait: bool) -> tuple[Shutdown, Reaction]:
        """The next state, and what to say.

        Args:
            soft_wait: a cold shutdown first waits for running tasks.
        """
        if self.stage >= Stage.SOFT:
            return self._pressed_on(cause)
        if cause is Cause.TERM:
            exitcode = EX_OK if self.exitcode is None else self.exitcode
            return replace(self, stage=Stage.WARM, exitcode=exitcode), Reaction.WARM
        if cause is Cause.INT and not self.interrupted:
            armed = replace(self, stage=Stage.WARM, exitcode=EX_FAILURE, interrupted=True)
            return armed, Reaction.WARM_ARMED
        stage = Stage.SOFT if soft_wait else Stage.COLD
        return replace(self, stage=stage, exitcode=EX_FAILURE), Reaction.COLD

    def _pressed_on(self, cause: Cause) -> tuple[Shutdown, Reaction]:
        """A signal while a soft or cold shutdown is under way."""
        if cause is Cause.TERM:
            return self, Reaction.COLD
        if self.stage is Stage.SOFT:
            return replace(self, stage=Stage.COLD), Reaction.WAITING
        return replace(self, stage=Stage.HARD), Reaction.HARD

    def on_soft_timeout(self) -> Shutdown:
        """The soft wait is over."""
        return replace(self, stage=Stage.COLD) if self.stage is Stage.SOFT else self

    def requested(self, exitcode: int = EX_OK) -> Shutdown:
        """A warm shutdown asked for by a command or a call instead of a signal."""
        if self.stage is not Stage.RUNNING:
            return self
        return replace(self, stage=Stage.WARM, exitcode=exitcode)
