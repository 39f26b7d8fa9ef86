"""Signal: tells the functions connected to it that something has happened."""

import threading
import time
import warnings
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar, overload

from celery.exceptions import CDeprecationWarning
from celery.local import PromiseProxy, Proxy
from celery.utils._callables import fun_accepts_kwargs
from celery.utils.log import get_logger
from celery.utils.time import humanize_seconds

__all__ = ("Signal",)

Receiver = Callable[..., Any]
R = TypeVar("R", bound=Receiver)

#: (what identifies the receiver, what identifies the sender): a pair is connected once.
LookupKey = tuple[Any, Any]

#: Stands for "whoever sends it" in a lookup key.
ANY_SENDER: Final = None

#: Seconds before a receiver connected with `retry` is called again: at first, more, at most.
RETRY_START: Final = 2
RETRY_STEP: Final = 2
RETRY_MAX: Final = 30

logger = get_logger(__name__)


def _identity(obj: Any) -> Any:
    """Return a value equal for the same object only; strings are the same if they are equal."""
    if isinstance(obj, str):
        return obj
    if hasattr(obj, "__func__"):  # a bound method is made anew whenever it is looked up
        return id(obj.__self__), id(obj.__func__)
    return id(obj)


def _resolve(sender: Any) -> Any:
    """Return the object behind a proxy, anything else as it is."""
    # By type: isinstance() would ask the proxy for its object's class.
    return sender._get_current_object() if issubclass(type(sender), Proxy) else sender


def _strong(obj: Any) -> Callable[[], Any]:
    return lambda: obj


def _weak(obj: Any) -> Callable[[], Any]:
    """Return a weak reference, a strong one for objects that cannot have any."""
    try:
        return weakref.WeakMethod(obj) if hasattr(obj, "__func__") else weakref.ref(obj)
    except TypeError:
        return _strong(obj)


class _Connection:
    """A receiver and the sender it is for; called, it returns the receiver while both exist.

    That the sender still exists is asked because another object may by now be at its address.
    """

    __slots__ = ("_receiver", "_sender", "retry")

    def __init__(self, receiver: Receiver, sender: Any, weak: bool, retry: bool) -> None:
        self._receiver = _weak(receiver) if weak and not retry else _strong(receiver)
        self._sender = None if sender is None else _weak(sender)
        self.retry = retry

    def __call__(self) -> Receiver | None:
        if self._sender is not None and self._sender() is None:
            return None
        receiver: Receiver | None = self._receiver()
        return receiver


