from kombu import Exchange, Queue

task_default_queue = "default"
task_queues = (
    Queue("default", routing_key="task.#"),
    Queue("feed_tasks", Exchange("feeds", type="topic"), routing_key="feed.#"),
    Queue("mail"),
)
task_routes = {
    "tasks.import_feed": {"queue": "feed_tasks", "routing_key": "feed.import"},
    "tasks.mail_*": {"queue": "mail"},
}
task_serializer = "json"
result_serializer = "json"
accept_content = ["json"]
timezone = "Europe/Oslo"
enable_utc = True
task_annotations = {"tasks.refresh": {"rate_limit": "100/s"}}
