"""Settings of tasks and of the programs that run and schedule them: beat, task, worker."""

from typing import Final

from celery._settings.setting import rows

__all__ = ("BEAT", "TASK", "WORKER")

DEFAULT_POOL: Final = "prefork"
DEFAULT_PROCESS_LOG_FMT: Final = "[%(asctime)s: %(levelname)s/%(processName)s] %(message)s"
DEFAULT_TASK_LOG_FMT: Final = (
    "[%(asctime)s: %(levelname)s/%(processName)s] %(task_name)s[%(task_id)s]: %(message)s"
)

# One row a setting: key, type, default, old name, and on the following lines what it means.
# fmt: off

BEAT: Final = rows(
    "beat",
    ("enable_remote_control", "bool", False, "CELERYBEAT_ENABLE_REMOTE_CONTROL",
     "Let beat answer the remote-control command `ping`, as `celerybeat@<host>`."),
    ("remote_control_max_tick_age", "float", None, "CELERYBEAT_REMOTE_CONTROL_MAX_TICK_AGE",
     "Seconds without a turn of its loop after which beat stops answering `ping`; `None`: twice "
     "the loop interval and at least 60, 0: always answer."),
    ("max_loop_interval", "float", 0, "CELERYBEAT_MAX_LOOP_INTERVAL",
     "Longest sleep, in seconds, between two looks at the schedule; 0: the scheduler's own "
     "choice, 300 unless it says otherwise."),
    ("schedule", "dict", {}, "CELERYBEAT_SCHEDULE",
     "The periodic tasks: name -> entry with `task`, `schedule`, `args`, `kwargs`, `options`."),
    ("scheduler", "string", "celery.beat:PersistentScheduler", "CELERYBEAT_SCHEDULER",
     "Class of the scheduler, or an alias from the entry points `celery.beat_schedulers`."),
    ("schedule_filename", "string", "celerybeat-schedule", "CELERYBEAT_SCHEDULE_FILENAME",
     "File in which the persistent scheduler keeps when each entry last ran."),
    ("sync_every", "int", 0, "CELERYBEAT_SYNC_EVERY",
     "Save the schedule after this many tasks were sent; 0: by time alone, every 180 seconds."),
    ("cron_starting_deadline", "int", None, "CELERYBEAT_CRON_STARTING_DEADLINE",
     "A crontab run missed by more than this many seconds is left out; `None`: every missed run "
     "is caught up with, once."),
)

