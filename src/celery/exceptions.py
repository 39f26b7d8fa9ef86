"""What can go wrong, as classes::

    Exception
    ├── CeleryError
    │   ├── ImproperlyConfigured           a setting is missing or makes no sense
    │   ├── SecurityError                  signing or certificates; missing privileges
    │   ├── TaskPredicate                  raised in a task to choose its outcome
    │   │   ├── Ignore                     do not record an outcome
    │   │   ├── Reject                     give the message back to the broker
    │   │   └── Retry (= RetryTaskError)   the task will be run again
    │   └── TaskError
    │       ├── QueueNotFound              (KeyError) the queue is not in task_queues
    │       ├── IncompleteStream           results are not all there yet
    │       ├── NotRegistered              (KeyError) no task of that name
    │       ├── AlreadyRegistered
    │       ├── TimeoutError               waiting for a result took too long
    │       ├── MaxRetriesExceededError
    │       ├── TaskRevokedError           revoked, terminated or expired
    │       ├── InvalidTaskError           the message is not a valid task
    │       └── ChordError                 a part of the chord failed
    ├── BackendError                       the result store failed
    │   ├── BackendGetMetaError            ... reading
    │   └── BackendStoreError              ... writing
    ├── kombu.exceptions.KombuError
    │   └── OperationalError               the broker cannot be reached, or failed
    ├── billiard.exceptions
    │   ├── SoftTimeLimitExceeded          raised in the task, which may catch it and clean up
    │   ├── TimeLimitExceeded              the task was killed
    │   ├── WorkerLostError                the process that ran the task died
    │   └── Terminated                     the task was terminated by remote control
    └── click.ClickException
        └── CeleryCommandException         ends a command with an exit code
    SystemExit
    ├── WorkerTerminate (= SystemTerminate)   stop now
    └── WorkerShutdown                        finish what runs, then stop
    UserWarning
    └── CeleryWarning
        ├── AlwaysEagerIgnored, DuplicateNodenameWarning, DuplicateTaskNameWarning,
        └── FixupWarning, NotConfigured, SecurityWarning, UnknownSettingWarning
    DeprecationWarning        └── CDeprecationWarning
    PendingDeprecationWarning └── CPendingDeprecationWarning

The classes that come from elsewhere are imported when they are first read, so that
``import celery.exceptions`` loads neither kombu, billiard nor click.
"""

from datetime import datetime
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from celery._late import late

if TYPE_CHECKING:
    from billiard.exceptions import (
        SoftTimeLimitExceeded,
        Terminated,
        TimeLimitExceeded,
        WorkerLostError,
    )
    from kombu.exceptions import OperationalError

    from celery._command_error import CeleryCommandException

__all__ = (
    "AlreadyRegistered",
    "AlwaysEagerIgnored",
    "BackendError",
    "BackendGetMetaError",
    "BackendStoreError",
    "CDeprecationWarning",
    "CPendingDeprecationWarning",
    "CeleryCommandException",
    "CeleryError",
    "CeleryWarning",
    "ChordError",
    "DuplicateNodenameWarning",
    "DuplicateTaskNameWarning",
    "FixupWarning",
    "Ignore",
    "ImproperlyConfigured",
    "IncompleteStream",
    "InvalidTaskError",
    "MaxRetriesExceededError",
    "NotConfigured",
    "NotRegistered",
    "OperationalError",
    "QueueNotFound",
    "Reject",
    "Retry",
    "RetryTaskError",
    "SecurityError",
    "SecurityWarning",
    "SoftTimeLimitExceeded",
    "SystemTerminate",
    "TaskError",
    "TaskPredicate",
    "TaskRevokedError",
    "Terminated",
    "TimeLimitExceeded",
    "TimeoutError",
    "UnknownSettingWarning",
    "WorkerLostError",
    "WorkerShutdown",
    "WorkerTerminate",
    "reraise",
)

#: Name -> the module the class comes from.
_FROM_ELSEWHERE: Final = {
    "CeleryCommandException": "celery._command_error",
    "OperationalError": "kombu.exceptions",
    "SoftTimeLimitExceeded": "billiard.exceptions",
    "Terminated": "billiard.exceptions",
    "TimeLimitExceeded": "billiard.exceptions",
    "WorkerLostError": "billiard.exceptions",
}


def __getattr__(name: str) -> Any:
    if name not in _FROM_ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_FROM_ELSEWHERE[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_FROM_ELSEWHERE})


def reraise(
    tp: type[BaseException], value: BaseException, tb: TracebackType | None = None
) -> NoReturn:
    """Raise `value`, with the traceback `tb` if given (`tp` is kept for the signature's sake)."""
    if tb is not None and value.__traceback__ is not tb:
        raise value.with_traceback(tb)
    raise value


# -- warnings


class CeleryWarning(UserWarning):
    """Base of the warnings."""


class AlwaysEagerIgnored(CeleryWarning):
    """``task_always_eager`` is set, and has no effect on what was called."""


class DuplicateNodenameWarning(CeleryWarning):
    """Several workers answer to the same node name."""


class DuplicateTaskNameWarning(CeleryWarning):
    """Two different functions are registered under one task name."""


class FixupWarning(CeleryWarning):
    """The integration with a framework could not be set up."""


class NotConfigured(CeleryWarning):
    """No configuration module was found: defaults are in effect."""


class SecurityWarning(CeleryWarning):
    """Something is running with more rights than is wise."""


class UnknownSettingWarning(CeleryWarning):
    """The configuration has what looks like a setting of ours and is none, perhaps misspelt."""


class CPendingDeprecationWarning(PendingDeprecationWarning):
    """Will be deprecated."""


class CDeprecationWarning(DeprecationWarning):
    """Will be removed."""


# -- errors of the program


