"""Message to strategy, and what becomes of messages that are no task of this worker.

==========================  ============================================  ==================
message                     outcome                                       signal
==========================  ============================================  ==================
of a registered task        to its strategy                               (task_received)
of an unknown task          rejected, FAILURE NotRegistered               task_unknown
a task's, with an           rejected                                      none
impossible value in it
no task's                   rejected                                      task_rejected
undecodable                 acknowledged                                  task_rejected
==========================  ============================================  ==================

Each has a log line that names what is wrong; none of them stops the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kombu.exceptions import ContentDisallowed, DecodeError
from kombu.serialization import prepare_accept_content, registry

from celery._message.context import Context
from celery._message.decode import decode_body
from celery._message.headers import EMBED_EMPTY
from celery.exceptions import InvalidTaskError, NotRegistered
from celery.signals import task_rejected, task_unknown
from celery.utils.log import get_logger
from celery.utils.saferepr import saferepr
from celery.utils.text import truncate

if TYPE_CHECKING:
    from celery._broker.delivery import Delivery

__all__ = ["MessageHandlers", "dump_body"]

logger = get_logger("celery.worker.consumer.consumer")

#: Characters of a body in the log at most.
BODY_LIMIT = 1024

UNKNOWN_FORMAT = """\
Received and deleted unknown message.  Wrong destination?!?

It has no 'task' header, and its body is no mapping with a 'task' either: nothing that this worker
could run. Who published it may have meant another queue.

The full contents of the message body was: %s
"""

UNKNOWN_TASK = """\
Received unregistered task of type %s.
The message has been ignored and discarded.

Is the module that defines the task imported by this worker? List it in the settings 'imports' or
'include', or let the app autodiscover it; 'celery inspect registered' shows what there is.

The full contents of the message body was:
%s

The full contents of the message headers:
%s

The delivery info for this task is:
%s
"""

INVALID_TASK = """\
Received invalid task message: %s
The message has been ignored and discarded.

The body of the message was: %s
Its headers were: %s
"""

UNDECODABLE = """\
Can't decode message body: %r [type:%r encoding:%r headers:%s]

