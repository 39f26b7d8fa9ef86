"""Reads named statements from the ``.sql`` files beside the code that runs them.

A file of statements looks like this; a name is a comment line of its own::

    -- name: find_lease
    SELECT id FROM lease WHERE id = :lease;

    -- name: drop_lease
    DELETE FROM lease WHERE id = :lease;
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from importlib.resources import files

__all__ = ["load_queries", "read_sql", "split_script"]

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def read_sql(package: str, file: str) -> str:
    """The text of a ``.sql`` file that lies in the package."""
    return files(package).joinpath(file).read_text("utf-8")


def load_queries(package: str, file: str) -> dict[str, str]:
    """The statements of a file by name.

    Raises:
        ValueError: two statements have one name, or a statement has none.
    """
    preamble, *parts = _NAME.split(read_sql(package, file))
    if any(line and not line.startswith("--") for line in preamble.splitlines()):
        raise ValueError(f"{file}: a statement before the first '-- name:' line")
    names, statements = parts[::2], parts[1::2]
    queries = {name: text.strip() for name, text in zip(names, statements, strict=True)}
    if len(queries) < len(names):
        raise ValueError(f"{file}: a name is used twice")
    return queries


def split_script(script: str) -> Iterator[str]:
    """The statements of an SQLite script, one by one, so that they can share one transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""