TASK: Final = rows(
    "task",
    ("acks_late", "bool", False, "CELERY_ACKS_LATE",
     "Acknowledge a message after its task ran, not before: a task whose worker died is run "
     "again."),
    ("acks_on_failure_or_timeout", "bool", True, "CELERY_ACKS_ON_FAILURE_OR_TIMEOUT",
     "With late acknowledgement: acknowledge tasks that fail or time out too. Default of the "
     "two following settings, which replace it."),
    ("acks_on_failure", "bool", None, "CELERY_ACKS_ON_FAILURE",
     "With late acknowledgement: acknowledge a task that raised; off: reject its message."),
    ("acks_on_timeout", "bool", None, "CELERY_ACKS_ON_TIMEOUT",
     "With late acknowledgement: acknowledge a task that hit its hard time limit; off: put its "
     "message back in the queue."),
    ("always_eager", "bool", False, "CELERY_ALWAYS_EAGER",
     "Run tasks at once in the caller's process instead of sending them. `send_task` ignores "
     "it, with a warning."),
    ("annotations", "any", None, "CELERY_ANNOTATIONS",
     "Attributes to change on tasks: task name (or `*`) -> attributes, or an object with "
     "`annotate`."),
    ("compression", "string", None, "CELERY_MESSAGE_COMPRESSION",
     "Compression of task messages: `zlib`, `bzip2` or another that kombu knows."),
    ("create_missing_queues", "bool", True, "CELERY_CREATE_MISSING_QUEUES",
     "Declare a queue that is used and not listed in `task_queues`; off: an error."),
    ("create_missing_queue_type", "string", "classic", "CELERY_CREATE_MISSING_QUEUE_TYPE",
     "Type, `classic` or `quorum`, of such queues."),
    ("create_missing_queue_exchange_type", "string", None,
     "CELERY_CREATE_MISSING_QUEUE_EXCHANGE_TYPE",
     "Type of the exchanges of such queues; unset: `direct`."),
    ("inherit_parent_priority", "bool", False, "CELERY_INHERIT_PARENT_PRIORITY",
     "A task sent by a running task, and its callbacks, take over its priority."),
    ("default_delivery_mode", "string", 2, "CELERY_DEFAULT_DELIVERY_MODE",
     "2 or `persistent`: messages survive a restart of the broker; 1 or `transient`: they do "
     "not."),
    ("default_queue", "string", "celery", "CELERY_DEFAULT_QUEUE",
     "Queue of tasks that no route and no option sends elsewhere."),
    ("default_queue_type", "string", "classic", "CELERY_DEFAULT_QUEUE_TYPE",
     "Type, `classic` or `quorum`, of the default queue."),
    ("default_exchange", "string", None, "CELERY_DEFAULT_EXCHANGE",
     "Exchange of queues that name none; unset: named as the default queue."),
    ("default_exchange_type", "string", "direct", "CELERY_DEFAULT_EXCHANGE_TYPE",
     "Type of exchanges of queues that name none."),
    ("default_routing_key", "string", None, "CELERY_DEFAULT_ROUTING_KEY",
     "Routing key of queues that name none; unset: the name of the default queue."),
    ("default_rate_limit", "string", None, "CELERY_DEFAULT_RATE_LIMIT",
     "How often each worker starts one kind of task at most: `10/s`, `100/m`, `5/h`."),
    ("default_priority", "string", None, "CELERY_DEFAULT_PRIORITY",
     "Priority of messages that are given none."),
    ("eager_propagates", "bool", False, "CELERY_EAGER_PROPAGATES_EXCEPTIONS",
     "Raise the error of a task run eagerly in the caller, instead of keeping it in the result."),
    ("ignore_result", "bool", False, "CELERY_IGNORE_RESULT",
     "Do not store what tasks return."),
    ("store_eager_result", "bool", False, "CELERY_STORE_EAGER_RESULT",
     "Store the results of tasks run eagerly too."),
    ("protocol", "int", 2, "CELERY_TASK_PROTOCOL",
     "Version, 1 or 2, of the message format tasks are sent in."),
    ("publish_retry", "bool", True, "CELERY_TASK_PUBLISH_RETRY",
     "Try again when a message cannot be published because the connection was lost."),
    ("publish_retry_policy", "dict",
     {"max_retries": 3, "interval_start": 0, "interval_max": 1, "interval_step": 0.2},
     "CELERY_TASK_PUBLISH_RETRY_POLICY",
     "How often and at which intervals, in seconds: `max_retries`, `interval_start`, "
     "`interval_step`, `interval_max`, `retry_errors`."),
    ("queues", "dict", None, "CELERY_QUEUES",
     "The queues: a list of `kombu.Queue`, or name -> options; unset: the default queue alone."),
    ("queue_max_priority", "int", None, "CELERY_QUEUE_MAX_PRIORITY",
     "`x-max-priority` of queues that do not say; needed for priorities on RabbitMQ."),
    ("reject_on_worker_lost", "bool", None, "CELERY_REJECT_ON_WORKER_LOST",
     "With late acknowledgement: put a task back in the queue when the process that ran it "
     "died."),
    ("retry_on_worker_lost", "bool", False, "CELERY_RETRY_ON_WORKER_LOST",
     "When the process that ran a task died, send a retry, which counts against `max_retries`; "
     "wins over `task_reject_on_worker_lost`."),
    ("remote_tracebacks", "bool", False, "CELERY_REMOTE_TRACEBACKS",
     "Rebuild the worker's traceback when an error is raised in the client (needs `tblib`)."),
    ("repr_maxlevels", "int", 3, "CELERY_REPR_MAXLEVELS",
     "How deep nested arguments are shown in messages' headers and in logs."),
    ("routes", "any", None, "CELERY_ROUTES",
     "Which task goes where: patterns -> queue or options, a function, or a list of both."),
    ("send_sent_event", "bool", False, "CELERY_SEND_TASK_SENT_EVENT",
     "Send the event `task-sent` when a task is published."),
    ("serializer", "string", "json", "CELERY_TASK_SERIALIZER",
     "Serializer of task messages and remote-control commands."),
    ("soft_time_limit", "float", None, "CELERYD_TASK_SOFT_TIME_LIMIT",
     "Seconds after which `SoftTimeLimitExceeded` is raised in a task."),
    ("time_limit", "float", None, "CELERYD_TASK_TIME_LIMIT",
     "Seconds after which a task is killed."),
    ("store_errors_even_if_ignored", "bool", False, "CELERY_STORE_ERRORS_EVEN_IF_IGNORED",
     "Store the failures of tasks whose results are ignored."),
    ("track_started", "bool", False, "CELERY_TRACK_STARTED",
     "Store the state STARTED when a task begins to run."),
    ("allow_error_cb_on_chord_header", "bool", False,
     "CELERY_ALLOW_ERROR_CB_ON_CHORD_HEADER",
     "An error callback linked to a chord is linked to its header tasks too, and may then be "
     "called once for each and once for the body."),
)

