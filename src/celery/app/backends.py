"""The result store that a name or URL stands for."""

from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from celery._state import get_current_app
from celery.exceptions import ImproperlyConfigured
from celery.utils.imports import load_extension_class_names, symbol_by_name

if TYPE_CHECKING:
    from celery._ports import LoaderPort

__all__ = ("BACKEND_ALIASES", "by_name", "by_url")

UNKNOWN_BACKEND: Final = "Unknown result backend: {0!r}.  Did you spell that correctly? ({1})"

#: Group of entry points by which other distributions add names.
EXTENSION_NAMESPACE: Final = "celery.result_backends"

BACKEND_ALIASES: Final[Mapping[str, str]] = {
    "arangodb": "celery.backends.arangodb:ArangoDbBackend",
    "azureblockblob": "celery.backends.azureblockblob:AzureBlockBlobBackend",
    "cache": "celery.backends.cache:CacheBackend",
    "cassandra": "celery.backends.cassandra:CassandraBackend",
    "consul": "celery.backends.consul:ConsulBackend",
    "cosmosdbsql": "celery.backends.cosmosdbsql:CosmosDBSQLBackend",
    "couchbase": "celery.backends.couchbase:CouchbaseBackend",
    "couchdb": "celery.backends.couchdb:CouchBackend",
    "database": "celery.backends.database:DatabaseBackend",
    "db": "celery.backends.database:DatabaseBackend",
    "disabled": "celery.backends.base:DisabledBackend",
    "dynamodb": "celery.backends.dynamodb:DynamoDBBackend",
    "elasticsearch": "celery.backends.elasticsearch:ElasticsearchBackend",
    "file": "celery.backends.filesystem:FilesystemBackend",
    "gs": "celery.backends.gcs:GCSBackend",
    "mongodb": "celery.backends.mongodb:MongoBackend",
    "redis": "celery.backends.redis:RedisBackend",
    "rediss": "celery.backends.redis:RedisBackend",
    "riak": "celery.backends.riak:RiakBackend",
    "rpc": "celery.backends.rpc:RPCBackend",
    "s3": "celery.backends.s3:S3Backend",
    "sentinel": "celery.backends.redis:SentinelBackend",
    "sqlite": "celery.backends.sqlite:SQLiteBackend",
}


def by_name(
    backend: Any = None,
    loader: "LoaderPort | None" = None,
    extension_namespace: str = EXTENSION_NAMESPACE,
) -> type[Any]:
    """Return the class that `backend` names.

    Args:
        backend: An alias, a dotted class name, or a class; None is ``disabled``.
        loader: Its ``override_backends`` come before the aliases; that of the current application
            if None.
        extension_namespace: Group of entry points whose names count as aliases.

    Raises:
        ImproperlyConfigured: There is nothing of that name, or it is not a class.
        ImportError: Its module, or what that needs, cannot be imported.
    """
    backend = backend or "disabled"
    loader = loader or get_current_app().loader
    aliases = {
        **BACKEND_ALIASES,
        **dict(load_extension_class_names(extension_namespace)),
        **getattr(loader, "override_backends", {}),
    }
    try:
        cls = symbol_by_name(backend, aliases)
    except ValueError as exc:
        raise ImproperlyConfigured(UNKNOWN_BACKEND.format(backend, exc)) from exc
    except ModuleNotFoundError as exc:
        # A word that is no alias was taken for a module.
        if exc.name == backend:
            raise ImproperlyConfigured(UNKNOWN_BACKEND.format(backend, exc)) from exc
        raise
    if isinstance(cls, ModuleType):
        raise ImproperlyConfigured(
            UNKNOWN_BACKEND.format(backend, "is a Python module, not a backend class.")
        )
    found: type[Any] = cls
    return found


def by_url(backend: Any = None, loader: "LoaderPort | None" = None) -> tuple[type[Any], str | None]:
    """Return the class that `backend` names, and the URL for it; None if it is only a name.

    Of ``x+y://...`` the class is that of ``x``, and the URL ``y://...``.
    """
    url = None
    if isinstance(backend, str) and "://" in backend:
        url = backend
        scheme, _, _ = url.partition("://")
        if "+" in scheme:
            backend, url = url.split("+", 1)
        else:
            backend = scheme
    return by_name(backend, loader), url
