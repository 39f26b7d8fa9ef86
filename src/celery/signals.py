"""The signals: points in the life of tasks, workers and beat at which your functions are called.

A receiver is connected with ``signal.connect`` and is called with ``signal``, ``sender`` and the
named values listed here; it must accept ``**kwargs``, as values may be added.  An exception in a
receiver is logged and goes no further.

>>> from celery.signals import task_success
>>> @task_success.connect
... def count(sender, result, runtime, **kwargs):
...     print(sender.name, runtime)
"""

from typing import Final

from celery.utils.dispatch import Signal

__all__ = (
    "after_setup_logger",
    "after_setup_task_logger",
    "after_task_publish",
    "beat_embedded_init",
    "beat_init",
    "before_task_publish",
    "celeryd_after_setup",
    "celeryd_init",
    "eventlet_pool_apply",
    "eventlet_pool_postshutdown",
    "eventlet_pool_preshutdown",
    "eventlet_pool_started",
    "heartbeat_sent",
    "import_modules",
    "setup_logging",
    "task_failure",
    "task_internal_error",
    "task_postrun",
    "task_prerun",
    "task_received",
    "task_rejected",
    "task_retry",
    "task_revoked",
    "task_sent",
    "task_success",
    "task_unknown",
    "user_preload_options",
    "worker_before_create_process",
    "worker_init",
    "worker_process_init",
    "worker_process_shutdown",
    "worker_ready",
    "worker_shutdown",
    "worker_shutting_down",
)


def _signal(name: str, *provides: str) -> Signal:
    """Make the signal `name`, whose receivers are given the values named `provides`."""
    return Signal(name=name, providing_args=set(provides))


# -- publishing; the sender is the task's name

#: The message is about to be sent: ``headers`` and ``properties`` may be changed in place.
before_task_publish: Final = _signal(
    "before_task_publish",
    "body",
    "exchange",
    "routing_key",
    "headers",
    "properties",
    "declare",
    "retry_policy",
)
#: The broker has accepted the message.
after_task_publish: Final = _signal(
    "after_task_publish", "body", "headers", "exchange", "routing_key"
)
#: Deprecated: use :data:`after_task_publish`.
task_sent: Final = _signal("task_sent", "task_id", "task", "args", "kwargs", "eta", "taskset")

# -- receiving, in the worker's main process; the sender is the consumer

#: A message has become a request, and is neither revoked nor expired.
task_received: Final = _signal("task_received", "request")
#: A message is not of Celery's shape, or cannot be decoded.
task_rejected: Final = _signal("task_rejected", "message", "exc")
#: A message names a task that is not registered.
task_unknown: Final = _signal("task_unknown", "message", "exc", "name", "id")

# -- running; the sender is the task

#: Before anything else of the task.
task_prerun: Final = _signal("task_prerun", "task_id", "task", "args", "kwargs")
#: After everything else of the task, whatever its outcome.
task_postrun: Final = _signal(
    "task_postrun", "task_id", "task", "args", "kwargs", "retval", "state"
)
#: The task returned, and its result is stored.
task_success: Final = _signal("task_success", "result", "runtime")
#: The task is to be run again.
task_retry: Final = _signal("task_retry", "request", "reason", "einfo")
#: The task raised, its process was lost, or it ran out of time.
task_failure: Final = _signal(
    "task_failure", "task_id", "exception", "args", "kwargs", "traceback", "einfo"
)
#: The machinery around the task failed.
task_internal_error: Final = _signal(
    "task_internal_error",
    "task_id",
    "args",
    "kwargs",
    "request",
    "exception",
    "traceback",
    "einfo",
)
#: The task was revoked, terminated or found expired (in the worker's main process).
task_revoked: Final = _signal("task_revoked", "request", "terminated", "signum", "expired")

# -- the worker

#: Before the worker is set up; the sender is its node name, the configuration may be changed.
celeryd_init: Final = _signal("celeryd_init", "instance", "conf", "options")
#: The worker is set up and not started; the sender is its node name, queues may be added.
celeryd_after_setup: Final = _signal("celeryd_after_setup", "instance", "conf")
#: The loader imports the modules it is configured to; the sender is the application.
import_modules: Final = _signal("import_modules")
#: Before the worker starts.
worker_init: Final = _signal("worker_init")
#: In the main process, before a child is created; the sender is the pool.
worker_before_create_process: Final = _signal("worker_before_create_process")
#: In each child, when it starts: must return within four seconds.
worker_process_init: Final = _signal("worker_process_init")
#: In each child, when it is about to exit.
worker_process_shutdown: Final = _signal("worker_process_shutdown", "pid", "exitcode")
#: The worker accepts tasks; the sender is its consumer.
worker_ready: Final = _signal("worker_ready")
#: After each heartbeat event.
heartbeat_sent: Final = _signal("heartbeat_sent")
#: Shutdown begins: ``sig`` is the signal's name, ``how`` is "Warm" or "Cold".
worker_shutting_down: Final = _signal("worker_shutting_down", "sig", "how", "exitcode")
#: The worker is about to exit.
worker_shutdown: Final = _signal("worker_shutdown")

# -- logging

#: Set up logging yourself: when a receiver is connected, nothing else configures it.
setup_logging: Final = _signal("setup_logging", "loglevel", "logfile", "format", "colorize")
#: The root logger is configured.
after_setup_logger: Final = _signal(
    "after_setup_logger", "logger", "loglevel", "logfile", "format", "colorize"
)
#: The logger of tasks is configured.
after_setup_task_logger: Final = _signal(
    "after_setup_task_logger", "logger", "loglevel", "logfile", "format", "colorize"
)

# -- beat; the sender is its service

#: Beat starts, by itself or inside a worker.
beat_init: Final = _signal("beat_init")
#: Beat starts as a process of a worker (sent besides :data:`beat_init`).
beat_embedded_init: Final = _signal("beat_embedded_init")

# -- the eventlet pool; the sender is the pool

eventlet_pool_started: Final = _signal("eventlet_pool_started")
eventlet_pool_preshutdown: Final = _signal("eventlet_pool_preshutdown")
eventlet_pool_postshutdown: Final = _signal("eventlet_pool_postshutdown")
eventlet_pool_apply: Final = _signal("eventlet_pool_apply", "target", "args", "kwargs")

# -- the command line

#: A command was given options the application has added.
user_preload_options: Final = _signal("user_preload_options", "app", "options")
