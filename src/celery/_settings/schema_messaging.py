"""Settings of messages and of the ways they travel: general, broker, control, event, security."""

from typing import Final

from celery._settings.setting import rows

__all__ = ("BROKER", "CONTROL", "EVENT", "GENERAL", "SECURITY")

DEFAULT_ACCEPT_CONTENT: Final = ("json",)
DEFAULT_SECURITY_DIGEST: Final = "sha256"

# One row a setting: key, type, default, old name, and on the following lines what it means.
# fmt: off

GENERAL: Final = rows(
    "",
    ("accept_content", "list", DEFAULT_ACCEPT_CONTENT, "CELERY_ACCEPT_CONTENT",
     "Serializers (names or MIME types) accepted in task, event and control messages; a message "
     "in any other is refused."),
    ("result_accept_content", "list", None, "RESULT_ACCEPT_CONTENT",
     "Serializers accepted when a result is read; unset: those of `accept_content`."),
    ("enable_utc", "bool", True, "ENABLE_UTC",
     "Write times in messages in UTC. When off, and `timezone` is unset, local time is used."),
    ("imports", "tuple", (), "CELERY_IMPORTS",
     "Modules a worker imports when it starts, before those of `include`."),
    ("include", "tuple", (), "CELERY_INCLUDE",
     "More modules to import at start; `Celery(include=...)` and `-I` set it."),
    ("timezone", "string", None, "CELERY_TIMEZONE",
     "Time zone (IANA name) of schedules and of times shown; unset: Django's `TIME_ZONE` if "
     "there is one, else UTC."),
)

BROKER: Final = rows(
    "broker",
    ("url", "string", None, "BROKER_URL",
     "Where messages go: a URL, a list of URLs, or several joined by `;` to fail over. Unset: "
     "the embedded SQLite broker, one file and no server. `CELERY_BROKER_URL` in the "
     "environment wins over it."),
    ("read_url", "string", None, "BROKER_READ_URL",
     "Broker to consume from, when not `broker_url`. The environment's "
     "`CELERY_BROKER_READ_URL` wins over it."),
    ("write_url", "string", None, "BROKER_WRITE_URL",
     "Broker to publish to, when not `broker_url`. The environment's "
     "`CELERY_BROKER_WRITE_URL` wins over it."),
    ("transport", "string", None, "BROKER_TRANSPORT",
     "Transport alias, for configurations that give no URL. Deprecated: write a URL."),
    ("transport_options", "dict", {}, "BROKER_TRANSPORT_OPTIONS",
     "Options handed to the transport, such as `global_keyprefix` or `visibility_timeout`."),
    ("connection_timeout", "float", 4, "BROKER_CONNECTION_TIMEOUT",
     "Seconds one attempt to connect may take."),
    ("connection_retry", "bool", True, "BROKER_CONNECTION_RETRY",
     "Connect again when a connection was lost."),
    ("connection_retry_on_startup", "bool", None, "BROKER_CONNECTION_RETRY_ON_STARTUP",
     "Keep trying when the first connection fails; unset: as `broker_connection_retry` says."),
    ("connection_max_retries", "int", 100, "BROKER_CONNECTION_MAX_RETRIES",
     "Attempts to connect before giving up; `None`: for ever, 0: fail at once."),
    ("channel_error_retry", "bool", False, "BROKER_CHANNEL_ERROR_RETRY",
     "Treat errors of a channel as a lost connection, and recover from them."),
    ("failover_strategy", "string", None, "BROKER_FAILOVER_STRATEGY",
     "Order in which several URLs are tried: `round-robin`, `shuffle` or a function; unset: "
     "`round-robin`."),
    ("heartbeat", "int", 120, "BROKER_HEARTBEAT",
     "Seconds between AMQP heartbeats of a worker; 0 or `None`: off."),
    ("heartbeat_checkrate", "int", 3.0, "BROKER_HEARTBEAT_CHECKRATE",
     "How often within one heartbeat interval the connection is checked."),
    ("login_method", "string", None, "BROKER_LOGIN_METHOD",
     "SASL mechanism used to log in to an AMQP broker."),
    ("native_delayed_delivery_queue_type", "string", "quorum",
     "BROKER_NATIVE_DELAYED_DELIVERY_QUEUE_TYPE",
     "Type, `quorum` or `classic`, of the RabbitMQ queues that hold delayed messages."),
    ("pool_limit", "int", 10, "BROKER_POOL_LIMIT",
     "Connections, and producers, kept open at most; 0 or `None`: a new one each time."),
    ("pool_acquire_timeout", "float", None, "BROKER_POOL_ACQUIRE_TIMEOUT",
     "Seconds to wait for a connection of a full pool before `OperationalError`; `None`: for "
     "ever."),
    ("use_ssl", "bool", False, "BROKER_USE_SSL",
     "Use TLS: `True`, or a mapping of TLS options for the transport."),
    ("host", "string", None, "BROKER_HOST",
     "Host of the broker, for configurations that give no URL. Deprecated: write a URL."),
    ("port", "int", None, "BROKER_PORT",
     "Port of the broker, for configurations that give no URL. Deprecated: write a URL."),
    ("user", "string", None, "BROKER_USER",
     "User at the broker, for configurations that give no URL. Deprecated: write a URL."),
    ("password", "string", None, "BROKER_PASSWORD",
     "Password at the broker, for configurations that give no URL. Deprecated: write a URL."),
    ("vhost", "string", None, "BROKER_VHOST",
     "Virtual host at the broker, for configurations that give no URL. Deprecated: write a URL."),
)

