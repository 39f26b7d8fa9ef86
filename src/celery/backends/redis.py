"""Results in Redis: ``redis://``, ``rediss://``, ``redis+socket://`` and ``sentinel://``.

Each result is one string under ``celery-task-meta-<id>``, announced on the channel of that name
when it is stored; see :mod:`celery._stores.redis.keys` for the rest.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import redis
from kombu.utils.encoding import bytes_to_str
from kombu.utils.functional import retry_over_time
from kombu.utils.imports import symbol_by_name
from kombu.utils.url import maybe_sanitize_url

from celery._stores.redis.address import RedisAddress, parse_url
from celery._stores.redis.client import CONNECTION_ERRORS, ConnectOptions, RedisServer
from celery._stores.redis.link import Command, SyncLink
from celery._stores.redis.scripts import load
from celery.backends import _redis_chord as chords
from celery.backends._kv import BaseKeyValueStoreBackend
from celery.backends._redis_consumer import ResultConsumer
from celery.backends.asynchronous import AsyncBackendMixin
from celery.exceptions import BackendStoreError, ImproperlyConfigured
from celery.states import FAILURE, SUCCESS

__all__ = ("RedisBackend", "ResultConsumer", "SentinelBackend")

logger = logging.getLogger("celery.backends.redis")

T = TypeVar("T")

#: A string of Redis holds that much.
MAX_STR_VALUE_SIZE = 512 * 1024 * 1024

_store_result = load("store_result")


class RedisBackend(AsyncBackendMixin, BaseKeyValueStoreBackend):
    """The store; thread-safe, and safe to use after a fork.

    Options in ``result_backend_transport_options``: ``global_keyprefix``, ``retry_policy``,
    ``result_chord_ordered`` (True), ``additional_connection_errors``, those of connecting
    (``socket_timeout`` ...), and for sentinels ``master_name``, ``sentinel_kwargs``,
    ``min_other_sentinels``.

    Args:
        host, port, db, password, max_connections: instead of the settings ``redis_*``.
        url: where the store is; without one the settings tell.

    Raises:
        ImproperlyConfigured: the URL or an option makes no sense.
    """

    #: Class that hears of results.
    ResultConsumer: type[ResultConsumer] = ResultConsumer
    #: Exceptions after which an operation may be repeated.
    connection_errors: tuple[type[BaseException], ...] = CONNECTION_ERRORS
    supports_autoexpire = True
    supports_native_join = True
    supports_result_compression = True
    supports_failure_expires = True

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        db: int | None = None,
        password: str | None = None,
        max_connections: int | None = None,
        url: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(expires_type=int, url=url, **kwargs)
        conf = self.app.conf
        self._transport_options: Mapping[str, Any] = conf.result_backend_transport_options or {}
        self.chord_ordered = bool(self._transport_options.get("result_chord_ordered", True))
        self.max_connections = max_connections or conf.redis_max_connections
        given = {"host": host, "port": port, "db": db, "password": password}
        try:
            self.server = RedisServer(self._address(url, given), self._connect_options())
        except ValueError as exc:
            raise ImproperlyConfigured(f"Redis result backend: {exc}") from exc
        self.connection_errors = CONNECTION_ERRORS + tuple(
            symbol_by_name(error)
            for error in self._transport_options.get("additional_connection_errors") or ()
        )
        self._link = SyncLink(self.server, keep=self.max_connections or 10)
        self.result_consumer = self.ResultConsumer(
            self, self.app, self.accept, self._pending_results, self._pending_messages
        )

    def _address(self, url: str | None, given: Mapping[str, Any]) -> RedisAddress:
        conf = self.app.conf
        fields = {
            name: conf.get(f"redis_{name}") if value is None else value
            for name, value in {**given, "username": None}.items()
        }
        if url is None or "://" not in url:
            return RedisAddress(**{k: v for k, v in fields.items() if v is not None})
        address = parse_url(url)
        if address.password is None and address.username is None:
            return address.with_login(fields["username"], fields["password"])
        return address

    def _connect_options(self) -> ConnectOptions:
        conf = self.app.conf
        settings = {
            "socket_timeout": conf.redis_socket_timeout,
            "socket_connect_timeout": conf.redis_socket_connect_timeout
            or conf.redis_socket_timeout,
            "socket_keepalive": conf.redis_socket_keepalive or None,
            "retry_on_timeout": conf.redis_retry_on_timeout,
            "max_connections": self.max_connections,
            "health_check_interval": conf.get("redis_backend_health_check_interval") or 25,
            "client_name": conf.get("redis_client_name"),
            "credential_provider": conf.get("redis_backend_credential_provider"),
            "ssl": conf.redis_backend_use_ssl or False,
        }
        return ConnectOptions.from_mapping(self._transport_options, **settings)

    # -- the server

    @cached_property
    def client(self) -> redis.Redis:
        """A redis-py client of the store."""
        return self.server.client

    @property
    def connparams(self) -> dict[str, Any]:
        """What redis-py's connections to the store are made with."""
        return self.server.connection_kwargs()

    def run(self, *commands: Command) -> list[Any]:
        """Execute commands in one round trip; see `SyncLink.run`."""
        return self._link.run(*commands)

    def as_uri(self, include_password: bool = False) -> str:
        """Return the URL of the store; its password is hidden unless asked for."""
        url = self.url if self.url and "://" in self.url else self.server.address.as_uri()
        if include_password:
            return url
        return ";".join(maybe_sanitize_url(part) for part in url.split(";"))

    @property
    def retry_policy(self) -> dict[str, Any]:  # type: ignore[override]  # the class's, and options
        """How operations are repeated while the server cannot be reached."""
        return {
            **BaseKeyValueStoreBackend.retry_policy,
            **(self._transport_options.get("retry_policy") or {}),
        }

    def ensure(self, fun: Callable[..., T], args: Sequence[Any], **policy: Any) -> T:
        """Call `fun` until the server can be reached, as ``retry_policy`` says."""
        policy = {**self.retry_policy, **policy}
        most = policy.get("max_retries")

        def told(exc: BaseException, intervals: Any, retries: int) -> float:
            return self.on_connection_error(most, exc, intervals, retries)

        result: T = retry_over_time(
            fun, self.connection_errors, args, {}, told, **_retry_arguments(policy)
        )
        return result

    def on_connection_error(
        self, max_retries: int | None, exc: BaseException, intervals: Any, retries: int
    ) -> float:
        """Log that the server cannot be reached; return the seconds until the next try."""
        pause: float = next(intervals)
        logger.error(
            "Connection to Redis lost: Retry (%s/%s) in %.2f second(s): %s",
            retries,
            max_retries or "Inf",
            pause,
            exc,
        )
        return pause

    def exception_safe_to_retry(self, exc: Exception) -> bool:
        """Return whether `exc` says that the server cannot be reached now."""
        return isinstance(exc, self.connection_errors)

    def _read(self, command: Command) -> Any:
        try:
            return self.run(command)[0]
        except redis.exceptions.TimeoutError:
            if not self.server.options.retry_on_timeout:
                raise
            return self.run(command)[0]

    # -- keys and values

    def get(self, key: Any) -> Any:
        return self._read(("GET", key))

    def mget(self, keys: Sequence[Any]) -> Any:
        return self._read(("MGET", *keys)) if keys else []

    def set(self, key: Any, value: Any, **retry_policy: Any) -> Any:
        return self._set_for(key, value, self.expires, retry_policy)

    def _set_with_state(self, key: Any, value: Any, state: str) -> Any:
        if type(self).set is not RedisBackend.set:
            return self.set(key, value)  # a subclass stores in a way of its own
        return self._set_for(key, value, self._expires_in(state), {})

    def _set_for(self, key: Any, value: Any, expires: Any, policy: dict[str, Any]) -> Any:
        self._check_size(value)
        store = ("PSETEX", key, _milliseconds(expires), value) if expires else ("SET", key, value)
        commands = (("MULTI",), store, ("PUBLISH", key, value), ("EXEC",))
        return self.ensure(self.run, commands, **policy)

    def delete(self, key: Any) -> Any:
        return self.run(("DEL", key))[0]

    def incr(self, key: Any) -> int:
        count: int = self.run(("INCR", key))[0]
        return count

    def expire(self, key: Any, value: Any) -> Any:
        return self.run(("EXPIRE", key, int(value)))[0]

    def _expires_in(self, state: str) -> Any:
        if state != FAILURE:
            return self.expires
        of_failures = self.app.conf.get("result_failure_expires")
        return self.expires if of_failures is None else self.prepare_expires(of_failures)

    def _check_size(self, value: Any) -> None:
        if len(value) > MAX_STR_VALUE_SIZE:
            raise BackendStoreError("value too large for Redis backend")

    # -- tasks

    def _store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: Any = None,
        request: Any = None,
        **kwargs: Any,
    ) -> Any:
        if type(self).set is not RedisBackend.set or type(self).get is not RedisBackend.get:
            return super()._store_result(task_id, result, state, traceback, request, **kwargs)
        meta = self._get_result_meta(result, state, traceback, request)
        meta["task_id"] = bytes_to_str(task_id)
        payload = self.encode(meta)
        self._check_size(payload)
        expires = self._expires_in(state)
        arguments = (payload, _milliseconds(expires) if expires else 0)
        keys = [self.get_key_for_task(task_id)]
        (outcome,) = self.ensure(self.run, (_store_result(keys, *arguments, 0),))
        if outcome[0] == b"unclear" and self.decode(outcome[1])["status"] != SUCCESS:
            self.ensure(self.run, (_store_result(keys, *arguments, 1),))
        return result

    def _forget(self, task_id: str) -> None:
        super()._forget(task_id)
        self.result_consumer.cancel_for(task_id)

    # -- chords

    def apply_chord(self, header_result_args: Iterable[Any], body: Any, **kwargs: Any) -> None:
        """Get ready to count; what there is to count is told by :meth:`set_chord_size`."""
        self.ensure_chords_allowed()
        chords.prepare_chord(self, self.app.GroupResult(*header_result_args))

    def set_chord_size(self, group_id: str, chord_size: int) -> None:
        """Take note of how many parts the chord has."""
        chords.set_chord_size(self, group_id, chord_size)

    def add_to_chord(self, chord_id: str, result: Any) -> None:
        """Make a chord that is running wait for one more part."""
        chords.add_to_chord(self, chord_id)

    def on_chord_part_return(
        self, request: Any, state: str, result: Any, propagate: bool | None = None, **kwargs: Any
    ) -> None:
        """Count a part of a chord that has ended, and run the body after the last one."""
        chords.count_part(self, request, state, result)

    def __reduce__(self, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = {"expires": self.expires, "url": self.url, **(kwargs or {})}
        return super().__reduce__(args, kwargs)


class SentinelBackend(RedisBackend):
    """The store behind sentinels: ``sentinel://host:port/db;sentinel://host:port``.

    Needs ``master_name`` in ``result_backend_transport_options``.
    """

    SENTINEL_URL_SEPARATOR: ClassVar[str] = ";"


def _milliseconds(seconds: float) -> int:
    return max(int(seconds * 1000), 1)


def _retry_arguments(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a retry policy that kombu's loop knows."""
    known = ("max_retries", "interval_start", "interval_step", "interval_max")
    return {name: policy[name] for name in known if name in policy}
