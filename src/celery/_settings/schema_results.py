"""Settings of results: the common ones, then those of each store."""

from datetime import timedelta
from typing import Final

from celery._settings.setting import rows

__all__ = (
    "ARANGODB",
    "AZUREBLOCKBLOB",
    "CACHE",
    "CASSANDRA",
    "COSMOSDBSQL",
    "COUCHBASE",
    "DATABASE",
    "ELASTICSEARCH",
    "GCS",
    "MONGODB",
    "REDIS",
    "RESULT",
    "S3",
)

# One row a setting: key, type, default, old name, and on the following lines what it means.
# fmt: off

RESULT: Final = rows(
    "result",
    ("backend", "string", None, "CELERY_RESULT_BACKEND",
     "Where results are kept: a URL, an alias, or a class. Unset: the embedded SQLite store when "
     "`broker_url` is unset too, else results are not kept. `CELERY_RESULT_BACKEND` in the "
     "environment wins over it."),
    ("cache_max", "int", -1, "CELERY_MAX_CACHED_RESULTS",
     "Results a client keeps in memory; -1: none, 0 or `None`: without bound."),
    ("compression", "str", None, "CELERY_RESULT_COMPRESSION",
     "Compression of stored results, where the store can hold bytes."),
    ("exchange", "string", "celeryresults", "CELERY_RESULT_EXCHANGE",
     "Exchange of results sent as messages. Kept for old configurations."),
    ("exchange_type", "string", "direct", "CELERY_RESULT_EXCHANGE_TYPE",
     "Type of that exchange. Kept for old configurations."),
    ("expires", "float", timedelta(days=1), "CELERY_TASK_RESULT_EXPIRES",
     "How long results are kept: seconds or a `timedelta`; `None` or 0: for ever."),
    ("chord_expires", "float", None, "CELERY_RESULT_CHORD_EXPIRES",
     "How long, in seconds, the bookkeeping of chords is kept; unset: as long as results."),
    ("failure_expires", "float", None, "CELERY_RESULT_FAILURE_EXPIRES",
     "How long, in seconds, failures are kept on Redis; unset: as long as results."),
    ("persistent", "bool", None, "CELERY_RESULT_PERSISTENT",
     "Make results sent as messages survive a restart of the broker; unset: as the backend does "
     "by itself."),
    ("extended", "bool", False, "CELERY_RESULT_EXTENDED",
     "Store a task's name, arguments, worker, retries and queue with its result."),
    ("serializer", "string", "json", "CELERY_RESULT_SERIALIZER",
     "Serializer of results."),
    ("backend_transport_options", "dict", {}, "CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS",
     "Options for the store's connection, such as `global_keyprefix`, `retry_policy` or "
     "Sentinel's `master_name`."),
    ("chord_retry_interval", "float", 1.0, "CELERY_RESULT_CHORD_RETRY_INTERVAL",
     "Seconds between two looks at a chord's parts, on stores that cannot count them."),
    ("chord_join_timeout", "float", 3.0, "CELERY_RESULT_CHORD_JOIN_TIMEOUT",
     "Seconds the results of a chord's parts may take to be read together."),
    ("backend_max_sleep_between_retries_ms", "int", 10000,
     "CELERY_RESULT_BACKEND_MAX_SLEEP_BETWEEN_RETRIES_MS",
     "Longest pause, in milliseconds, before a failed operation on the store is retried."),
    ("backend_max_retries", "float", float("inf"), "CELERY_RESULT_BACKEND_MAX_RETRIES",
     "How often a failed operation on the store is retried, when `result_backend_always_retry` is"
     " on (SQL: 3 unless set)."),
    ("backend_base_sleep_between_retries_ms", "int", 10,
     "CELERY_RESULT_BACKEND_BASE_SLEEP_BETWEEN_RETRIES_MS",
     "First pause, in milliseconds, before such a retry; it doubles each time."),
    ("backend_always_retry", "bool", False, "CELERY_RESULT_BACKEND_ALWAYS_RETRY",
     "Retry operations on the store that failed for a passing reason (SQL: on unless set)."),
)

