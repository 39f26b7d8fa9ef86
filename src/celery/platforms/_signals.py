"""Signal handlers by name: ``signals["TERM"] = handler``."""

import math
import signal
from collections.abc import Callable, Iterable, Mapping
from types import FrameType
from typing import Any, Final

__all__ = ("SIGMAP", "SIGNAMES", "Handler", "Signals", "signal_name", "signals")

Handler = Callable[[int, FrameType | None], Any] | int | None

#: Names of the signals of this system, as in ``"SIGTERM"``.
SIGNAMES: Final[frozenset[str]] = frozenset(
    name for name in dir(signal) if name.startswith("SIG") and not name.startswith("SIG_")
)
#: Number -> name.
SIGMAP: Final[Mapping[int, str]] = {sig.value: sig.name for sig in signal.Signals}


def signal_name(signum: int) -> str:
    """Return the name of the signal `signum` without its prefix: ``"TERM"``.

    Raises:
        KeyError: There is no such signal.
    """
    return SIGMAP[signum].removeprefix("SIG")


class Signals:
    """The process's signal handlers, by name.

    Names are in upper case, with or without ``SIG``.  Signals this system does not have, and
    those whose handler cannot be set, are passed over, so that a program can list all it knows.
    Handlers can be set in the main thread only; elsewhere that is passed over as well.

    >>> signals["USR1"] = signals.ignored
    >>> signals.reset("USR1")
    """

    ignored: Final = signal.SIG_IGN
    default: Final = signal.SIG_DFL

    def signum(self, name: str | int) -> int:
        """Return the number of a signal.

        Raises:
            TypeError: `name` is neither a number nor a name in upper case.
            AttributeError: This system has no such signal.
        """
        if isinstance(name, int):
            return name
        if not isinstance(name, str) or not name.isupper():
            raise TypeError("signal name must be uppercase string.")
        return int(getattr(signal, name if name.startswith("SIG") else f"SIG{name}"))

    def supported(self, name: str | int) -> bool:
        """Say whether this system has the signal."""
        try:
            self.signum(name)
        except AttributeError:
            return False
        return True

    def __getitem__(self, name: str | int) -> Handler:
        return signal.getsignal(self.signum(name))

    def __setitem__(self, name: str | int, handler: Handler) -> None:
        try:
            signal.signal(self.signum(name), handler)
        except (AttributeError, ValueError):
            return  # not on this system, not settable, or not in the main thread: see above

    def update(
        self,
        handlers: Mapping[str, Handler] | Iterable[tuple[str, Handler]] = (),
        **by_name: Handler,
    ) -> None:
        """Set several handlers."""
        for name, handler in dict(handlers, **by_name).items():
            self[name] = handler

    def ignore(self, *names: str) -> None:
        """Ignore these signals."""
        self.update(dict.fromkeys(names, self.ignored))

    def reset(self, *names: str) -> None:
        """Give these signals their default handlers."""
        self.update(dict.fromkeys(names, self.default))

    def arm_alarm(self, seconds: float) -> None:
        """Have ``ALRM`` sent in `seconds`; rounded up where the system counts whole ones."""
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, seconds)
        else:
            signal.alarm(math.ceil(seconds))

    def reset_alarm(self) -> int:
        """Cancel :meth:`arm_alarm`, and return the seconds that were left."""
        return signal.alarm(0)


#: The signal handlers of this process.
signals = Signals()