class Signal:
    """Tells the functions connected to it that something has happened.

    >>> finished = Signal(name="finished")
    >>> @finished.connect
    ... def report(sender, **kwargs):
    ...     return f"{sender} has finished"
    >>> [answer for _, answer in finished.send("the job")]
    ['the job has finished']

    Connecting, disconnecting and sending may happen in several threads at once.

    Args:
        providing_args: Names of the arguments it is sent with, as documentation.
        use_caching: Has no effect.
        name: What it is called in representations.
    """

    def __init__(
        self,
        providing_args: Any = None,
        use_caching: bool = False,
        name: str | None = None,
    ) -> None:
        self.providing_args = set(providing_args or ())
        self.use_caching = use_caching
        self.name = name
        #: What is connected, in the order of connecting.
        self.receivers: list[tuple[LookupKey, _Connection]] = []
        self._changing = threading.RLock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.name} providing_args={self.providing_args!r}>"

    @overload
    def connect(
        self,
        receiver: R,
        sender: Any = ...,
        weak: bool = ...,
        dispatch_uid: Any = ...,
        retry: bool = ...,
    ) -> R: ...

    @overload
    def connect(
        self,
        receiver: None = ...,
        sender: Any = ...,
        weak: bool = ...,
        dispatch_uid: Any = ...,
        retry: bool = ...,
    ) -> Callable[[R], R]: ...

    def connect(
        self,
        receiver: Receiver | None = None,
        sender: Any = None,
        weak: bool = True,
        dispatch_uid: Any = None,
        retry: bool = False,
    ) -> Any:
        """Have a function called whenever the signal is sent.

        Also a decorator: ``@signal.connect`` and ``@signal.connect(sender=...)``.

        Args:
            receiver: The function.  It is called with the keyword arguments `signal` and `sender`
                and those of the signal, and must take any others.
            sender: Call it only for this sender.  A lazy task connects when it is evaluated.
            weak: Do not keep the function alive.  A function made inside another, or a lambda,
                then disconnects at once: pass ``False`` for those.
            dispatch_uid: Identifies the connection in place of the function: a second one with
                the same id is ignored.
            retry: Call the function again, after a while, until it does not raise.  It is kept
                alive.

        Returns:
            The receiver.

        Raises:
            TypeError: The receiver cannot be called.
            ValueError: It does not take any keyword argument.
        """
        if receiver is None:
            return partial(
                self.connect, sender=sender, weak=weak, dispatch_uid=dispatch_uid, retry=retry
            )
        if not callable(receiver):
            raise TypeError(f"Signal receivers must be callable, not {receiver!r}.")
        if not fun_accepts_kwargs(receiver):
            raise ValueError("Signal receiver must accept keyword arguments.")
        options = {"weak": weak, "dispatch_uid": dispatch_uid, "retry": retry}
        if issubclass(type(sender), PromiseProxy):
            sender.__then__(self._connect_evaluated, receiver, sender, **options)
        else:
            self._connect(receiver, _resolve(sender), **options)
        return receiver

    def _connect_evaluated(self, receiver: Receiver, promise: PromiseProxy, **options: Any) -> None:
        """Connect to the sender a promise has turned into."""
        self._connect(receiver, _resolve(promise), **options)

    def _connect(
        self, receiver: Receiver, sender: Any, weak: bool, dispatch_uid: Any, retry: bool
    ) -> None:
        key = self._lookup_key(receiver, sender, dispatch_uid)
        with self._changing:
            self._drop_dead()
            if all(known != key for known, _ in self.receivers):
                self.receivers.append((key, _Connection(receiver, sender, weak, retry)))

    def disconnect(
        self,
        receiver: Receiver | None = None,
        sender: Any = None,
        weak: bool | None = None,
        dispatch_uid: Any = None,
    ) -> bool:
        """Undo a :meth:`connect`, identified by the same receiver (or id) and sender.

        Returns:
            Whether it was connected.
        """
        if weak is not None:
            warnings.warn(
                "Passing `weak` to disconnect has no effect.", CDeprecationWarning, stacklevel=2
            )
        key = self._lookup_key(receiver, _resolve(sender), dispatch_uid)
        with self._changing:
            self._drop_dead()
            for index, (known, _) in enumerate(self.receivers):
                if known == key:
                    del self.receivers[index]
                    return True
        return False

    def has_listeners(self, sender: Any = None) -> bool:
        """Say whether anyone is called if `sender` sends the signal."""
        return bool(self._live_receivers(_resolve(sender)))

    def send(self, sender: Any, **named: Any) -> list[tuple[Receiver, Any]]:
        """Call the connected functions, one after the other, in the order of connecting.

        An error in one of them is logged, and does not keep the others from being called.

        Args:
            sender: Who sends it.
            **named: What to tell the functions.

        Returns:
            The functions, each with what it returned, or the exception it raised.
        """
        if not self.receivers:
            return []
        responses = []
        for receiver, retry in self._live_receivers(_resolve(sender)):
            notify = partial(receiver, signal=self, sender=sender, **named)
            try:
                response = _until_it_succeeds(receiver, notify) if retry else notify()
            except Exception as exc:
                logger.exception("Signal handler %r raised: %r", receiver, exc)
                response = exc
            responses.append((receiver, response))
        return responses

    send_robust = send

    @staticmethod
    def _lookup_key(receiver: Any, sender: Any, dispatch_uid: Any) -> LookupKey:
        identity = _identity(receiver) if dispatch_uid is None else dispatch_uid
        return identity, ANY_SENDER if sender is None else _identity(sender)

    def _live_receivers(self, sender: Any) -> list[tuple[Receiver, bool]]:
        """Return the functions to call for `sender`, each with whether to retry it."""
        identity = ANY_SENDER if sender is None else _identity(sender)
        connections = [
            connection
            for (_, wanted), connection in list(self.receivers)
            if wanted is ANY_SENDER or wanted == identity
        ]
        # The list keeps the functions alive until they have been called.
        found = [(connection(), connection.retry) for connection in connections]
        alive = [(receiver, retry) for receiver, retry in found if receiver is not None]
        if len(alive) < len(found):
            with self._changing:
                self._drop_dead()
        return alive

    def _drop_dead(self) -> None:
        """Forget connections whose receiver or sender is gone."""
        self.receivers[:] = [item for item in self.receivers if item[1]() is not None]


def _until_it_succeeds(receiver: Receiver, notify: Callable[[], Any]) -> Any:
    """Return what `notify` returns, called again and again until it does not raise."""
    wait = RETRY_START
    while True:
        try:
            return notify()
        except Exception:
            logger.exception(
                "Could not process signal receiver %(receiver)s. Retrying %(when)s...",
                {"receiver": receiver, "when": humanize_seconds(wait, "in", " ")},
            )
        time.sleep(wait)
        wait = min(wait + RETRY_STEP, RETRY_MAX)
