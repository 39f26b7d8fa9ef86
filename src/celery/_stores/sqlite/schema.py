"""Brings the file to the version of the schema that this code speaks."""

from __future__ import annotations

import sqlite3

from celery._stores.queries import read_sql, split_script

__all__ = ["SCHEMA_VERSION", "upgrade"]

#: What leads from each version to the next, beginning with the empty file (version 0).
_STEPS = ("schema.sql",)

SCHEMA_VERSION = len(_STEPS)


def upgrade(connection: sqlite3.Connection) -> None:
    """Apply the steps that the file lacks, in one transaction; does nothing if there are none.

    Several processes may do this at once: one does the work, the others find it done.

    Raises:
        sqlite3.DatabaseError: the file was written by a later version, or is no SQLite file.
    """
    if _version(connection) == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)
        if version > SCHEMA_VERSION:
            raise sqlite3.DatabaseError(
                f"the embedded store has schema version {version}, this version of Celery knows "
                f"{SCHEMA_VERSION}: upgrade Celery, or use another file"
            )
        for step in _STEPS[version:]:
            for statement in split_script(read_sql(__package__, step)):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
