"""What a person gets to see: the table of the worst files, and the totals."""

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from audit.measure import Measures

#: From these complexities on a function is hard to follow, and hard to test.
HARD, TOO_HARD = 20, 50


def print_report(
    console: Console, rows: list[Measures], sums: dict[str, int], root: Path, worst: int = 20
) -> None:
    """Print the most complex files and the totals."""
    table = Table(
        title=f"The {worst} most complex files",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    table.add_column("file", overflow="ellipsis", no_wrap=True)
    for name in ("lines", "functions", "longest", "complexity", "docstrings"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in sorted(rows, key=lambda row: (-row["complexity"], row["path"]))[:worst]:
        table.add_row(
            _file(Path(row["path"]).relative_to(root)),
            f"{row['lines']:,}",
            f"{row['functions']:,}",
            f"{row['longest']:,}",
            _complexity(row["complexity"]),
            _percent(row["documented"], row["documentable"]),
        )
    console.print(table, "", _totals(sums), sep="\n")


def _totals(sums: dict[str, int]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", style="bold")
    grid.add_column()
    for value, what in (
        (f"{sums['files']:,}", f"files, {sums['unreadable']} of them not parsed"),
        (f"{sums['lines']:,}", "lines"),
        (f"{sums['functions']:,}", f"functions, the longest of {sums['longest']:,} lines"),
        (str(sums["complexity"]), "is the highest complexity of a function"),
        (_percent(sums["documented"], sums["documentable"]), "have a docstring"),
    ):
        grid.add_row(value, what)
    return grid


def _file(path: Path) -> Text:
    """The name stands out from its directories."""
    directory = "" if path.parent == Path() else f"{path.parent}/"
    return Text.assemble((directory, "dim"), path.name)


def _complexity(value: int) -> Text:
    style = "bold red" if value >= TOO_HARD else "yellow" if value >= HARD else ""
    return Text(str(value), style=style)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"
