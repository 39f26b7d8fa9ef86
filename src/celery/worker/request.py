"""A request: one leased delivery of a task, and its transitions.

::

    received --revoked, expired--> ended (REVOKED)
       |
    reserved --execute--> in the pool --on_accepted--> active
                              |                          |-- on_success ----> ended
                              |                          |-- on_failure ----> ended
                              +------ on_timeout --------+-- terminate -----> ended (REVOKED)
                                                         +-- cancel --------> ended here only

What becomes of the message at an end is looked up in `celery.worker._acks`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from billiard.exceptions import Terminated, WorkerLostError

from celery.app.trace import fast_trace_task, trace_task_ret
from celery.exceptions import Ignore, Reject, Retry, TaskRevokedError
from celery.platforms import signals
from celery.utils.log import get_logger
from celery.worker import _aftermath as aftermath
from celery.worker import state
from celery.worker._acks import AckPolicy, End, Verdict, verdict
from celery.worker._aftermath import exception_of, text_of
from celery.worker._received import Received
from celery.worker._revocation import is_expired, revoking_stamps

if TYPE_CHECKING:
    from billiard.einfo import ExceptionInfo

__all__ = ["Request", "create_request_cls"]

logger = get_logger(__name__)


class Request(Received):
    """One delivery of a task on its way through the worker; for the arguments see `Received`."""

    #: Runs the task; what `apply_async` of the pool is given.
    trace: Callable[..., Any] = staticmethod(fast_trace_task)
    #: Told when the request is not this worker's concern any more.
    task_ready: Callable[..., None] = staticmethod(state.task_ready)
    revoked_tasks: Any = state.revoked

    _already_revoked = False
    _already_cancelled = False
    _terminate_on_ack: tuple[Any, Any] | None = None
    _apply_result: Any = None

    # -- is it still wanted?

    def maybe_expire(self) -> bool:
        """Whether its time is over; if so it is recorded as revoked."""
        if not is_expired(self.expires, datetime.now(UTC)):
            return False
        self._announce_revoked("expired", expired=True)
        return True

    def revoked(self) -> bool:
        """Whether it is not wanted any more; if so that is logged and recorded, once."""
        if self._already_revoked:
            return True
        if self.expires is not None and self.maybe_expire():
            self._log_discarded()
            return True
        if self.id in self.revoked_tasks or self._revoked_by_stamps():
            self._log_discarded()
            self._announce_revoked("revoked")
            return True
        return False

    def _revoked_by_stamps(self) -> bool:
        if not state.revoked_stamps:
            return False
        return bool(revoking_stamps(state.revoked_stamps, self.stamped_headers, self.stamps))

    def _log_discarded(self) -> None:
        logger.info("Discarding revoked task: %s[%s]", self.name, self.id)

    def _announce_revoked(
        self,
        reason: str,
        *,
        terminated: bool = False,
        signum: int | None = None,
        expired: bool = False,
    ) -> None:
        self._already_revoked = True
        self.task_ready(self)
        self.send_event("task-revoked", terminated=terminated, signum=signum, expired=expired)
        aftermath.revoked(self, reason, terminated=terminated, signum=signum, expired=expired)
        self.acknowledge()

    # -- running it

    def execute_using_pool(self, pool: Any, **options: Any) -> Any:
        """Hand it to the pool; returns the pool's handle.

        Raises:
            TaskRevokedError: it is not wanted any more.
        """
        if self.revoked():
            raise TaskRevokedError(self.id)
        hard, soft = self.time_limits
        handle = self._apply_result = pool.apply_async(
            self.trace,
            args=(
                self.type,
                self.id,
                self.request_dict,
                self.body,
                self.content_type,
                self.content_encoding,
            ),
            accept_callback=self.on_accepted,
            timeout_callback=self.on_timeout,
            callback=self.on_success,
            error_callback=self.on_failure,
            soft_timeout=soft,
            timeout=hard,
            correlation_id=self.id,
            **options,
        )
        return handle

    def execute(self, loglevel: int | None = None, logfile: str | None = None) -> Any:
        """Run it here and now, without a pool; returns its result or exception information."""
        if self.revoked():
            return None
        if not self.task.acks_late:
            self.acknowledge()
        fields = {**self.request_dict, "loglevel": loglevel, "logfile": logfile}
        _, value, _ = trace_task_ret(
            self.type,
            self.id,
            fields,
            self.body,
            self.content_type,
            self.content_encoding,
            app=self.app,
            hostname=self.hostname,
        )
        self.acknowledge()
        return value

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """A process or thread of the pool begins with it."""
        self.worker_pid = pid
        self.time_start = time.time() - (time.monotonic() - time_accepted)
        state.task_accepted(self)
        if not self.task.acks_late:
            self.acknowledge()
        self.send_event("task-started")
        logger.debug("Task accepted: %s[%s] pid:%r", self.name, self.id, pid)
        if self._terminate_on_ack is not None:
            self.terminate(*self._terminate_on_ack)

    def on_success(self, failed__retval__runtime: tuple[int, Any, float], **kwargs: Any) -> None:
        """The pool has run it: it returned, or it raised and that is recorded."""
        failed, value, runtime = failed__retval__runtime
        if failed:
            self._on_raised(value)
            return
        self.task_ready(self, successful=True)
        self._settle(End.SUCCEEDED)
        self.send_event("task-succeeded", result=value, runtime=runtime)

    def _on_raised(self, einfo: ExceptionInfo) -> None:
        """The task raised; the process that ran it has recorded that."""
        exc = exception_of(einfo)
        self.task_ready(self)
        match exc:
            case Retry():
                self._settle(End.RETRIED)
                self._send_failed("task-retried", exc.exc or exc, einfo)
            case Ignore():
                self._settle(End.IGNORED)
            case Reject():
                self._settle(End.REQUEUED if exc.requeue else End.REJECTED)
            case _:
                self._settle(End.FAILED)
                self._send_failed("task-failed", exc, einfo)

    def on_failure(
        self, exc_info: ExceptionInfo, send_failed_event: bool = True, return_ok: bool = False
    ) -> None:
        """The pool could not run it to its end: the process was lost or told to end, or broke."""
        exc = exception_of(exc_info)
        if self._already_revoked or self._already_cancelled:
            self.task_ready(self)
            return
        if isinstance(exc, Terminated):
            self._announce_revoked("terminated", terminated=True, signum=_signum_of(exc))
            return
        lost = isinstance(exc, WorkerLostError)
        self._on_lost(exc, exc_info, End.LOST if lost else End.FAILED, send_failed_event)

    def _on_lost(self, exc: BaseException, einfo: ExceptionInfo, end: End, event: bool) -> None:
        self.task_ready(self)
        decision = self._decide(end)
        if decision is Verdict.RETRY and aftermath.resend(self, exc, einfo):
            self._settle(End.RETRIED)
            self._send_failed("task-retried", exc, einfo)
        elif decision is Verdict.REQUEUE and not self.acknowledged:
            logger.warning("Task %s is put back: %r", self.humaninfo(), exc)
            self._settle(end)
        else:
            aftermath.failed(self, exc, einfo)
            self._settle(End.FAILED if decision is Verdict.RETRY else end)
            if event:
                self._send_failed("task-failed", exc, einfo)

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """A time limit has passed; after the hard one the pool says nothing more."""
        kind, level = ("Soft", "warning") if soft else ("Hard", "error")
        getattr(logger, level)(
            "%s time limit (%ss) exceeded for %s[%s]", kind, timeout, self.name, self.id
        )
        if soft:
            return
        self.task_ready(self)
        einfo = aftermath.timed_out(self, timeout)
        self._settle(End.TIMED_OUT)
        self._send_failed("task-failed", exception_of(einfo), einfo)

    # -- ending it from outside

    def terminate(self, pool: Any, signal: Any = None) -> None:
        """Revoke it while it runs: the process that runs it gets the signal (default TERM).

        If it has not begun it is terminated when it does.

        Raises:
            NotImplementedError: the pool cannot end a job.
        """
        if self.time_start is None:
            self._terminate_on_ack = (pool, signal)
            return
        signum = signals.signum(signal or "TERM")
        if self._apply_result is not None:
            self._apply_result.terminate(signum)
        pool.terminate_job(self.worker_pid, signum)
        self._announce_revoked("terminated", terminated=True, signum=signum)

    def cancel(self, pool: Any, signal: Any = None, emit_retry: bool = True) -> None:
        """Stop it because this worker stops or has lost its connection.

        If its message is still leased it will run again, elsewhere; if it was acknowledged before,
        RETRY is recorded as its state.

        Raises:
            NotImplementedError: the pool cannot end a job.
        """
        if self._already_cancelled or self._already_revoked:
            return
        self._already_cancelled = True
        self.task_ready(self)
        self.send_event("task-cancelled")
        if emit_retry:
            aftermath.cancelled(self)
        if self.time_start is not None and self.worker_pid is not None:
            signum = signals.signum(signal or "TERM")
            if self._apply_result is not None:
                self._apply_result.terminate(signum)
            pool.terminate_job(self.worker_pid, signum)

    # -- its message

    def _decide(self, end: End) -> Verdict:
        return verdict(end, AckPolicy.of(self.task))

    def _settle(self, end: End) -> None:
        """Do with the message what the table says, if nothing was done before."""
        if self.acknowledged:
            return
        match self._decide(end):
            case Verdict.ACK:
                self.acknowledge()
            case Verdict.REJECT:
                self.reject(requeue=False)
            case Verdict.REQUEUE:
                self.reject(requeue=True)
            case Verdict.NOTHING | Verdict.RETRY:
                pass

    def acknowledge(self) -> None:
        """The broker may forget the message. Safe twice."""
        if not self.acknowledged:
            self.acknowledged = True
            self.on_ack(logger, self.connection_errors)

    def reject(self, requeue: bool = False) -> None:
        """Refuse the message, or put it back. Safe twice."""
        if not self.acknowledged:
            self.acknowledged = True
            self.on_reject(logger, self.connection_errors, requeue)
            self.send_event("task-rejected", requeue=requeue)

    # -- telling about it

    def send_event(self, type: str, **fields: Any) -> None:
        """Send an event about the task, if the task and the worker send events."""
        if self.eventer is not None and self.eventer.enabled and self.task.send_events:
            self.eventer.send(type, uuid=self.id, **fields)

    def _send_failed(self, type: str, exc: Any, einfo: Any) -> None:
        if self.eventer is not None and self.eventer.enabled:
            self.send_event(type, exception=text_of(exc), traceback=einfo.traceback)


def _signum_of(exc: Terminated) -> int | None:
    """The signal that ended the process, where the pool tells."""
    signum = exc.args[0] if exc.args else None
    return signum if isinstance(signum, int) else None


def create_request_cls(  # noqa: PLR0913  # the documented signature
    base: type[Request],
    task: Any,
    pool: Any,
    hostname: str | None,
    eventer: Any,
    ref: Callable[..., Any] | None = None,
    revoked_tasks: Any = None,
    task_ready: Callable[..., None] | None = None,
    trace: Callable[..., Any] | None = None,
    app: Any = None,
) -> type[Request]:
    """A subclass of `base` for the requests of one task, with what they all share.

    Args:
        base: the task's `Request` class.
        task: the task.
        pool: where it runs.
        hostname, eventer: as for `Received`; kept for callers that pass them, requests are
            given their own.
        ref: not used: a request holds the pool's handle until it ends.
        revoked_tasks: ids that may not begin; those of this process if None.
        task_ready: told when a request has ended; `celery.worker.state.task_ready` if None.
        trace: what the pool calls; by default `celery.app.trace.fast_trace_task` in processes of
            the pool's own, and `trace_task_ret` with this app and host where jobs stay here.
        app: the application; that of the task if None.
    """
    if trace is None:
        trace = fast_trace_task
        if getattr(pool, "body_can_be_buffer", False):
            trace = partial(trace_task_ret, app=app or task.app, hostname=hostname)
    members: dict[str, Any] = {"trace": staticmethod(trace), "__module__": base.__module__}
    if task_ready is not None:
        members["task_ready"] = staticmethod(task_ready)
    if revoked_tasks is not None:
        members["revoked_tasks"] = revoked_tasks
    return type(base.__name__, (base,), members)