class CeleryError(Exception):
    """Base of the errors about configuration and tasks."""


class ImproperlyConfigured(CeleryError):
    """A setting is missing, or does not make sense."""


class SecurityError(CeleryError):
    """A signature, certificate or privilege is not what it must be."""


# -- what a task raises to choose its outcome


class TaskPredicate(CeleryError):
    """Base of what a task raises to choose its outcome; not an error of the task."""


class Ignore(TaskPredicate):
    """The worker records no outcome for the task; its state stays what it is."""


class Reject(TaskPredicate):
    """The task's message is rejected instead of acknowledged.

    Args:
        reason: Why, for the log.
        requeue: Give the message back to the queue, rather than to its dead-letter exchange
            (where it has one; else it is dropped).
    """

    def __init__(self, reason: object = None, requeue: bool = False) -> None:
        self.reason = reason
        self.requeue = requeue
        super().__init__(reason, requeue)

    def __repr__(self) -> str:
        return f"reject requeue={self.requeue}: {self.reason}"


class Retry(TaskPredicate):
    """The task is to be run again; raised by ``Task.retry``.

    Args:
        message: What to show; if not given, when the retry takes place and why.
        exc: The exception that caused it, or a text that describes it.
        when: Seconds from now, or the time.
        is_eager: The task runs in the calling process, and so will the retry.
        sig: Signature of the next run.
        **kwargs: Accepted and ignored: some callers pass on all they have.
    """

    message: str | None
    exc: BaseException | None
    #: Text of `exc`.
    excs: str | None
    when: float | datetime | None
    #: The state RETRY is stored already.
    is_stored = False

    def __init__(
        self,
        message: str | None = None,
        exc: BaseException | str | None = None,
        when: float | datetime | None = None,
        is_eager: bool = False,
        sig: Any = None,
        **kwargs: object,
    ) -> None:
        self.message = message
        if isinstance(exc, str):
            self.exc, self.excs = None, exc
        else:
            self.exc, self.excs = exc, _describe(exc)
        self.when = when
        self.is_eager = is_eager
        self.sig = sig
        super().__init__(message, exc, when)

    def humanize(self) -> str:
        """Say when: ``"in 3.0s"`` or ``"at 2030-01-01 00:00:00"``."""
        if isinstance(self.when, int | float):
            return f"in {self.when}s"
        return f"at {self.when}"

    def __str__(self) -> str:
        if self.message:
            return self.message
        if self.excs:
            return f"Retry {self.humanize()}: {self.excs}"
        return f"Retry {self.humanize()}"

    def __reduce__(self) -> tuple[type["Retry"], tuple[object, ...]]:
        # The signature stays behind: it belongs to the process that sent the retry.
        if self.exc is None:
            return type(self), (self.message, self.excs, self.when)
        pickleable = late("celery.utils.serialization:get_pickleable_exception")
        return type(self), (self.message, pickleable(self.exc), self.when)


RetryTaskError = Retry


def _describe(exc: BaseException | None) -> str | None:
    """Return the representation of `exc`, also if that raises: it is only shown."""
    if exc is None:
        return None
    try:
        return repr(exc)
    except Exception as error:
        return f"<{type(exc).__name__}: repr() raised {type(error).__name__}>"


# -- errors about tasks


class TaskError(CeleryError):
    """Base of the errors about tasks, their messages and their results."""


class QueueNotFound(KeyError, TaskError):
    """The task is routed to a queue that ``task_queues`` does not have."""


class IncompleteStream(TaskError):
    """Not all results of the tree are there yet."""


class NotRegistered(KeyError, TaskError):
    """No task of that name is registered."""

    def __repr__(self) -> str:
        return UNREGISTERED_FMT.format(self)


#: Text of :exc:`NotRegistered`; part of the worker's log.
UNREGISTERED_FMT: Final = "Task of kind {0} never registered, please make sure it's imported."


class AlreadyRegistered(TaskError):
    """A task of that name is registered already."""


class TimeoutError(TaskError):
    """Waiting for a result took longer than asked."""


class MaxRetriesExceededError(TaskError):
    """The task was to be retried more often than ``max_retries``.

    Attributes:
        task_args: Positional arguments of the task.
        task_kwargs: Keyword arguments of the task.
    """

    def __init__(self, *args: object, **kwargs: Any) -> None:
        self.task_args: Any = kwargs.pop("task_args", [])
        self.task_kwargs: Any = kwargs.pop("task_kwargs", {})
        super().__init__(*args)


class TaskRevokedError(TaskError):
    """The task was revoked, terminated, or too old to be run: there is no result."""


class InvalidTaskError(TaskError):
    """The message, or the call, is not a valid task."""


class ChordError(TaskError):
    """A part of the chord failed, so its body is not run."""


# -- errors of the result store


class BackendError(Exception):
    """The result store failed."""


class BackendGetMetaError(BackendError):
    """The state of the task `task_id` could not be read."""

    def __init__(self, *args: object, task_id: str = "", **kwargs: object) -> None:
        self.task_id = task_id
        super().__init__(*args)

    def __repr__(self) -> str:
        return f"{super().__repr__()} task_id:{self.task_id}"


class BackendStoreError(BackendError):
    """The state `state` of the task `task_id` could not be written."""

    def __init__(self, *args: object, state: str = "", task_id: str = "", **kwargs: object) -> None:
        self.state = state
        self.task_id = task_id
        super().__init__(*args)

    def __repr__(self) -> str:
        return f"{super().__repr__()} state:{self.state} task_id:{self.task_id}"


# -- leaving the worker


class WorkerTerminate(SystemExit):
    """Stop the worker at once."""


SystemTerminate = WorkerTerminate


class WorkerShutdown(SystemExit):
    """Stop the worker when what it runs has finished."""
