"""The embedded store: one SQLite file that several processes share, without a server."""

from typing import Final

from celery._stores.queries import load_queries
from celery._stores.sqlite.changes import Changes
from celery._stores.sqlite.connection import Database, open_database
from celery._stores.sqlite.paths import default_path, path_of

__all__ = ["QUERIES", "Changes", "Database", "default_path", "open_database", "path_of"]

#: The statements of ``queries.sql`` by name.
QUERIES: Final = load_queries(__name__, "queries.sql")
