"""What the operating system is, and the exit codes of programs."""

import os
import platform
import sys
from typing import Final

__all__ = (
    "EX_CANTCREAT",
    "EX_FAILURE",
    "EX_OK",
    "EX_UNAVAILABLE",
    "EX_USAGE",
    "IS_WINDOWS",
    "SYSTEM",
    "IS_macOS",
    "pyimplementation",
)

SYSTEM: Final[str] = platform.system()
IS_macOS: Final[bool] = SYSTEM == "Darwin"
IS_WINDOWS: Final[bool] = SYSTEM == "Windows"

#: Exit codes, as in ``sysexits.h`` (which Windows does not have).
EX_OK: Final[int] = getattr(os, "EX_OK", 0)
EX_FAILURE: Final[int] = 1
EX_UNAVAILABLE: Final[int] = getattr(os, "EX_UNAVAILABLE", 69)
EX_USAGE: Final[int] = getattr(os, "EX_USAGE", 64)
EX_CANTCREAT: Final[int] = getattr(os, "EX_CANTCREAT", 73)


def pyimplementation() -> str:
    """Return the name of the Python implementation, with its version where it has its own."""
    name = platform.python_implementation()
    if name == "CPython":
        return name
    version = sys.implementation.version
    return f"{name} {version.major}.{version.minor}.{version.micro}"
