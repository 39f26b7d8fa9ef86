"""Programs that send to the default queue of a shared server, kept apart from all others."""

from __future__ import annotations

import uuid
from contextlib import closing, suppress
from pathlib import Path

from amqp.exceptions import NotFound
from kombu import Connection
from redis import Redis


class OwnQueue:
    """A default queue of one test's own: the programs need not know of it.

    A configuration module with nothing but its name stands in for the configuration that the
    programs do not have.

    Args:
        directory: where the module is put.
    """

    def __init__(self, directory: Path) -> None:
        self.name = f"own-{uuid.uuid4().hex[:12]}"
        directory.mkdir(exist_ok=True)
        (directory / "own_queue_config.py").write_text(f"task_default_queue = {self.name!r}\n")
        #: For the environment of worker and client.
        self.env = {"CELERY_CONFIG_MODULE": "own_queue_config", "PYTHONPATH": str(directory)}

    def delete(self, url: str, *others: str) -> None:
        """Delete it and other queues, with their exchanges, from a broker."""
        names = (self.name, *others)
        if url.startswith("redis"):
            with closing(Redis.from_url(url)) as store:
                kinds = ("_kombu.binding", "_kombu.binding_permanent")
                store.delete(*names, *(f"{kind}.{name}" for kind in kinds for name in names))
            return
        with Connection(url) as connection:
            for name in names:
                for delete in ("queue_delete", "exchange_delete"):
                    with connection.channel() as channel, suppress(NotFound):
                        getattr(channel, delete)(name)
