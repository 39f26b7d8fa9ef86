"""How often starting a process has failed, and how long to wait before the next one (pure)."""

from typing import Final

__all__ = ("DELAY_MOST", "Starts")

#: The first delay, in seconds; each further one is twice as long ...
DELAY_LEAST: Final = 0.2
#: ... but not longer than this.
DELAY_MOST: Final = 5.0
#: After so many delayed starts in a row nobody expects a process to get ready any more.
HOPELESS: Final = 8


class Starts:
    """Counts the processes that died before they were ready, since the last one that got ready."""

    def __init__(self) -> None:
        #: How many.
        self.failures = 0

    def succeeded(self) -> None:
        """One has got ready."""
        self.failures = 0

    def failed(self, wanted: int) -> float:
        """One has died; returns how many seconds to wait before it is replaced.

        Args:
            wanted: how many processes there are to be: each may fail once at no cost.
        """
        self.failures += 1
        repeated = self.failures - wanted
        if repeated <= 0:
            return 0.0
        return min(DELAY_LEAST * 2.0 ** (min(repeated, HOPELESS) - 1), DELAY_MOST)

    def hopeless(self, wanted: int) -> bool:
        """Has it failed so often that jobs need not wait any longer?"""
        return self.failures >= wanted + HOPELESS
