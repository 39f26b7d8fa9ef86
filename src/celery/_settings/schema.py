"""Every setting, one row each: the tables of the ``schema_*`` modules put together.

The settings' defaults, old names, command-line types and page of documentation all follow from
these rows.  A new setting is a row in one of the tables.
"""

from typing import Final

from celery._settings import schema_messaging as messaging
from celery._settings import schema_results as results
from celery._settings import schema_work as work
from celery._settings.setting import Setting, rows

__all__ = ("SETTINGS", "SETTINGS_BY_NAME", "WITHOUT_DEFAULT")

#: In the order in which they are listed and documented.
SETTINGS: Final[tuple[Setting, ...]] = (
    *messaging.GENERAL,
    *work.BEAT,
    *messaging.BROKER,
    *results.CACHE,
    *results.CASSANDRA,
    *results.S3,
    *results.AZUREBLOCKBLOB,
    *results.GCS,
    *messaging.CONTROL,
    *results.COUCHBASE,
    *results.ARANGODB,
    *results.MONGODB,
    *results.COSMOSDBSQL,
    *messaging.EVENT,
    *results.REDIS,
    *results.RESULT,
    *results.ELASTICSEARCH,
    *messaging.SECURITY,
    *results.DATABASE,
    *work.TASK,
    *work.WORKER,
)

SETTINGS_BY_NAME: Final = {setting.name: setting for setting in SETTINGS}

#: Settings that are read when they are there and that have no default: reading one that is not
#: set as an attribute raises AttributeError.  The default column says what is used instead.
# fmt: off
WITHOUT_DEFAULT: Final[tuple[Setting, ...]] = (
    *rows(
        "",
        ("override_backends", "dict", {}, "",
         "More aliases of result backends: alias -> class. Read from the configuration itself, "
         "not from changes made to `app.conf`."),
        ("CELERY_DB_REUSE_MAX", "int", None, "",
         "Under Django: close database connections after this many tasks, not after each."),
        ("firestore_project", "string", None, "",
         "Google Cloud project of the Firestore database that counts chords; unset: "
         "`gcs_project`."),
        ("dynamodb_endpoint_url", "string", None, "",
         "Address of a DynamoDB that is not Amazon's."),
    ),
    *rows(
        "gcs",
        ("threadpool_maxsize", "int", 10, "",
         "Threads that delete or read results at the same time."),
    ),
    *rows(
        "redis",
        ("backend_health_check_interval", "int", None, "",
         "Seconds of idleness after which a connection is checked before it is used."),
        ("backend_credential_provider", "any", None, "",
         "Provider of user and password (an instance or a class); those of the URL are not "
         "used."),
        ("client_name", "string", None, "",
         "Name connections to the result store give themselves (`CLIENT SETNAME`)."),
    ),
    *rows(
        "result",
        ("backend_thread_safe", "bool", False, "",
         "Share one backend object among threads; off: each thread has its own."),
    ),
    *(
        row
        for program in ("beat", "events", "worker")
        for row in rows(
            program,
            ("logfile", "string", None, "", f"`--logfile` of `celery {program}`, if not given."),
            ("pidfile", "string", None, "", f"`--pidfile` of `celery {program}`, if not given."),
            ("uid", "string", None, "", f"`--uid` of `celery {program}`, if not given."),
            ("gid", "string", None, "", f"`--gid` of `celery {program}`, if not given."),
            ("umask", "string", None, "", f"`--umask` of `celery {program}`, if not given."),
            ("executable", "string", None, "",
             f"`--executable` of `celery {program}`, if not given."),
        )
    ),
)
# fmt: on
