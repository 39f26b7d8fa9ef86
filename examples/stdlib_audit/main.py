"""Audit the standard library of this Python: start a worker, send one task a file, show the worst.

Without any setting the broker and the result store are one SQLite file in a temporary directory.
`CELERY_BROKER_URL` and `CELERY_RESULT_BACKEND` choose others.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

#: How long one file may keep everybody waiting, in seconds, before something must be wrong.
PATIENCE = 120
#: How long the worker may take to shut down.
GOODBYE = 60


def source_files(limit: int | None = None) -> tuple[Path, list[str]]:
    """The standard library's directory, and its source files in a fixed order."""
    root = Path(sysconfig.get_paths()["stdlib"])
    skip = {"site-packages", "dist-packages", "__pycache__"}
    files = sorted(str(path) for path in root.rglob("*.py") if not skip & set(path.parts))
    return root, files[:limit]


@contextmanager
def worker(concurrency: int, log: Path) -> Iterator[None]:
    """A worker of its own process; ends by a warm shutdown.

    What is raised inside carries the end of the worker's log as a note.

    Raises:
        RuntimeError: it did not shut down cleanly.
    """
    command = [sys.executable, "-m", "celery", "-A", "audit", "worker", "-l", "INFO"]
    command += ["-c", str(concurrency), "-n", f"audit-{os.getpid()}@%h"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=HERE, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield
        except Exception as exc:
            exc.add_note(f"The end of the worker's log:\n{_end_of(log)}")
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            status = process.wait(GOODBYE)
    if status != 0:
        raise RuntimeError(f"The worker ended with status {status}:\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:]


def audit(files: list[str], console: Console) -> list[dict[str, object]]:
    """Send one task a file and gather the results, with a progress bar."""
    from audit.tasks import audit_file  # noqa: PLC0415  # after the environment is complete

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        sending = progress.add_task("sending ", total=len(files))
        results = []
        for path in files:
            results.append(audit_file.delay(path))
            progress.advance(sending)
        gathering = progress.add_task("auditing", total=len(files))
        rows = []
        for result in results:
            rows.append(result.get(timeout=PATIENCE))
            progress.advance(gathering)
    return rows


def main() -> None:
    """Run the audit as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--concurrency", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--limit", type=int, help="audit only so many files")
    parser.add_argument("--json", action="store_true", help="print the totals as JSON only")
    parser.add_argument("--compare", action="store_true", help="also compute them in a plain loop")
    parser.add_argument("--no-color", action="store_true", help="no colours")
    options = parser.parse_args()
    console = Console(no_color=options.no_color or None, stderr=options.json)

    with tempfile.TemporaryDirectory(prefix="stdlib-audit-") as directory:
        os.environ.setdefault("CELERY_DATA_DIR", directory)
        from audit.measure import totals  # noqa: PLC0415  # as above
        from audit.report import print_report  # noqa: PLC0415  # as above

        root, files = source_files(options.limit)
        broker = os.environ.get("CELERY_BROKER_URL", "embedded SQLite").partition("://")[0]
        console.print(f"Auditing {len(files):,} files of [bold]{root}[/]\nover {broker} ...")
        log = Path(directory, "worker.log")
        started = time.monotonic()
        with worker(options.concurrency, log):
            rows = audit(files, console)
        seconds = time.monotonic() - started
        sums = totals(rows)
        if options.compare:
            sums["equal_to_plain_loop"] = sums == totals(plain_loop(files))
        if options.json:
            print(json.dumps(sums))
            return
        print_report(console, rows, sums, root)
        console.print(
            f"\n[green]{len(files):,} tasks in {seconds:.1f} s[/] with {options.concurrency} "
            "processes.\nThe worker was started for it, and has shut down cleanly.",
            highlight=False,
        )


def plain_loop(files: list[str]) -> Iterator[dict[str, object]]:
    """The same measures without any task."""
    from audit.measure import measure, unreadable  # noqa: PLC0415  # as above

    for path in files:
        try:
            yield measure(path)
        except (SyntaxError, ValueError, RecursionError) as exc:
            yield unreadable(path, type(exc).__name__)


if __name__ == "__main__":
    main()
