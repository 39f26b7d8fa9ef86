"""Pool that runs each job at once, in the worker's own thread."""

import os
from typing import Any

from celery import signals
from celery.concurrency.base import BasePool, apply_target

__all__ = ("TaskPool",)


class TaskPool(BasePool):
    """One job at a time, in the thread that submits it: the worker does nothing else meanwhile.

    What a worker's child process would be told (signal ``worker_process_init``) this process is
    told once, when the pool is made.
    """

    runs_inline = True
    body_can_be_buffer = True

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.limit = 1
        _, nodename = self.options.get("initargs") or (None, None)
        signals.worker_process_init.send(sender=nodename)

    def on_apply(self, *args: Any, **options: Any) -> None:
        """Run the job now."""
        apply_target(*args, **options)

    def _get_info(self) -> dict[str, Any]:
        info = super()._get_info()
        info.update(
            {
                "max-concurrency": 1,
                "processes": [os.getpid()],
                "max-tasks-per-child": None,
                "put-guarded-by-semaphore": True,
                "timeouts": (),
            }
        )
        return info