REDIS: Final = rows(
    "redis",
    ("backend_use_ssl", "dict", None, "CELERY_REDIS_BACKEND_USE_SSL",
     "TLS options of the result store: `ssl_cert_reqs`, `ssl_ca_certs`, `ssl_certfile`, "
     "`ssl_keyfile`."),
    ("db", "int", None, "CELERY_REDIS_DB",
     "Number of the database, when `result_backend` is no URL."),
    ("host", "string", None, "CELERY_REDIS_HOST",
     "Host, when `result_backend` is no URL."),
    ("max_connections", "int", None, "CELERY_REDIS_MAX_CONNECTIONS",
     "Connections kept for results at most; unset: as redis-py does."),
    ("username", "string", None, "CELERY_REDIS_USERNAME",
     "User, when `result_backend` is no URL."),
    ("password", "string", None, "CELERY_REDIS_PASSWORD",
     "Password, when `result_backend` is no URL."),
    ("port", "int", None, "CELERY_REDIS_PORT",
     "Port, when `result_backend` is no URL."),
    ("socket_timeout", "float", 120.0, "CELERY_REDIS_SOCKET_TIMEOUT",
     "Seconds one operation on the store may take."),
    ("socket_connect_timeout", "float", None, "CELERY_REDIS_SOCKET_CONNECT_TIMEOUT",
     "Seconds connecting to the store may take; unset: as `redis_socket_timeout`."),
    ("retry_on_timeout", "bool", False, "CELERY_REDIS_RETRY_ON_TIMEOUT",
     "Try a read once more when it timed out."),
    ("socket_keepalive", "bool", False, "CELERY_REDIS_SOCKET_KEEPALIVE",
     "Keep idle connections open by TCP keepalive."),
)

DATABASE: Final = rows(
    "database",
    ("url", "string", None, "CELERY_RESULT_DBURI",
     "SQLAlchemy URL. Kept for old configurations: write `result_backend = \"db+...\"`."),
    ("engine_options", "dict", {"pool_pre_ping": True, "pool_recycle": 3600},
     "CELERY_RESULT_ENGINE_OPTIONS",
     "Options for SQLAlchemy's `create_engine`."),
    ("engine_callback", "any", None, "DATABASE_ENGINE_CALLBACK",
     "Function, or its dotted path, called with each new engine."),
    ("short_lived_sessions", "bool", False, "CELERY_RESULT_DB_SHORT_LIVED_SESSIONS",
     "Use a new session for each operation."),
    ("table_schemas", "dict", None, "DATABASE_TABLE_SCHEMAS",
     "Schemas of the tables: `task` and `group` -> schema."),
    ("table_names", "dict", None, "CELERY_RESULT_DB_TABLENAMES",
     "Names of the tables: `task` and `group` -> name; unset: `celery_taskmeta` and "
     "`celery_tasksetmeta`."),
    ("create_tables_at_setup", "bool", True, "DATABASE_CREATE_TABLES_AT_SETUP",
     "Create the tables when the store is opened, not when the first result is written."),
)

CACHE: Final = rows(
    "cache",
    ("backend", "string", None, "CELERY_CACHE_BACKEND",
     "The cache behind `result_backend = \"cache\"`: `memcached://host1;host2/` or `memory://`."),
    ("backend_options", "dict", {}, "CELERY_CACHE_BACKEND_OPTIONS",
     "Options for the memcached client."),
)

MONGODB: Final = rows(
    "mongodb",
    ("backend_settings", "dict", None, "CELERY_MONGODB_BACKEND_SETTINGS",
     "`host`, `port`, `user`, `password`, `database`, `taskmeta_collection`, "
     "`groupmeta_collection`, `max_pool_size`, `options`."),
)

CASSANDRA: Final = rows(
    "cassandra",
    ("entry_ttl", "float", None, "CASSANDRA_ENTRY_TTL",
     "Seconds a row is kept; unset: for ever."),
    ("keyspace", "string", None, "CASSANDRA_KEYSPACE",
     "Keyspace of the results."),
    ("port", "string", None, "CASSANDRA_PORT",
     "Port of the servers; unset: 9042."),
    ("read_consistency", "string", None, "CASSANDRA_READ_CONSISTENCY",
     "Consistency level of reads, such as `LOCAL_QUORUM`."),
    ("servers", "list", None, "CASSANDRA_SERVERS",
     "Hosts to connect to first."),
    ("bundle_path", "string", None, "CASSANDRA_BUNDLE_PATH",
     "Path of an Astra secure-connect bundle, instead of hosts."),
    ("table", "string", None, "CASSANDRA_TABLE",
     "Table of the results."),
    ("write_consistency", "string", None, "CASSANDRA_WRITE_CONSISTENCY",
     "Consistency level of writes."),
    ("auth_provider", "string", None, "CASSANDRA_AUTH_PROVIDER",
     "Name of a class of `cassandra.auth`."),
    ("auth_kwargs", "string", None, "CASSANDRA_AUTH_KWARGS",
     "Arguments for that class."),
    ("options", "dict", {}, "CASSANDRA_OPTIONS",
     "More arguments for the driver's `Cluster`."),
)