body: %s
"""


def dump_body(message: Any, body: Any) -> str:
    """A body and its size, for the log."""
    body = message.body if body is None else body
    size = len(message.body) if message.body is not None else 0
    return f"{truncate(saferepr(body), BODY_LIMIT)} ({size}b)"


class MessageHandlers:
    """The part of the consumer that messages arrive at."""

    app: Any
    hostname: str
    #: Sends events.
    task_events: Any
    #: What is called with the message of each task, by task name.
    strategies: dict[str, Callable[..., None]]
    #: Called with each request before it goes to the pool.
    on_task_message: set[Callable[[Any], Any]]
    connection_errors: tuple[type[BaseException], ...]

    def create_task_handler(self) -> Callable[[Delivery], None]:
        """What is called with each delivery."""
        accept = prepare_accept_content(self.app.conf.accept_content)
        self._accept = frozenset(accept) if accept is not None else None
        return self.on_delivery

    _accept: frozenset[str] | None = None

    def on_delivery(self, message: Delivery) -> None:
        """Hand a delivery to the strategy of its task."""
        message.accept = self._accept
        payload = None
        try:
            name = message.headers["task"]
        except (KeyError, TypeError):
            try:
                payload = message.payload
            except Exception as exc:
                self.on_decode_error(message, exc)
                return
            if not isinstance(payload, Mapping) or "task" not in payload:
                self.on_unknown_message(payload, message)
                return
            name = payload["task"]
        try:
            strategy = self.strategies[name]
        except (KeyError, TypeError) as exc:
            self.on_unknown_task(payload, message, exc, name)
            return
        self._apply_strategy(strategy, message, payload)

    def _apply_strategy(
        self, strategy: Callable[..., None], message: Delivery, payload: Any
    ) -> None:
        try:
            if self._accept is not None and message.content_type not in self._accept:
                raise _refused(message.content_type)
            strategy(
                message,
                payload,
                message.ack_log_error,
                message.reject_log_error,
                self.on_task_message,
            )
        except (InvalidTaskError, ContentDisallowed) as exc:
            self.on_invalid_task(payload, message, exc)
        except DecodeError as exc:
            self.on_decode_error(message, exc)
        except Exception as exc:
            logger.exception("Cannot make a task of a message: %r", exc)
            if not message.acknowledged:
                self.on_invalid_task(payload, message, exc)

    def on_unknown_message(self, body: Any, message: Delivery) -> None:
        """A message that is no task's: rejected."""
        logger.warning(UNKNOWN_FORMAT, _dump_message(message, body))
        message.reject_log_error(logger, self.connection_errors)
        task_rejected.send(sender=self, message=message, exc=None)

    def on_unknown_task(
        self, body: Any, message: Delivery, exc: BaseException, name: Any = None
    ) -> None:
        """A task that is not registered here: rejected, and failed with `NotRegistered`."""
        fields = body if isinstance(body, Mapping) else message.headers
        name = fields.get("task") if name is None else name
        task_id = fields.get("id")
        logger.error(
            UNKNOWN_TASK,
            repr(name),
            dump_body(message, body),
            message.headers,
            message.delivery_info,
        )
        message.reject_log_error(logger, self.connection_errors)
        if task_id is not None:
            self._record_unknown(message, fields, str(task_id), NotRegistered(name))
        task_unknown.send(sender=self, message=message, exc=exc, name=name, id=task_id)

    def _record_unknown(
        self, message: Delivery, fields: Mapping[str, Any], task_id: str, error: NotRegistered
    ) -> None:
        """Those who wait for the task, its chord and its errbacks are told that it will not run."""
        context = Context({**fields, **_embedded(message)})
        for field in ("reply_to", "correlation_id"):
            setattr(context, field, message.properties.get(field))
        try:
            self.app.backend.mark_as_failure(task_id, error, request=context)
        except Exception as exc:
            logger.exception("Cannot record that task %s is not registered: %r", task_id, exc)
        self.task_events.send("task-failed", uuid=task_id, exception=f"{error!r}")

    def on_invalid_task(self, body: Any, message: Delivery, exc: BaseException) -> None:
        """A task's message that says something impossible: rejected."""
        logger.error(INVALID_TASK, exc, dump_body(message, body), message.headers, exc_info=exc)
        message.reject_log_error(logger, self.connection_errors)

    def on_decode_error(self, message: Delivery, exc: BaseException) -> None:
        """A body that cannot be read: acknowledged."""
        logger.critical(
            UNDECODABLE,
            exc,
            message.content_type,
            message.content_encoding,
            saferepr(message.headers),
            dump_body(message, message.body),
            exc_info=exc,
        )
        message.ack_log_error(logger, self.connection_errors)
        task_rejected.send(sender=self, message=message, exc=exc)


def _refused(content_type: str) -> ContentDisallowed:
    name = registry.type_to_name.get(content_type, content_type)
    return ContentDisallowed(
        f"Refusing to deserialize untrusted content of type {name} ({content_type}): "
        "add it to the setting 'accept_content' if you trust who publishes it"
    )


def _embedded(message: Delivery) -> Mapping[str, Any]:
    """What was to follow a task: its callbacks and its chord; nothing if that cannot be read."""
    try:
        payload = message.payload
        if isinstance(payload, Mapping):
            return {key: payload.get(key) for key in EMBED_EMPTY}
        return decode_body(payload)[2]
    except Exception:  # whatever the body is, the failure itself can still be recorded
        return EMBED_EMPTY


def _dump_message(message: Any, body: Any) -> str:
    return (
        f"body: {dump_body(message, body)}\n"
        f"{{content_type:{message.content_type!r} content_encoding:{message.content_encoding!r}\n"
        f"  delivery_info:{message.delivery_info} headers={message.headers}}}"
    )
