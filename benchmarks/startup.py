"""What starting costs: `import celery`, `celery --version`, `celery --help`.

Times are medians of whole processes, less that of ``python -c pass``. Run it on a quiet machine:

    python benchmarks/startup.py [--rounds 15] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any, Final

BARE: Final = (sys.executable, "-c", "pass")

#: What is measured -> (command line, milliseconds it may cost).
CASES: Final = {
    "import celery": ((sys.executable, "-c", "import celery"), 100),
    "celery --version": ((sys.executable, "-m", "celery", "--version"), 150),
    "celery --help": ((sys.executable, "-m", "celery", "--help"), 250),
}


def milliseconds(command: tuple[str, ...]) -> float:
    """How long a process takes from start to end."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - begin) * 1000


def measure(rounds: int) -> dict[str, Any]:
    """Run all cases in turn, so that whatever else the machine does meets all of them."""
    commands = {"python": BARE, **{name: command for name, (command, _) in CASES.items()}}
    for command in commands.values():
        milliseconds(command)  # the first one compiles, and fills the page cache
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            times[name].append(milliseconds(command))
    medians = {name: statistics.median(values) for name, values in times.items()}
    bare = medians.pop("python")
    return {
        "rounds": rounds,
        "python_ms": round(bare, 1),
        "over_python_ms": {name: round(value - bare, 1) for name, value in medians.items()},
        "budget_ms": {name: budget for name, (_, budget) in CASES.items()},
    }


def table(figures: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [
        f"median of {figures['rounds']}, over bare Python ({figures['python_ms']} ms)",
        f"{'':<18}{'ms':>8}{'budget':>8}",
    ]
    for name, value in figures["over_python_ms"].items():
        budget = figures["budget_ms"][name]
        remark = "" if value <= budget else "  over budget"
        lines.append(f"{name:<18}{value:>8.1f}{budget:>8}{remark}")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    figures = measure(options.rounds)
    print(json.dumps(figures) if options.json else table(figures))


if __name__ == "__main__":
    main()
