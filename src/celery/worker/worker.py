"""The worker: a blueprint of parts, started and stopped together.

`celery.apps.worker.Worker` is the program around it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from celery import bootsteps, signals
from celery._execution.failure import capture
from celery.bootsteps import TERMINATE
from celery.exceptions import ImproperlyConfigured, TaskRevokedError, WorkerTerminate
from celery.platforms import EX_FAILURE, EX_OK, create_pidlock
from celery.utils.imports import reload_from_cwd
from celery.utils.log import get_logger
from celery.utils.nodenames import default_nodename, worker_direct
from celery.utils.text import str_to_list
from celery.utils.threads import default_socket_timeout
from celery.worker import _options, state
from celery.worker._hub import Hub
from celery.worker._inline import InlineRunner
from celery.worker._shutdown import Cause, Reaction, Shutdown, Stage

try:
    import resource
except ImportError:  # not on this system
    resource = None  # type: ignore[assignment]

__all__ = ["WorkController"]

logger = get_logger(__name__)

#: Seconds that network calls may take while the worker stops.
SHUTDOWN_SOCKET_TIMEOUT = 5.0

SELECT_UNKNOWN_QUEUE = """\
Trying to select queue subset of {0!r}, but queue {1} isn't defined in the `task_queues` setting.

Unknown names are declared by themselves if the setting `task_create_missing_queues` is on.
"""
DESELECT_UNKNOWN_QUEUE = """\
Trying to deselect queue subset of {0!r}, but queue {1} isn't defined in the `task_queues` setting.
"""


class WorkController:
    """A worker, without program around it.

    Args:
        app: the application; `app.WorkController` has it already.
        hostname: node name, such as ``w1@host``.
        **kwargs: options of the command line: see `WorkerOptions`; besides `queues`,
            `exclude_queues`, `include`, `pidfile`, `ready_callback`, `autoscale`, `beat`, and what
            the boot steps take.
    """

    app: Any = None
    pidlock: Any = None
    blueprint: Any = None
    pool: Any = None
    hub: Hub | None = None
    timer: Any = None
    consumer: Any = None
    #: Runs tasks on the loop's thread, for a pool that is no place of its own (solo).
    inline: InlineRunner | None = None
    #: Exists for boot steps that ask for it: the pool bounds itself.
    semaphore: Any = None
    autoscaler: Any = None
    exitcode: int | None = None
    use_eventloop = True
    # Of `WorkerOptions`, see `setup_defaults`.
    concurrency: int
    loglevel: int
    logfile: str | None
    task_events: bool
    pool_cls: Any

    class Blueprint(bootsteps.Blueprint):
        """The worker's steps."""

        name = "Worker"
        default_steps = {
            "celery.worker.components:Hub",
            "celery.worker.components:Pool",
            "celery.worker.components:Beat",
            "celery.worker.components:Timer",
            "celery.worker.components:StateDB",
            "celery.worker.components:Consumer",
            "celery.worker.autoscale:WorkerComponent",
        }

    def __init__(self, app: Any = None, hostname: str | None = None, **kwargs: Any) -> None:
        self.app = app or self.app
        self.hostname = default_nodename(hostname)
        self.startup_time = datetime.now(UTC)
        self.shutdown = Shutdown()
        self.state = state
        self._thread: int | None = None
        self.app.loader.init_worker()
        self.on_before_init(**kwargs)
        self.setup_defaults(**kwargs)
        self.on_after_init(**kwargs)
        self.setup_instance(**self.prepare_args(**kwargs))

    # -- set-up

    def setup_defaults(self, **options: Any) -> None:
        """Give the worker an attribute for each option, from arguments and settings."""
        resolved = _options.resolve(self.app.conf, options)
        for field in fields(resolved):
            setattr(self, field.name, getattr(resolved, field.name))

    def setup_instance(
        self,
        queues: Any = None,
        ready_callback: Any = None,
        pidfile: str | None = None,
        include: Any = None,
        use_eventloop: bool | None = None,
        exclude_queues: Any = None,
        **kwargs: Any,
    ) -> None:
        """Choose the queues, import the task modules, make the parts."""
        self.pidfile = pidfile
        self.setup_queues(queues, exclude_queues)
        self.setup_includes(str_to_list(include))
        self.ready_callback = ready_callback or self.on_consumer_ready
        self.options = kwargs
        self.process_task = self._process_task
        signals.worker_init.send(sender=self)
        self.on_init_blueprint()
        self.steps: list[Any] = []
        self.blueprint = self.Blueprint(
            steps=self.app.steps["worker"],
            on_start=self.on_start,
            on_close=self.on_close,
            on_stopped=self.on_stopped,
        )
        self.blueprint.apply(self, **kwargs)

    def prepare_args(self, **kwargs: Any) -> dict[str, Any]:
        """The arguments for `setup_instance`; to be overridden."""
        return kwargs

    def setup_queues(self, include: Any, exclude: Any = None) -> None:
        """Consume from the queues in `include` (all, if empty) but not from those in `exclude`.

        Raises:
            ImproperlyConfigured: there is no such queue, and it may not be made.
        """
        selected, excluded = str_to_list(include), str_to_list(exclude)
        queues = self.app.amqp.queues
        for names, choose, text in (
            (selected, queues.select, SELECT_UNKNOWN_QUEUE),
            (excluded, queues.deselect, DESELECT_UNKNOWN_QUEUE),
        ):
            try:
                if names:
                    choose(names)
            except KeyError as exc:
                raise ImproperlyConfigured(text.format(names, exc)) from exc
        if self.app.conf.worker_direct:
            queues.select_add(worker_direct(self.hostname))

    def setup_includes(self, includes: Iterable[str] | None) -> None:
        """Import the modules named with the worker; note where all tasks came from."""
        conf, loader = self.app.conf, self.app.loader
        previous = tuple(conf.include)
        if includes:
            previous += tuple(includes)
            for module in includes:
                loader.import_task_module(module)
        modules = {task.__class__.__module__ for task in self.app.tasks.values()}
        self.include = includes
        conf.include = tuple(set(previous) | modules)

    # -- to be overridden

    def on_before_init(self, **kwargs: Any) -> None:
        """Before the options are resolved."""

    def on_after_init(self, **kwargs: Any) -> None:
        """When the options are resolved."""

    def on_init_blueprint(self) -> None:
        """Before the parts are made."""

    def on_start(self) -> None:
        """Before the parts are started."""
        if self.pidfile:
            self.pidlock = create_pidlock(self.pidfile)

    def on_consumer_ready(self, consumer: Any) -> None:
        """When work is accepted for the first time."""

    def on_close(self) -> None:
        """Before the parts are stopped."""
        self.app.loader.shutdown_worker()

    def on_stopped(self) -> None:
        """When the parts are stopped."""
        if self.pidlock is not None:
            self.pidlock.release()

    # -- life

    def start(self) -> None:
        """Run the worker until it is to stop; when this returns, it has stopped."""
        self._thread = threading.get_ident()
        try:
            self.blueprint.start(self)
        except WorkerTerminate as exc:
            self.exitcode = exc.code if isinstance(exc.code, int) else EX_FAILURE
            self.terminate()
        except Exception as exc:
            logger.critical("Unrecoverable error: %r", exc, exc_info=True)
            self.stop(exitcode=EX_FAILURE)
        except SystemExit as exc:
            self.stop(exitcode=exc.code if isinstance(exc.code, int) else EX_OK)
        except KeyboardInterrupt:
            self.stop(exitcode=EX_FAILURE)

    def register_with_event_loop(self, hub: Hub) -> None:
        """Let the parts that want to know the hub know it, the consumer's steps too."""
        self.blueprint.send_all(
            self, "register_with_event_loop", args=(hub,), description="hub.register"
        )
        self.consumer.register_with_event_loop(hub)

    def _process_task(self, request: Any) -> None:
        """Have the pool run a request."""
        if self.inline is not None:
            self.inline.submit(request)
        else:
            self.execute(request)

    def execute(self, request: Any) -> None:
        """Hand a request to the pool at once."""
        try:
            request.execute_using_pool(self.pool)
        except TaskRevokedError:
            return  # it has been recorded and settled as such
        except Exception as exc:
            logger.exception("The pool does not take %s: %r", request, exc)
            request.on_failure(capture(exc))
            request.acknowledge()

    # -- shutting down

    @property
    def is_stopping(self) -> bool:
        """Whether a shutdown has been asked for."""
        return self.shutdown.stage is not Stage.RUNNING

    def on_signal(self, cause: Cause) -> Reaction:
        """A signal asks for a shutdown, or for a faster one. Safe in a signal handler."""
        conf = self.app.conf
        busy = bool(self.consumer is not None and self.consumer.in_pool)
        soft_wait = conf.worker_soft_shutdown_timeout > 0 and (
            busy or conf.worker_enable_soft_shutdown_on_idle
        )
        self.shutdown, reaction = self.shutdown.on_signal(cause, soft_wait=soft_wait)
        self._wake()
        return reaction

    def request_shutdown(self, exitcode: int = EX_OK) -> None:
        """Ask for a warm shutdown; returns at once. From any thread."""
        self.shutdown = self.shutdown.requested(exitcode)
        self._wake()

    def on_soft_timeout(self) -> None:
        """The soft shutdown's time is over."""
        self.shutdown = self.shutdown.on_soft_timeout()

    def _wake(self) -> None:
        hub, consumer = self.hub, self.consumer
        if hub is not None and consumer is not None and not hub.loop.is_closed():
            hub.call_soon_threadsafe(consumer.request_stop)

    def signal_consumer_close(self) -> None:
        """Have the consumer receive nothing more."""
        self.request_shutdown()

    def stop(self, in_sighandler: bool = False, exitcode: int | None = None) -> None:
        """Stop warmly; when this returns, the worker has stopped. Safe twice.

        From another thread than that of `start` it asks for the shutdown and waits for it.
        """
        if exitcode is not None:
            self.exitcode = exitcode
        if self._thread not in (None, threading.get_ident()):
            self.request_shutdown(exitcode or EX_OK)
            self.blueprint.join()
            return
        self._stop_parts(terminate=self.shutdown.stage >= Stage.COLD)

    def terminate(self, in_sighandler: bool = False) -> None:
        """Stop now: what runs is not waited for. Safe twice."""
        self._stop_parts(terminate=True)

    def _stop_parts(self, *, terminate: bool) -> None:
        if self.blueprint is None or self.blueprint.state == TERMINATE:
            return
        with default_socket_timeout(SHUTDOWN_SOCKET_TIMEOUT):
            self.blueprint.stop(self, terminate=terminate)
            self.blueprint.join()
        signals.worker_shutdown.send(sender=self)

    def reload(self, modules: Any = None, reload: bool = False, reloader: Any = None) -> None:
        """Import task modules (again) and replace the pool's processes; needs `pool_restarts`."""
        names = self.app.loader.task_modules if modules is None else modules
        for name in names:
            module = self.app.loader.import_from_cwd(name)
            if reload:
                reload_from_cwd(module, reloader)
        if self.consumer is not None:
            self.consumer.update_strategies()
            self.consumer.reset_rate_limits()
        self.pool.restart()

    # -- facts

    def info(self) -> dict[str, Any]:
        """What identifies the worker, and how long it has been running."""
        uptime = datetime.now(UTC) - self.startup_time
        return {
            "total": dict(state.total_count),
            "pid": os.getpid(),
            "clock": str(self.app.clock),
            "uptime": round(uptime.total_seconds()),
        }

    def rusage(self) -> dict[str, Any]:
        """What the process has used.

        Raises:
            NotImplementedError: this system does not tell.
        """
        if resource is None:
            raise NotImplementedError("rusage is not supported by this system")
        usage = resource.getrusage(resource.RUSAGE_SELF)
        names = (name for name in dir(usage) if name.startswith("ru_"))
        return {name.removeprefix("ru_"): getattr(usage, name) for name in names}

    def stats(self) -> dict[str, Any]:
        """Everything the worker and its parts tell about themselves."""
        facts = self.info()
        facts.update(self.blueprint.info(self))
        if self.consumer is not None:
            facts.update(self.consumer.blueprint.info(self.consumer))
        try:
            facts["rusage"] = self.rusage()
        except NotImplementedError:
            facts["rusage"] = "N/A"
        return facts

    def __repr__(self) -> str:
        """``<Worker: w1@host (running)>``."""
        running = self.blueprint.human_state() if self.blueprint is not None else "INIT"
        return f"<Worker: {self.hostname} ({running})>"

    def __str__(self) -> str:
        return self.hostname
