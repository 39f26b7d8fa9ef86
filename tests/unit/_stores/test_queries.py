"""Statements come out of their files by name."""

from __future__ import annotations

import sqlite3

import pytest

from celery._stores import queries
from celery._stores.queries import load_queries, split_script
from celery._stores.sqlite import QUERIES


def load(monkeypatch: pytest.MonkeyPatch, text: str) -> dict[str, str]:
    monkeypatch.setattr(queries, "read_sql", lambda package, file: text)
    return load_queries("package", "file.sql")


def test_each_statement_has_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "-- preface\n\n-- name: one\nSELECT 1;\n\n-- name: two\nSELECT 2\n    + 0;\n"
    assert load(monkeypatch, text) == {"one": "SELECT 1;", "two": "SELECT 2\n    + 0;"}


@pytest.mark.parametrize("text", ["SELECT 1;\n", "-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;\n"])
def test_a_file_that_names_badly_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with pytest.raises(ValueError, match=r"file\.sql"):
        load(monkeypatch, text)


def test_a_script_is_split_between_statements_only() -> None:
    script = "CREATE TABLE t (a); -- one; with a comment\nINSERT INTO t\nVALUES ('a;\nb');\n"
    connection = sqlite3.connect(":memory:")
    for statement in split_script(script):
        connection.execute(statement)
    assert connection.execute("SELECT a FROM t").fetchall() == [("a;\nb",)]
    connection.close()


def test_the_statements_of_the_embedded_store_are_single() -> None:
    for name, statement in QUERIES.items():
        body = [line for line in statement.splitlines() if not line.startswith("--")]
        assert "\n".join(body).count(";") == 1, name
