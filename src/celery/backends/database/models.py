"""The tables of the database backend: Celery's own schema.

``celery_taskmeta``     a row for each task: state, result, traceback, children; and, with
                        ``result_extended``, what the task was called with
``celery_tasksetmeta``  a row for each saved group: the ids of its members
"""

from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from celery.backends.database.session import ResultModelBase
from celery.states import PENDING

__all__ = ("Models", "Task", "TaskExtended", "TaskSet", "models_for")

#: MySQL's types of these names end at 64 KiB.
_BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
#: In UTC, without saying so.  MySQL rounds to whole seconds unless told otherwise.
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")

TASK_TABLE = "celery_taskmeta"
GROUP_TABLE = "celery_tasksetmeta"
_TABLE_OPTIONS: dict[str, Any] = {"sqlite_autoincrement": True}


class TaskColumns:
    """What is kept of each task."""

    id: Mapped[int] = mapped_column(
        sa.Integer, sa.Sequence("task_id_sequence"), primary_key=True, autoincrement=True
    )
    task_id: Mapped[str | None] = mapped_column(sa.String(155), unique=True)
    status: Mapped[str | None] = mapped_column(sa.String(50), default=PENDING)
    result: Mapped[bytes | None] = mapped_column(_BLOB)
    date_done: Mapped[datetime | None] = mapped_column(_TIME, index=True)
    traceback: Mapped[str | None] = mapped_column(_TEXT)
    children: Mapped[bytes | None] = mapped_column(_BLOB)

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id

    def to_dict(self) -> dict[str, Any]:
        """Return the row as metadata; what is encoded stays so."""
        return {
            "task_id": self.task_id,
            "status": self.status,
            "result": self.result,
            "traceback": self.traceback,
            "date_done": self.date_done,
            "children": self.children,
        }

    def __repr__(self) -> str:
        return f"<Task {self.task_id} state: {self.status}>"


class ExtendedColumns(TaskColumns):
    """What is kept of each task with ``result_extended``."""

    name: Mapped[str | None] = mapped_column(sa.String(155), sort_order=1)
    args: Mapped[bytes | None] = mapped_column(_BLOB, sort_order=1)
    kwargs: Mapped[bytes | None] = mapped_column(_BLOB, sort_order=1)
    worker: Mapped[str | None] = mapped_column(sa.String(155), sort_order=1)
    retries: Mapped[int | None] = mapped_column(sa.Integer, sort_order=1)
    queue: Mapped[str | None] = mapped_column(sa.String(155), sort_order=1)
    stamps: Mapped[bytes | None] = mapped_column(_BLOB, sort_order=1)

    def to_dict(self) -> dict[str, Any]:
        """Return the row as metadata; what is encoded stays so."""
        return {
            **super().to_dict(),
            "name": self.name,
            "args": self.args,
            "kwargs": self.kwargs,
            "worker": self.worker,
            "retries": self.retries,
            "queue": self.queue,
            "stamps": self.stamps,
        }


class GroupColumns:
    """What is kept of each group."""

    id: Mapped[int] = mapped_column(
        sa.Integer, sa.Sequence("taskset_id_sequence"), primary_key=True, autoincrement=True
    )
    taskset_id: Mapped[str | None] = mapped_column(sa.String(155), unique=True)
    result: Mapped[bytes | None] = mapped_column(_BLOB)
    date_done: Mapped[datetime | None] = mapped_column(_TIME, index=True)

    def __init__(self, taskset_id: str, result: Any) -> None:
        self.taskset_id = taskset_id
        self.result = result

    def to_dict(self) -> dict[str, Any]:
        """Return the row as a dictionary."""
        return {
            "taskset_id": self.taskset_id,
            "result": self.result,
            "date_done": self.date_done,
        }

    def __repr__(self) -> str:
        return f"<TaskSet: {self.taskset_id}>"


class TaskExtended(ExtendedColumns, ResultModelBase):
    """A row of ``celery_taskmeta``."""

    __tablename__ = TASK_TABLE
    __table_args__ = _TABLE_OPTIONS


class Task(TaskColumns, ResultModelBase):
    """A row of ``celery_taskmeta`` without what ``result_extended`` adds."""

    # The table has all columns, so that the setting can be changed later.
    __table__ = TaskExtended.__table__
    __mapper_args__ = {
        "include_properties": [
            "id", "task_id", "status", "result", "date_done", "traceback", "children",
        ],
    }  # fmt: skip


class TaskSet(GroupColumns, ResultModelBase):
    """A row of ``celery_tasksetmeta``."""

    __tablename__ = GROUP_TABLE
    __table_args__ = _TABLE_OPTIONS


class Models(NamedTuple):
    """The classes of the rows."""

    task: type[Any]
    task_extended: type[Any]
    group: type[Any]
    metadata: sa.MetaData


DEFAULT_MODELS = Models(Task, TaskExtended, TaskSet, ResultModelBase.metadata)


@cache
def models_for(
    task_table: str | None = None,
    group_table: str | None = None,
    task_schema: str | None = None,
    group_schema: str | None = None,
) -> Models:
    """Return the classes for tables with these names, in these schemas.

    Args:
        task_table: Instead of ``celery_taskmeta``.
        group_table: Instead of ``celery_tasksetmeta``.
        task_schema: Schema of the task table.
        group_schema: Schema of the group table.
    """
    if not (task_table or group_table or task_schema or group_schema):
        return DEFAULT_MODELS
    base = type("RenamedModelBase", (DeclarativeBase,), {})
    extended: Any = type(
        "TaskExtended", (ExtendedColumns, base), _table(task_table or TASK_TABLE, task_schema)
    )
    included = Task.__mapper_args__
    task = type(
        "Task",
        (TaskColumns, base),
        {"__table__": extended.__table__, "__mapper_args__": included},
    )
    group = type("TaskSet", (GroupColumns, base), _table(group_table or GROUP_TABLE, group_schema))
    return Models(task, extended, group, extended.metadata)


def _table(name: str, schema: str | None) -> dict[str, Any]:
    return {
        "__module__": __name__,
        "__tablename__": name,
        "__table_args__": {**_TABLE_OPTIONS, "schema": schema},
    }
