"""Looking into a running process: memory, and what its threads are doing."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from io import StringIO
from pprint import pformat
from types import FrameType
from typing import IO, Any, Final, TypeVar

from celery.platforms import signals

__all__ = (
    "blockdetection",
    "cry",
    "humanbytes",
    "mem_rss",
    "memdump",
    "ps",
    "sample",
    "sample_mem",
)

T = TypeVar("T")

#: Units of :func:`humanbytes`, the largest first.
UNITS: Final = (("TB", 2.0**40), ("GB", 2.0**30), ("MB", 2.0**20), ("KB", 2.0**10), ("b", 0.0))

#: What :func:`sample_mem` has measured.
_samples: list[str] = []


@contextmanager
def blockdetection(timeout: float | None) -> Iterator[None]:
    """Raise an error in the block if it takes longer than `timeout` seconds.

    Uses the alarm signal, so it works in the main thread only.

    Raises:
        RuntimeError: It took longer; the message says where it was.
    """
    if not timeout:
        yield
        return
    previous = signals["ALRM"]
    signals["ALRM"] = _on_blocking
    signal.setitimer(signal.ITIMER_REAL, timeout)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signals["ALRM"] = previous


def _on_blocking(signum: int, frame: FrameType | None) -> None:
    where = "".join(traceback.format_stack(frame, limit=1)).strip()
    raise RuntimeError(f"Blocking detection timed-out at: {where}")


def sample_mem() -> str | None:
    """Measure the memory this process uses, for :func:`memdump`; return it."""
    used = mem_rss()
    if used is not None:
        _samples.append(used)
    return used


def memdump(samples: int = 10, file: IO[str] | None = None) -> None:
    """Print what was measured, at most `samples` evenly spaced, and forget it."""
    out = file or sys.stdout
    now = mem_rss()
    if now is None:
        out.write("- rss: (psutil not installed).\n")
        return
    if _samples:
        out.write("- rss (sample):\n")
        out.writelines(f"-    > {used},\n" for used in sample(_samples, samples))
        _samples.clear()
    out.write(f"- rss (end): {now}.\n")


def sample(x: Sequence[T], n: int, k: int = 0) -> Iterator[T]:
    """Yield `n` evenly spaced items, beginning at `k`; all there are, if they are fewer."""
    step = max(len(x) // n, 1)
    yield from x[k::step][:n]


def humanbytes(s: float) -> str:
    """Return an amount of memory in its largest unit: ``"1.5KB"``."""
    unit, size = next((unit, size) for unit, size in UNITS if s >= size)
    return f"{s / size if size else s:.5g}{unit}"


def mem_rss() -> str | None:
    """Return the memory this process uses; ``None`` without psutil."""
    process = ps()
    return None if process is None else humanbytes(process.memory_info().rss)


def ps() -> Any:
    """Return psutil's object for this process; ``None`` without psutil."""
    try:
        return import_module("psutil").Process(os.getpid())
    except ImportError:
        return None


def cry(out: IO[str] | None = None, sepchr: str = "=", seplen: int = 49) -> str | None:
    """Write what every thread is doing: its stack, and the variables where it is.

    Args:
        out: Where to write; by default, and to a buffer, the text is also returned.
        sepchr: What rules are made of.
        seplen: How long they are.
    """
    target = StringIO() if out is None else out
    rule = sepchr * seplen
    threads = {thread.ident: thread for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        thread = threads.get(ident)
        if thread is None:  # it has ended since
            continue
        target.write(f"{thread.name}\n{rule}\n")
        traceback.print_stack(frame, file=target)
        target.write(f"{rule}\nLOCAL VARIABLES\n{rule}\n")
        target.write(f"{pformat(dict(frame.f_locals))}\n\n")
    return target.getvalue() if isinstance(target, StringIO) else None
