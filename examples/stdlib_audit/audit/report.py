"""What a person gets to see: the table of the worst files, and the totals."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from audit.measure import Measures


def print_report(
    console: Console, rows: list[Measures], sums: dict[str, int], root: Path, worst: int = 20
) -> None:
    """Print the most complex files and the totals."""
    table = Table(title=f"The {worst} most complex files", title_justify="left")
    for name, justify in (("file", "left"), ("lines", "right"), ("functions", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]  # two of rich's literals
    for name in ("longest function", "complexity", "docstrings"):
        table.add_column(name, justify="right")
    for row in sorted(rows, key=lambda row: (-row["complexity"], row["path"]))[:worst]:
        table.add_row(
            str(Path(row["path"]).relative_to(root)),
            f"{row['lines']:,}",
            str(row["functions"]),
            str(row["longest"]),
            str(row["complexity"]),
            _percent(row["documented"], row["documentable"]),
        )
    console.print(table)
    console.print(
        f"[bold]{sums['files']:,} files[/], {sums['lines']:,} lines, "
        f"{sums['functions']:,} functions; longest function {sums['longest']:,} lines, "
        f"highest complexity {sums['complexity']}, "
        f"docstrings on {_percent(sums['documented'], sums['documentable'])}, "
        f"{sums['unreadable']} files not parsed"
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"
