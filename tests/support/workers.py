"""Programs of their own for tests: a worker that is ready, a script that has ended.

Nothing here waits by sleeping: the output of a program is read by a thread that wakes whoever
waits for a line of it, and every wait has a deadline. A program that does not do as it should
raises `ProgramFailed` with the end of its output.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

READY = re.compile(r"\bready\.")
START_TIMEOUT_S = 40.0
STOP_TIMEOUT_S = 40.0
SCRIPT_TIMEOUT_S = 90.0

#: What the machine's environment must not decide for a test.
_OWN_SETTINGS = re.compile(r"^(CELERY_(?!TEST_)|APP$|BROKER_URL$|RESULT_BACKEND$|PYTHONPATH$)")


class ProgramFailed(AssertionError):
    """A program ended otherwise than it should, or did not do so in time."""


class Program:
    """A running program whose output is collected as it comes.

    Args:
        command: the program and its arguments.
        cwd: where it runs.
        env: added to the environment; `None` as a value removes a variable.
        name: what to call it when it fails.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str | None] | None = None,
        name: str = "program",
        stdin: int = subprocess.DEVNULL,
        stderr: int = subprocess.STDOUT,
    ) -> None:
        self.name = name
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment(env or {}),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name=f"output of {name}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def log(self) -> str:
        """What it has written until now."""
        with self._changed:
            return "".join(self._lines)

    def wait_for_line(
        self, pattern: str | re.Pattern[str], timeout: float = START_TIMEOUT_S, *, start: int = 0
    ) -> str:
        """The first line from number `start` on that matches.

        Raises:
            ProgramFailed: it ended without such a line, or time is up.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            position = start
            while True:
                for line in self._lines[position:]:
                    if re.search(pattern, line):
                        return line
                position = max(position, len(self._lines))
                if self._ended:
                    raise self._failure(f"ended without a line like {pattern!r}")
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise self._failure(f"wrote no line like {pattern!r} in {timeout:g} s")

    def line_count(self) -> int:
        """How many lines it has written: a `start` for `wait_for_line`."""
        with self._changed:
            return len(self._lines)

    def wait(self, timeout: float) -> int:
        """Its exit status.

        Raises:
            ProgramFailed: it is still running when time is up.
        """
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise self._failure(f"was still running after {timeout:g} s") from None
        self._reader.join(timeout)
        return status

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it and all it has started, at once. Safe when it has ended already."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_TIMEOUT_S)
        self._reader.join(STOP_TIMEOUT_S)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()

    def _failure(self, what: str) -> ProgramFailed:
        return ProgramFailed(f"{self.name} {what}. The end of its output:\n{self.log[-6000:]}")


class Worker(Program):
    """A `celery worker` of its own process; a context in which it is ready.

    Leaving the context stops it (SIGTERM, a warm shutdown) and checks that it ended with status
    0; a test that raised, or a worker that has been killed by it, skips the check.

    Args:
        app: the value of `-A`.
        arguments: more options of `celery worker`.
        python: the interpreter, and so which Celery.
        options: global options, before the sub-command.
    """

    def __init__(
        self,
        app: str,
        *arguments: str,
        cwd: Path,
        env: Mapping[str, str | None] | None = None,
        python: str = sys.executable,
        options: Sequence[str] = (),
        name: str = "worker",
    ) -> None:
        command = [python, "-m", "celery", *options, "-A", app, "worker", "-l", "INFO", *arguments]
        self._asked = False
        super().__init__(command, cwd=cwd, env=env, name=name)

    def wait_until_ready(self, timeout: float = START_TIMEOUT_S) -> None:
        """Return when it has logged that it is ready.

        Raises:
            ProgramFailed: it is not ready in time.
        """
        self.wait_for_line(READY, timeout)

    def ask_to_stop(self) -> None:
        """Begin the warm shutdown, once; `stop` waits for its end."""
        if not self._asked and self.process.poll() is None:
            self._asked = True
            self.signal(signal.SIGTERM)

    def stop(self, timeout: float = STOP_TIMEOUT_S) -> None:
        """Warm shutdown: it finishes what it is doing and ends with status 0.

        Raises:
            ProgramFailed: another status, or not in time.
        """
        self.ask_to_stop()
        status = self.wait(timeout)
        if status != 0:
            raise self._failure(f"ended with status {status}")

    def __enter__(self) -> Self:
        try:
            self.wait_until_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None and self.process.poll() != -signal.SIGKILL:
                self.stop()
            elif error is not None:
                error.add_note(f"The end of {self.name}'s output:\n{self.log[-4000:]}")
        finally:
            self.kill()


@contextmanager
def workers(*started: Worker) -> Iterator[tuple[Worker, ...]]:
    """Several workers, started and stopped at the same time, in one context."""
    with ExitStack() as stack:
        for worker in started:
            stack.callback(worker.kill)
        for worker in started:
            stack.enter_context(worker)
        yield started
        for worker in started:
            worker.ask_to_stop()


def run_script(
    *arguments: str,
    cwd: Path,
    env: Mapping[str, str | None] | None = None,
    python: str = sys.executable,
    timeout: float = SCRIPT_TIMEOUT_S,
) -> str:
    """Run a Python program to its end.

    Returns:
        What it wrote to its standard output.

    Raises:
        ProgramFailed: it ended with a status other than 0, or did not end in time.
    """
    process = subprocess.Popen(
        [python, *arguments],
        cwd=cwd,
        env=environment(env or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        printed, complaints = process.communicate(timeout=timeout)
    except BaseException as exc:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # and all that it has started
        printed, complaints = process.communicate()
        if not isinstance(exc, subprocess.TimeoutExpired):
            raise
        told = f"{arguments} ran over {timeout:g} s:\n{printed}\n{complaints}"
        raise ProgramFailed(told) from None
    if process.returncode != 0:
        raise ProgramFailed(
            f"{arguments} ended with status {process.returncode}:\n{printed}\n{complaints}"
        )
    return printed


def environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    """This process' environment without settings of Celery, with the changes."""
    kept = {key: value for key, value in os.environ.items() if not _OWN_SETTINGS.match(key)}
    # A worker of root warns about it; that warning is not what tests here are about.
    changed = {"C_FORCE_ROOT": "true", "PYTHONUNBUFFERED": "1", **changes}
    removed = {key for key, value in changed.items() if value is None}
    added = {key: value for key, value in changed.items() if value is not None}
    return {key: value for key, value in {**kept, **added}.items() if key not in removed}
