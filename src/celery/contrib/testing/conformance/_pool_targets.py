"""What the pool suite has pools call; importable by name, as a pool of processes needs it."""

import os
import signal
import time
from pathlib import Path
from typing import Any, NoReturn

__all__ = (
    "Unpicklable",
    "UnpicklableError",
    "add",
    "catch_soft_limit",
    "die",
    "echo",
    "exit_process",
    "fail",
    "hold",
    "raise_unpicklable",
    "return_unpicklable",
    "suicide",
)

#: How often a held job looks whether it may go on, in seconds.
GLANCE = 0.002


def add(x: int, y: int = 0) -> int:
    """Return the sum."""
    return x + y


def echo(value: Any) -> Any:
    """Return the argument."""
    return value


def fail(message: str) -> NoReturn:
    """Raise `ValueError`."""
    raise ValueError(message)


def exit_process(code: int) -> NoReturn:
    """Raise `SystemExit`."""
    raise SystemExit(code)


def hold(gate: str) -> str:
    """Return when the file `gate` is there; say where by the file ``<gate>.<process id>``."""
    Path(f"{gate}.{os.getpid()}").touch()
    while not os.path.exists(gate):
        time.sleep(GLANCE)
    return gate


def catch_soft_limit(gate: str) -> str:
    """Return what interrupts `hold`."""
    try:
        return hold(gate)
    except Exception as exc:
        return type(exc).__name__


def die(code: int) -> NoReturn:
    """End the process as a crash in C would."""
    os._exit(code)


def suicide(number: int = signal.SIGKILL) -> None:
    """Be killed."""
    os.kill(os.getpid(), number)
    time.sleep(60)


class Unpicklable:
    """A value that cannot leave its process."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot be pickled")


class UnpicklableError(Exception):
    """An exception that cannot leave its process, nor even be shown."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot be pickled")

    def __repr__(self) -> NoReturn:
        raise TypeError("cannot be shown")

    __str__ = __repr__


def return_unpicklable() -> Unpicklable:
    """Return what cannot be pickled."""
    return Unpicklable()


def raise_unpicklable() -> NoReturn:
    """Raise what cannot be pickled."""
    raise UnpicklableError
