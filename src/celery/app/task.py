"""The task: a function with a name, its options, and the ways to call it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from kombu.exceptions import OperationalError
from kombu.utils.uuid import uuid

from celery._execution.run import ignores_result as get_actual_ignore_result
from celery._message.context import Context
from celery._state import get_current_app, pop_current_task, push_current_task
from celery.app._eager import eager_request, run_eagerly, through_serializer
from celery.app._options import check_limits, exec_options
from celery.app._replace import add_to_chord, replace, send_replacement
from celery.app._retry import retry_task
from celery.app._task_binding import TaskBinding
from celery.canvas import chunks as chunks_signature
from celery.canvas import signature, xmap, xstarmap
from celery.exceptions import MaxRetriesExceededError, Retry
from celery.result import EagerResult, denied_join_result
from celery.utils.imports import instantiate

if TYPE_CHECKING:
    from celery.app.base import Celery
    from celery.canvas import Signature

__all__ = ["BaseTask", "Context", "Task", "get_actual_ignore_result"]


def _reconstruct(name: str, module: str) -> Any:
    """Unpickle a task: the one of that name in the current app."""
    import_module(module)
    return get_current_app().tasks[name]


class Task(TaskBinding):
    """Base of all tasks. Subclass it to share behaviour, or to write a task as a class.

    A task exists once per process and app: attributes set in `run` outlive the call.

    Example:
        >>> class Greeter(Task):
        ...     name = "greeter"
        ...     def run(self, who):
        ...         return f"hello {who}"
    """

    __trace__: Any = None
    __v2_compat__ = False
    __header__: Callable[..., Any] | None = None

    MaxRetriesExceededError: ClassVar[type[Exception]] = MaxRetriesExceededError
    OperationalError: ClassVar[type[Exception]] = OperationalError

    #: Class of the strategy that turns deliveries of this task into requests, as a dotted name.
    Strategy: Any = "celery.worker.strategy:default"
    #: Class of those requests.
    Request: Any = "celery.worker.request:Request"

    _backend: Any = None
    abstract = True
    name: str = None  # type: ignore[assignment]  # set by the decorator or by the class
    typing: bool | None = None
    max_retries: int | None = 3
    default_retry_delay: float = 180
    rate_limit: Any = None
    ignore_result: bool = None  # type: ignore[assignment]  # taken from the settings when bound
    trail = True
    send_events = True
    store_errors_even_if_ignored: bool | None = None
    store_eager_result: bool | None = None
    serializer: str | None = None
    time_limit: float | None = None
    soft_time_limit: float | None = None
    track_started: bool | None = None
    acks_late: bool | None = None
    acks_on_failure_or_timeout: bool | None = None
    acks_on_failure: bool | None = None
    acks_on_timeout: bool | None = None
    reject_on_worker_lost: bool | None = None
    retry_on_worker_lost: bool | None = None
    throws: tuple[type[BaseException], ...] = ()
    expires: Any = None
    priority: int | None = None
    resultrepr_maxsize = 1024
    _default_request: Context | None = None

    # -- running

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task here and now, as a plain function."""
        self._get_app()
        push_current_task(self)
        self.request_stack.push(Context(args=args, kwargs=kwargs))
        try:
            return self.run(*args, **kwargs)
        finally:
            self.request_stack.pop()
            pop_current_task()

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """The body of the task; a class-based task defines it."""
        raise NotImplementedError("Tasks must define the run method.")

    def start_strategy(self, app: Celery, consumer: Any, **kwargs: Any) -> Any:
        """The function a worker hands this task's deliveries to."""
        return instantiate(self.Strategy, self, app, consumer, **kwargs)

    # -- calling

    def delay(self, *args: Any, **kwargs: Any) -> Any:
        """Send the task; the arguments are the task's own. See `apply_async` for options."""
        return self.apply_async(args, kwargs)

    def apply_async(
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        task_id: str | None = None,
        producer: Any = None,
        link: Any = None,
        link_error: Any = None,
        shadow: str | None = None,
        **options: Any,
    ) -> Any:
        """Send the task to a worker.

        Args:
            args, kwargs: the task's arguments.
            task_id: the id to use; a new one by default.
            producer: a kombu producer to publish with.
            link, link_error: signature(s) to call after success, or after failure.
            shadow: name to show in logs and monitors instead of the task's own.
            options: see `celery.app._options.ApplyOptions`: countdown (seconds), eta, expires,
                queue, priority, serializer, time_limit (seconds) and so on. A key that is no
                option becomes a property of the message.

        Returns:
            AsyncResult: to ask about, wait for, or revoke the task.

        Raises:
            TypeError: the arguments do not fit the task's signature (if `typing` is on).
            ValueError: the task's own soft time limit is greater than its hard one.
            kombu.exceptions.OperationalError: the broker cannot be reached; whether the message
                went out is then not known.
        """
        app = self._get_app()
        if self.typing and self.__header__ is not None:
            self.__header__(*(args or ()), **(kwargs or {}))
        check_limits(self.soft_time_limit, self.time_limit)
        merged = {**exec_options(self), "ignore_result": self.ignore_result, **options}
        shadow = shadow or self.shadow_name(args, kwargs, options)
        if app.conf.task_always_eager:
            serializer = merged.get("serializer") or app.conf.task_serializer
            args, kwargs = through_serializer(serializer, args, kwargs)
            with denied_join_result():
                return self.apply(args, kwargs, link, link_error, task_id, **merged)
        return app.send_task(
            self.name,
            args,
            kwargs,
            task_id=task_id,
            producer=producer,
            link=link,
            link_error=link_error,
            shadow=shadow,
            result_cls=self.AsyncResult,
            task_type=self,
            **merged,
        )

    def shadow_name(self, args: Any, kwargs: Any, options: Any) -> str | None:
        """Override to show another name in logs and monitors, depending on the call."""
        return None

    def apply(  # noqa: PLR0913  # the documented signature
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        link: Any = None,
        link_error: Any = None,
        task_id: str | None = None,
        retries: int = 0,
        throw: bool | None = None,
        logfile: str | None = None,
        loglevel: int | None = None,
        headers: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> EagerResult[Any]:
        """Run the task here and now, through the same code as in a worker.

        Args:
            throw: let the task's exception out; default: the setting `task_eager_propagates`.
            retries: how often it has been retried so far. A retry is run at once.

        Returns:
            EagerResult: finished.
        """
        app = self._get_app()
        task = app._tasks.get(self.name, self)
        request = eager_request(
            task,
            task_id or uuid(),
            {**options, "logfile": logfile, "loglevel": loglevel},
            retries=retries,
            link=link,
            link_error=link_error,
            headers=headers,
        )
        throw = app.conf.task_eager_propagates if throw is None else throw
        return run_eagerly(task, args or (), dict(kwargs or {}), request, throw=throw)

    def retry(  # the documented signature
        self,
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        exc: BaseException | None = None,
        throw: bool = True,
        eta: Any = None,
        countdown: float | None = None,
        max_retries: int | None = None,
        **options: Any,
    ) -> Retry:
        """Send the task again, with the same id, to be run later; see `celery.app._retry`.

        Raises:
            Retry: always, unless `throw` is false: nothing after the call is run.
            MaxRetriesExceededError: no retry is left and no `exc` was given.
        """
        return retry_task(
            self,
            args,
            kwargs,
            exc=exc,
            throw=throw,
            eta=eta,
            countdown=countdown,
            max_retries=max_retries,
            options=options,
        )

    # -- signatures

    def subtask(self, args: Any = None, *starargs: Any, **starkwargs: Any) -> Signature:
        """A signature of this task."""
        starkwargs.setdefault("app", self.app)
        made: Signature = signature(self, args, *starargs, **starkwargs)
        return made

    signature = subtask

    def s(self, *args: Any, **kwargs: Any) -> Signature:
        """A signature of this task with these arguments."""
        return self.subtask(args, kwargs)

    def si(self, *args: Any, **kwargs: Any) -> Signature:
        """An immutable signature: it takes no arguments from the task before it."""
        return self.subtask(args, kwargs, immutable=True)

    def signature_from_request(
        self,
        request: Context | None = None,
        args: Any = None,
        kwargs: Any = None,
        queue: Any = None,
        **extra_options: Any,
    ) -> Signature:
        """A signature that would send the request again."""
        request = self.request if request is None else request
        args = request.args if args is None else args
        kwargs = request.kwargs if kwargs is None else kwargs
        options = {**request.as_execution_options(), **extra_options}
        delivery = request.delivery_info or {}
        priority = delivery.get("priority")
        if priority is not None:
            options.setdefault("priority", priority)
        if queue:
            options["queue"] = queue
        else:
            exchange, routing_key = delivery.get("exchange"), delivery.get("routing_key")
            if exchange == "" and routing_key:
                options["queue"] = routing_key
            elif routing_key:
                options.update(exchange=exchange, routing_key=routing_key)
        known = {key: value for key, value in options.items() if value is not None}
        return self.signature(args, kwargs, **known)

    subtask_from_request = signature_from_request

    def chunks(self, it: Iterable[Any], n: int) -> Signature:
        """A signature that calls the task for each item, `n` items to a message."""
        return chunks_signature(self.s(), it, n, app=self.app)

    def map(self, it: Iterable[Any]) -> Signature:
        """One message that calls the task for each item."""
        return xmap(self.s(), it, app=self.app)

    def starmap(self, it: Iterable[Any]) -> Signature:
        """One message that calls the task for each item, the item being the arguments."""
        return xstarmap(self.s(), it, app=self.app)

    # -- from inside a running task

    def replace(self, sig: Signature) -> Any:
        """Let another signature take this task's place: its result becomes this task's result."""
        return replace(self, sig)

    def add_to_chord(self, sig: Signature, lazy: bool = False) -> Any:
        """Add a member to the chord of which this task is a member."""
        return add_to_chord(self, sig, lazy)

    def update_state(
        self, task_id: str | None = None, state: str | None = None, meta: Any = None, **kwargs: Any
    ) -> None:
        """Store a state of your own, for example progress, under the id of the running task."""
        self.backend.store_result(
            task_id or self.request.id, meta, state, request=self.request, **kwargs
        )

    def send_event(
        self, type_: str, retry: bool = True, retry_policy: Any = None, **fields: Any
    ) -> None:
        """Send a monitoring event of your own; the task's id is added."""
        request = self.request
        policy = self.app.conf.task_publish_retry_policy if retry_policy is None else retry_policy
        with self.app.events.default_dispatcher(hostname=request.hostname) as dispatcher:
            dispatcher.send(type_, uuid=request.id, retry=retry, retry_policy=policy, **fields)

    def add_trail(self, result: Any) -> Any:
        """Remember a result as a child of the running task."""
        if self.trail:
            self.request.children.append(result)
        return result

    def push_request(self, *args: Any, **kwargs: Any) -> None:
        """Make a request current, as the worker does; for tests."""
        self._get_app()
        self.request_stack.push(Context(*args, **kwargs))

    def pop_request(self) -> None:
        """Undo `push_request`."""
        self.request_stack.pop()

    def make_context(self, request: Mapping[str, Any]) -> Context:
        """A request of these fields."""
        return Context(request)

    # -- handlers, all of them to be overridden

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        """Called just before the body; an exception here fails the task."""

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        """Called after the result is stored."""

    def on_retry(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Called after RETRY is stored."""

    def on_failure(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Called after FAILURE is stored and the errbacks are called."""

    def after_return(
        self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        """Called last, after success and after failure."""

    def on_replace(self, sig: Signature) -> Any:
        """Called by `replace` with what takes the task's place; must return what this returns."""
        return send_replacement(self, sig)

    # -- properties

    def AsyncResult(self, task_id: str, **kwargs: Any) -> Any:  # the documented name
        """The result of a call of this task, by id."""
        return self._get_app().AsyncResult(
            task_id, backend=self.backend, task_name=self.name, **kwargs
        )

    @property
    def request(self) -> Context:
        """The request that is running here; outside of one, a request with the defaults."""
        stack = getattr(self, "request_stack", None)
        top: Context | None = stack.top if stack is not None else None
        if top is not None:
            return top
        if self._default_request is None:
            self._default_request = Context()
        return self._default_request

    @property
    def backend(self) -> Any:
        """The result backend: the task's own, or the app's."""
        return self._backend if self._backend is not None else self.app.backend

    @backend.setter
    def backend(self, value: Any) -> None:
        self._backend = value

    @property
    def __name__(self) -> str:
        return str(type(self).__name__)

    def __repr__(self) -> str:
        if self._app is None:
            return f"<unbound task: {self.name}>"
        return f"<@task: {self.name} of {self.app.main} at {id(self):#x}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_reconstruct, (self.name, type(self).__module__))


#: The name under which old code knows it.
BaseTask = Task