CONTROL: Final = rows(
    "control",
    ("queue_ttl", "float", 300.0, "CONTROL_QUEUE_TTL",
     "Seconds a remote-control message, or a reply, waits to be read before it is dropped."),
    ("queue_expires", "float", 10.0, "CONTROL_QUEUE_EXPIRES",
     "Seconds an unused remote-control queue stays before the broker deletes it."),
    ("queue_exclusive", "bool", True, "CONTROL_QUEUE_EXCLUSIVE",
     "Make remote-control queues exclusive; may not be combined with durable ones."),
    ("queue_durable", "bool", False, "CONTROL_QUEUE_DURABLE",
     "Make remote-control queues survive a restart of the broker."),
    ("exchange", "string", "celery", "CONTROL_EXCHANGE",
     "Name remote control goes by: its exchanges are `<name>.pidbox` and `reply.<name>.pidbox`."),
)

EVENT: Final = rows(
    "event",
    ("queue_expires", "float", 60.0, "CELERY_EVENT_QUEUE_EXPIRES",
     "Seconds the queue of a monitor that went away stays before the broker deletes it."),
    ("queue_ttl", "float", 5.0, "CELERY_EVENT_QUEUE_TTL",
     "Seconds an event waits in a monitor's queue before it is dropped."),
    ("queue_prefix", "string", "celeryev", "CELERY_EVENT_QUEUE_PREFIX",
     "First part of the names of monitors' queues."),
    ("queue_exclusive", "bool", True, "CELERY_EVENT_QUEUE_EXCLUSIVE",
     "Make monitors' queues exclusive; may not be combined with durable ones."),
    ("queue_durable", "bool", False, "CELERY_EVENT_QUEUE_DURABLE",
     "Make monitors' queues survive a restart of the broker."),
    ("serializer", "string", "json", "CELERY_EVENT_SERIALIZER",
     "Serializer of event messages."),
    ("exchange", "string", "celeryev", "CELERY_EVENT_EXCHANGE",
     "Exchange that events are published to."),
)

SECURITY: Final = rows(
    "security",
    ("certificate", "string", None, "CELERY_SECURITY_CERTIFICATE",
     "Path of the X.509 certificate (PEM) that goes with the key messages are signed by."),
    ("cert_store", "string", None, "CELERY_SECURITY_CERT_STORE",
     "Directory, or file pattern, of the certificates whose signatures are trusted."),
    ("key", "string", None, "CELERY_SECURITY_KEY",
     "Path of the private RSA key messages are signed by."),
    ("key_password", "bytes", None, "CELERY_SECURITY_KEY_PASSWORD",
     "Passphrase of the private key, as bytes."),
    ("digest", "string", DEFAULT_SECURITY_DIGEST, "CELERY_SECURITY_DIGEST",
     "Hash algorithm of signatures."),
)
