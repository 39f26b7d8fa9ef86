"""Dumper: prints events as they come."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from kombu.exceptions import OperationalError
from kombu.utils.functional import LRUCache

from celery._ports import AppPort
from celery._state import app_or_default

__all__ = ("Dumper", "evdump", "humanize_type")

#: Event types that have a word of their own.
HUMAN_TYPES: Final = {
    "worker-offline": "shutdown",
    "worker-online": "started",
    "worker-heartbeat": "heartbeat",
}

#: Tasks whose names and arguments are remembered, for the events that tell only the id.
TASKS_REMEMBERED: Final = 0xFFF

CONNECTION_ERROR: Final = "-> Cannot connect to %s: %s.\nTrying again %s"


def humanize_type(type: str) -> str:
    """Return an event type in words.

    >>> humanize_type("worker-online"), humanize_type("task-sent")
    ('started', 'task sent')
    """
    return HUMAN_TYPES.get(type) or type.lower().replace("-", " ")


class Dumper:
    """Prints each event as a line.

    Args:
        out: File to print to.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = sys.stdout if out is None else out
        self._tasks: Any = LRUCache(TASKS_REMEMBERED)

    def say(self, msg: str) -> None:
        """Print a line, at once."""
        self.out.write(f"{msg}\n")
        self.out.flush()

    def on_event(self, ev: Mapping[str, Any]) -> None:
        """Print an event."""
        fields = dict(ev)
        type = fields.pop("type").lower()
        hostname = fields.pop("hostname")
        sent = datetime.fromtimestamp(fields.pop("timestamp"), UTC)
        if not type.startswith("task-"):
            self.say(_line(hostname, sent, humanize_type(type), fields))
            return
        uuid = fields.pop("uuid")
        if type in ("task-received", "task-sent"):
            name, args, kwargs = (fields.pop(key, None) for key in ("name", "args", "kwargs"))
            self._tasks[uuid] = f"{name}({uuid}) args={args} kwargs={kwargs}"
        self.format_task_event(hostname, sent, type, self._tasks.get(uuid, ""), fields)

    def format_task_event(
        self, hostname: str, timestamp: datetime, type: str, task: str, event: Mapping[str, Any]
    ) -> None:
        """Print an event about a task.

        Args:
            task: Its name and arguments in words; empty if not known.
            event: The remaining fields.
        """
        self.say(_line(hostname, timestamp, f"{humanize_type(type)}: {task}", event, colon=""))


def _line(
    hostname: str, sent: datetime, what: str, fields: Mapping[str, Any], colon: str = ":"
) -> str:
    text = ", ".join(f"{key}={fields[key]}" for key in sorted(fields))
    return f"{hostname} [{sent}] {what}{colon if text else ''} {text}"


def evdump(app: AppPort | None = None, out: TextIO | None = None) -> None:
    """Print events until interrupted, reconnecting as needed: ``celery events --dump``.

    Args:
        out: File to print to.
    """
    app = app_or_default(app)
    dumper = Dumper(out)
    dumper.say("-> evdump: starting capture...")
    try:
        while True:
            _dump(app, dumper)
    except (KeyboardInterrupt, SystemExit):
        return


def _dump(app: AppPort, dumper: Dumper) -> None:
    """Print events until the connection is lost."""
    with app.connection_for_read() as connection:

        def retrying(exc: BaseException, interval: float) -> None:
            when = f"in {interval} seconds..." if interval else "now..."
            dumper.say(CONNECTION_ERROR % (connection.as_uri(), exc, when))

        try:
            connection.ensure_connection(retrying)
            handlers = {"*": dumper.on_event}
            app.events.Receiver(connection, app=app, handlers=handlers).capture()
        except (*connection.connection_errors, *connection.channel_errors, OperationalError):
            dumper.say("-> Connection lost, attempting reconnect")
