"""What one delivery says about the task it calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any

from kombu.compression import decompress

from celery._message.decode import decode_body, parse_time
from celery._message.headers import EMBED_EMPTY, STANDARD_HEADERS
from celery.exceptions import InvalidTaskError
from celery.utils.nodenames import gethostname
from celery.utils.saferepr import saferepr

if TYPE_CHECKING:
    from celery._message.context import Context

__all__ = ["Received"]

#: Headers that the protocol, kombu or a broker adapter adds; the others are the caller's own.
_NOT_THE_CALLERS = STANDARD_HEADERS | {"compression", "redelivered", "x-delivery-count"}


class Received:
    """One delivery of a task: its headers, and what follows from them.

    Args:
        message: the delivery (a `kombu.Message` or what looks like one).
        on_ack, on_reject: settle it; called with (logger, errors) and (logger, errors, requeue).
            By default the message's own methods.
        hostname: of this worker.
        eventer: sends the task's events; None: nobody does.
        app, task: the application and the task of it.
        connection_errors: exceptions of settling that are logged, not raised.
        request_dict: the headers; by default those of the message.
        body, headers, decoded, utc: what `proto1_to_proto2` and its kin return.

    Raises:
        InvalidTaskError: a header that every task needs is missing, or one cannot be understood.
    """

    acknowledged = False
    #: Epoch time of the start, None before.
    time_start: float | None = None
    #: Process that runs it, None before.
    worker_pid: int | None = None
    _payload: Any = None

    def __init__(  # noqa: PLR0913  # the documented constructor
        self,
        message: Any,
        on_ack: Callable[..., Any] | None = None,
        hostname: str | None = None,
        eventer: Any = None,
        app: Any = None,
        connection_errors: tuple[type[BaseException], ...] | None = None,
        request_dict: Mapping[str, Any] | None = None,
        task: Any = None,
        on_reject: Callable[..., Any] | None = None,
        body: Any = None,
        headers: Mapping[str, Any] | None = None,
        decoded: bool = False,
        utc: bool = True,
        **opts: Any,
    ) -> None:
        self.message = message
        source = request_dict or (message.headers if headers is None else headers)
        fields: dict[str, Any] = dict(source)
        self.request_dict = fields
        self.id: str = _text(fields, "id")
        self.type: str = _text(fields, "task")
        self._limits = _limits(fields.get("timelimit"))
        self.app = app
        self.task = app.tasks[self.type] if task is None else task
        self.hostname = hostname or gethostname()
        self.eventer = eventer
        self.connection_errors = connection_errors or ()
        self.on_ack = on_ack or message.ack_log_error
        self.on_reject = on_reject or message.reject_log_error
        self.name: str = fields.get("shadow") or self.type
        self.body = message.body if body is None else body
        self.decoded = decoded
        if decoded:
            self.content_type = self.content_encoding = None
        else:
            self.content_type = message.content_type
            self.content_encoding = message.content_encoding
            if fields.get("compression"):
                self.body = decompress(self.body, fields["compression"])
        eta, expires = fields.get("eta"), fields.get("expires")
        zone = UTC if utc else app.timezone
        self.eta = None if eta is None else parse_time("eta", eta, zone)
        self.expires = None if expires is None else parse_time("expires", expires, zone)
        self._complete(fields, message)

    def _complete(self, fields: dict[str, Any], message: Any) -> None:
        """Add to the headers what the task is to see of its delivery."""
        properties, delivery = message.properties, message.delivery_info or {}
        self.delivery_info = {
            "exchange": delivery.get("exchange"),
            "routing_key": delivery.get("routing_key"),
            "priority": properties.get("priority"),
            "redelivered": bool(delivery.get("redelivered")),
        }
        fields["headers"] = _callers_own(message.headers or {})
        fields["properties"] = properties
        fields["reply_to"] = properties.get("reply_to")
        fields["correlation_id"] = properties.get("correlation_id")
        fields["hostname"] = self.hostname
        fields["delivery_info"] = self.delivery_info

    # -- what the message says

    @property
    def task_id(self) -> str:
        """The same as `id`."""
        return self.id

    @property
    def task_name(self) -> str:
        """The same as `name`."""
        return self.name

    @property
    def payload(self) -> tuple[Any, Any, Mapping[str, Any]]:
        """(args, kwargs, embed), decoded when first asked for.

        Raises:
            Exception: the body is not what it says it is.
        """
        if self._payload is None:
            body = self.body if self.decoded else self.message.payload
            self._payload = decode_body(body)
        return self._payload  # type: ignore[no-any-return]  # an attribute third parties set

    @property
    def _readable(self) -> tuple[Any, Any, Mapping[str, Any]]:
        """The payload, or an empty one if it cannot be decoded: for who only shows it."""
        try:
            return self.payload
        except Exception:  # the body may be anything; whoever runs the task tells what is wrong
            return (), {}, EMBED_EMPTY

    @property
    def args(self) -> Any:
        """Positional arguments."""
        return self.payload[0]

    @property
    def kwargs(self) -> Any:
        """Keyword arguments."""
        return self.payload[1]

    @property
    def argsrepr(self) -> str:
        """Bounded text of the arguments, for events and logs."""
        return self.request_dict.get("argsrepr") or saferepr(self._readable[0])

    @property
    def kwargsrepr(self) -> str:
        """Bounded text of the keyword arguments, for events and logs."""
        return self.request_dict.get("kwargsrepr") or saferepr(self._readable[1])

    @property
    def root_id(self) -> str | None:
        """Id of the task that began it all."""
        return self.request_dict.get("root_id")

    @property
    def parent_id(self) -> str | None:
        """Id of the task that sent this one."""
        return self.request_dict.get("parent_id")

    @property
    def group(self) -> str | None:
        """Id of the group it is part of."""
        return self.request_dict.get("group")

    @property
    def group_index(self) -> int | None:
        """Its place in the group."""
        return self.request_dict.get("group_index")

    @property
    def reply_to(self) -> str | None:
        """Where a result sent as a message goes."""
        return self.request_dict.get("reply_to")

    @property
    def correlation_id(self) -> str:
        """What its result is recognised by."""
        return self.request_dict.get("correlation_id") or self.id

    @property
    def stamped_headers(self) -> Any:
        """Names of its stamps."""
        return self.request_dict.get("stamped_headers") or []

    @property
    def stamps(self) -> dict[str, Any]:
        """Its stamps by name."""
        stamps = self.request_dict.get("stamps") or {}
        return {name: stamps.get(name) for name in self.stamped_headers}

    @property
    def ignore_result(self) -> bool:
        """Nobody wants the result."""
        explicit = self.request_dict.get("ignore_result")
        return bool(self.task.ignore_result if explicit is None else explicit)

    @property
    def store_errors(self) -> bool:
        """Failures are stored."""
        return not self.ignore_result or bool(self.task.store_errors_even_if_ignored)

    @property
    def time_limits(self) -> tuple[float | None, float | None]:
        """(hard, soft) in seconds: those of the message, else those of the task."""
        hard, soft = self._limits
        task = self.task
        return hard or task.time_limit, soft or task.soft_time_limit

    @property
    def chord(self) -> Any:
        """The body of the chord it is part of."""
        return self.payload[2].get("chord")

    @property
    def errbacks(self) -> Any:
        """What to call when it fails."""
        return self.payload[2].get("errbacks")

    @property
    def context(self) -> Context:
        """The request as the task sees it (`self.request`), for backends and signals."""
        args, kwargs, embed = self._readable
        fields = {**self.request_dict, **embed, "args": args, "kwargs": kwargs}
        context: Context = self.task.make_context(fields)
        return context

    _context = context

    # -- as text and as data

    def info(self, safe: bool = False) -> dict[str, Any]:
        """What `inspect` shows. With `safe` the arguments are texts."""
        return {
            "id": self.id,
            "name": self.name,
            "args": self.argsrepr if safe else self._readable[0],
            "kwargs": self.kwargsrepr if safe else self._readable[1],
            "type": self.type,
            "hostname": self.hostname,
            "time_start": self.time_start,
            "acknowledged": self.acknowledged,
            "delivery_info": self.delivery_info,
            "worker_pid": self.worker_pid,
        }

    def humaninfo(self) -> str:
        """Name and id."""
        return f"{self.name}[{self.id}]"

    def __str__(self) -> str:
        eta = f" ETA:[{self.eta}]" if self.eta else ""
        expires = f" expires:[{self.expires}]" if self.expires else ""
        return f"{self.humaninfo()}{eta}{expires}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.humaninfo()} {self.argsrepr} {self.kwargsrepr}>"


def _text(fields: Mapping[str, Any], name: str) -> str:
    """A header that every task needs.

    Raises:
        InvalidTaskError: it is missing, or no text.
    """
    value = fields.get(name)
    if not isinstance(value, str):
        raise InvalidTaskError(f"Header {name!r} of a task must be text, not {value!r}")
    return value


def _limits(value: Any) -> tuple[float | None, float | None]:
    """The header ``timelimit``: (hard, soft) in seconds.

    Raises:
        InvalidTaskError: it is no pair of numbers.
    """
    if value is None:
        return None, None
    try:
        hard, soft = value
        return None if hard is None else float(hard), None if soft is None else float(soft)
    except (TypeError, ValueError) as exc:
        raise InvalidTaskError(f"Header 'timelimit' is no pair of numbers: {value!r}") from exc


def _callers_own(headers: Mapping[str, Any]) -> dict[str, Any] | None:
    """The headers that the caller has added, None if there are none.

    Tracing tools send theirs nested in a header of the name ``headers``; they are among them.
    """
    own = {name: headers[name] for name in headers.keys() - _NOT_THE_CALLERS}
    nested = own.pop("headers", None)
    if isinstance(nested, Mapping):
        own.update(nested)
    return own or None