WORKER: Final = rows(
    "worker",
    ("agent", "string", None, "CELERYD_AGENT",
     "Class of an agent to run beside the consumer."),
    ("autoscaler", "string", "celery.worker.autoscale:Autoscaler", "CELERYD_AUTOSCALER",
     "Class that grows and shrinks the pool under `--autoscale`."),
    ("cancel_long_running_tasks_on_connection_loss", "bool", False,
     "CELERYD_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS",
     "When the connection is lost, kill running tasks that are acknowledged late, as the broker "
     "will deliver them again."),
    ("soft_shutdown_timeout", "float", 0.0, "CELERYD_SOFT_SHUTDOWN_TIMEOUT",
     "Seconds running tasks are given to end before a cold shutdown; 0: none."),
    ("enable_soft_shutdown_on_idle", "bool", False, "CELERYD_ENABLE_SOFT_SHUTDOWN_ON_IDLE",
     "Wait that time even if no task is running."),
    ("concurrency", "any", None, "CELERYD_CONCURRENCY",
     "How many tasks run at once: a number, or `auto` for the CPUs the container may use; "
     "unset: the number of CPUs."),
    ("consumer", "string", "celery.worker.consumer:Consumer", "CELERYD_CONSUMER",
     "Class of the consumer blueprint."),
    ("direct", "bool", False, "CELERY_WORKER_DIRECT",
     "Consume from a queue of the worker's own too, `<node name>.dq2`."),
    ("disable_rate_limits", "bool", False, "CELERY_DISABLE_RATE_LIMITS",
     "Ignore the rate limits of tasks."),
    ("deduplicate_successful_tasks", "bool", False, "CELERYD_DEDUPLICATE_SUCCESSFUL_TASKS",
     "Do not run a late-acknowledged task that is delivered again when its result says it "
     "succeeded."),
    ("enable_remote_control", "bool", True, "CELERY_ENABLE_REMOTE_CONTROL",
     "Listen to remote-control commands."),
    ("hijack_root_logger", "bool", True, "CELERYD_HIJACK_ROOT_LOGGER",
     "Replace the handlers that the root logger had."),
    ("log_color", "bool", None, "CELERYD_LOG_COLOR",
     "Colour log lines; unset: when they go to a terminal."),
    ("log_datefmt", "string", None, "CELERYD_LOG_DATEFMT",
     "Format (`strftime`) of the time in log lines."),
    ("log_format", "string", DEFAULT_PROCESS_LOG_FMT, "CELERYD_LOG_FORMAT",
     "Format of the worker's log lines."),
    ("lost_wait", "float", 10.0, "CELERYD_WORKER_LOST_WAIT",
     "Seconds a result of a dead pool process may still arrive before the task counts as lost."),
    ("max_memory_per_child", "int", None, "CELERYD_MAX_MEMORY_PER_CHILD",
     "KiB of resident memory after which a pool process is replaced."),
    ("max_tasks_per_child", "int", None, "CELERYD_MAX_TASKS_PER_CHILD",
     "Tasks after which a pool process is replaced."),
    ("pool", "string", DEFAULT_POOL, "CELERYD_POOL",
     "How tasks run: `prefork`, `threads`, `asyncio`, `solo`, `gevent`, `eventlet`, or a "
     "class."),
    ("pool_putlocks", "bool", True, "CELERYD_POOL_PUTLOCKS",
     "Do not hand the pool more tasks than it can run."),
    ("pool_restarts", "bool", False, "CELERYD_POOL_RESTARTS",
     "Allow the remote-control command `pool_restart`."),
    ("pool_start_method", "string", "fork", "CELERYD_POOL_START_METHOD",
     "How pool processes begin: `fork` or `spawn`."),
    ("proc_alive_timeout", "float", 4.0, "CELERYD_PROC_ALIVE_TIMEOUT",
     "Seconds a new pool process may take to come up."),
    ("prefetch_multiplier", "int", 4, "CELERYD_PREFETCH_MULTIPLIER",
     "Messages fetched ahead, for each task that can run at once; 0: without bound."),
    ("eta_task_limit", "int", None, "CELERYD_ETA_TASK_LIMIT",
     "How many tasks that wait for their time may be held beyond the prefetched ones."),
    ("enable_prefetch_count_reduction", "bool", True,
     "CELERYD_ENABLE_PREFETCH_COUNT_REDUCTION",
     "After a lost connection, fetch less ahead until the tasks still running have ended."),
    ("disable_prefetch", "bool", False, "CELERYD_DISABLE_PREFETCH",
     "Fetch a message only when it can run at once."),
    ("redirect_stdouts", "bool", True, "CELERY_REDIRECT_STDOUTS",
     "Send what is printed to the log."),
    ("redirect_stdouts_level", "string", "WARNING", "CELERY_REDIRECT_STDOUTS_LEVEL",
     "Level of log lines that were printed."),
    ("send_task_events", "bool", False, "CELERY_SEND_EVENTS",
     "Send an event at each step of a task, for monitors (`-E`)."),
    ("state_db", "string", None, "CELERYD_STATE_DB",
     "File in which a worker keeps, across restarts, which tasks were revoked."),
    ("task_log_datefmt", "string", None, "CELERYD_TASK_LOG_DATEFMT",
     "Format (`strftime`) of the time in tasks' log lines."),
    ("task_log_format", "string", DEFAULT_TASK_LOG_FMT, "CELERYD_TASK_LOG_FORMAT",
     "Format of log lines written by tasks."),
    ("timer", "string", None, "CELERYD_TIMER",
     "Class of the timer, for pools that do not bring one."),
    ("timer_precision", "float", 1.0, "CELERYD_TIMER_PRECISION",
     "Longest sleep, in seconds, between two looks at the timer."),
    ("detect_quorum_queues", "bool", True, "CELERYD_DETECT_QUORUM_QUEUES",
     "When a queue is a quorum queue, limit prefetching by consumer and delay messages in the "
     "broker, as RabbitMQ requires."),
)