S3: Final = rows(
    "s3",
    ("access_key_id", "string", None, "S3_ACCESS_KEY_ID",
     "Access key; unset: found as boto3 finds it."),
    ("secret_access_key", "string", None, "S3_SECRET_ACCESS_KEY",
     "Secret that goes with the access key."),
    ("bucket", "string", None, "S3_BUCKET",
     "Bucket of the results; required."),
    ("base_path", "string", None, "S3_BASE_PATH",
     "First part of the objects' keys."),
    ("endpoint_url", "string", None, "S3_ENDPOINT_URL",
     "Address of a store that speaks S3 and is not Amazon's."),
    ("region", "string", None, "S3_REGION",
     "Region of the bucket."),
)

AZUREBLOCKBLOB: Final = rows(
    "azureblockblob",
    ("container_name", "string", "celery", "AZUREBLOCKBLOB_CONTAINER_NAME",
     "Container of the results."),
    ("retry_initial_backoff_sec", "int", 2, "AZUREBLOCKBLOB_RETRY_INITIAL_BACKOFF_SEC",
     "Kept for old configurations; the client library no longer reads it."),
    ("retry_increment_base", "int", 2, "AZUREBLOCKBLOB_RETRY_INCREMENT_BASE",
     "Kept for old configurations; the client library no longer reads it."),
    ("retry_max_attempts", "int", 3, "AZUREBLOCKBLOB_RETRY_MAX_ATTEMPTS",
     "Kept for old configurations; the client library no longer reads it."),
    ("base_path", "string", "", "AZUREBLOCKBLOB_BASE_PATH",
     "First part of the blobs' names."),
    ("connection_timeout", "int", 20, "AZUREBLOCKBLOB_CONNECTION_TIMEOUT",
     "Seconds connecting may take."),
    ("read_timeout", "int", 120, "AZUREBLOCKBLOB_READ_TIMEOUT",
     "Seconds one read may take."),
)

GCS: Final = rows(
    "gcs",
    ("bucket", "string", None, "GCS_BUCKET",
     "Bucket of the results; the URL may name it too."),
    ("project", "string", None, "GCS_PROJECT",
     "Google Cloud project of the bucket."),
    ("base_path", "string", "", "GCS_BASE_PATH",
     "First part of the objects' names."),
    ("ttl", "float", 0, "GCS_TTL",
     "Seconds a result is kept, by a lifecycle rule of the bucket; 0: for ever."),
)

COUCHBASE: Final = rows(
    "couchbase",
    ("backend_settings", "dict", None, "CELERY_COUCHBASE_BACKEND_SETTINGS",
     "`host`, `port`, `bucket`, `username`, `password`."),
)

ARANGODB: Final = rows(
    "arangodb",
    ("backend_settings", "dict", None, "CELERY_ARANGODB_BACKEND_SETTINGS",
     "`host`, `port`, `username`, `password`, `database`, `collection`, `http_protocol`, "
     "`verify`."),
)

COSMOSDBSQL: Final = rows(
    "cosmosdbsql",
    ("database_name", "string", "celerydb", "COSMOSDBSQL_DATABASE_NAME",
     "Database of the results."),
    ("collection_name", "string", "celerycol", "COSMOSDBSQL_COLLECTION_NAME",
     "Collection of the results."),
    ("consistency_level", "string", "Session", "COSMOSDBSQL_CONSISTENCY_LEVEL",
     "Consistency level of operations."),
    ("max_retry_attempts", "int", 9, "COSMOSDBSQL_MAX_RETRY_ATTEMPTS",
     "How often a throttled request is retried."),
    ("max_retry_wait_time", "int", 30, "COSMOSDBSQL_MAX_RETRY_WAIT_TIME",
     "Seconds these retries may take together."),
)

ELASTICSEARCH: Final = rows(
    "elasticsearch",
    ("retry_on_timeout", "bool", None, "CELERY_ELASTICSEARCH_RETRY_ON_TIMEOUT",
     "Try another node when a request timed out."),
    ("max_retries", "int", None, "CELERY_ELASTICSEARCH_MAX_RETRIES",
     "How often a request is retried; unset: 3 times."),
    ("timeout", "float", None, "CELERY_ELASTICSEARCH_TIMEOUT",
     "Seconds one request may take; unset: 10."),
    ("save_meta_as_text", "bool", True, "CELERY_ELASTICSEARCH_SAVE_META_AS_TEXT",
     "Store a result as text; off: as a nested document."),
)
