"""Objects that stand for another object which is found, or made, only when it is needed.

* :class:`Proxy` asks for its object on every use: ``current_app`` is one.
* :class:`PromiseProxy` makes its object at the first use and keeps it: a task declared before its
  application is finalized is one.

Both answer ``isinstance``, operators, item access and calls as their object does.  The rest of
the module is about names that are found late: :func:`try_import`, :class:`class_property`,
:func:`reclassmethod` and :func:`recreate_module`.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, Final, Self

from celery._lazymodule import LazyModule, recreate_module

__all__ = (
    "LazyModule",
    "PromiseProxy",
    "Proxy",
    "class_property",
    "maybe_evaluate",
    "reclassmethod",
    "recreate_module",
    "try_import",
)


def _unary(op: Callable[[Any], Any]) -> Callable[["Proxy"], Any]:
    """Make a method that applies `op` to the object a proxy stands for."""

    def method(self: "Proxy") -> Any:
        return op(self._get_current_object())

    return method


def _binary(op: Callable[[Any, Any], Any]) -> Callable[["Proxy", Any], Any]:
    """Make a method that applies `op` to the object a proxy stands for, and one operand."""

    def method(self: "Proxy", other: Any) -> Any:
        return op(self._get_current_object(), other)

    return method


def _reflected(op: Callable[[Any, Any], Any]) -> Callable[["Proxy", Any], Any]:
    """Make the method Python calls when the proxy is the right-hand operand of `op`."""

    def method(self: "Proxy", other: Any) -> Any:
        return op(other, self._get_current_object())

    return method


class _TwoFaced(str):
    """A string that belongs to a class, and on its instances is what `of_instance` says."""

    __slots__ = ("_of_instance",)
    _of_instance: Callable[[Any], str | None]

    def __new__(cls, of_class: str | None, of_instance: Callable[[Any], str | None]) -> Self:
        self = super().__new__(cls, of_class or "")
        self._of_instance = of_instance
        return self

    def __get__(self, obj: Any, owner: type[Any] | None = None) -> str | None:
        return self if obj is None else self._of_instance(obj)


class Proxy:
    """Stands for the object that calling `local` returns, asked for anew on every use.

    Args:
        local: Function returning the object.  An object with a ``__release_local__`` attribute
            (a context-local namespace) is read instead: its attribute `name` is the object.
        args: Positional arguments for `local`.
        kwargs: Keyword arguments for `local`.
        name: ``__name__`` of the proxy itself.
        __doc__: Docstring of the proxy itself.

    A `local` that raises :exc:`RuntimeError` means there is no object at present: such a proxy is
    false, lists no attributes, and says ``unbound`` in its representation.
    """

    __slots__ = ("__args", "__kwargs", "__local", "__own_doc", "__own_name", "__weakref__")

    def __init_subclass__(cls) -> None:
        _give_two_faces(cls)

    def __init__(
        self,
        local: Any,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        name: str | None = None,
        __doc__: str | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "_Proxy__local", local)
        put(self, "_Proxy__args", tuple(args or ()))
        put(self, "_Proxy__kwargs", dict(kwargs or {}))
        put(self, "_Proxy__own_name", name)
        put(self, "_Proxy__own_doc", __doc__)

    def _get_current_object(self) -> Any:
        """Return the object behind the proxy.

        Raises:
            RuntimeError: There is none at present.
        """
        own = object.__getattribute__
        local = own(self, "_Proxy__local")
        if not hasattr(local, "__release_local__"):
            return local(*own(self, "_Proxy__args"), **own(self, "_Proxy__kwargs"))
        name = own(self, "_Proxy__own_name")
        try:
            return getattr(local, name)
        except AttributeError:
            raise RuntimeError(f"no object bound to {name}") from None

    # -- identity

    @property
    def __name__(self) -> str:
        name: str | None = object.__getattribute__(self, "_Proxy__own_name")
        return str(self._get_current_object().__name__) if name is None else name

    @property  # type: ignore[misc]  # set through __setattr__, as every attribute
    def __class__(self) -> type[Any]:
        return self._get_class()

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]  # the object's
        try:
            attributes: dict[str, Any] = self._get_current_object().__dict__
        except RuntimeError:
            raise AttributeError("__dict__") from None
        return attributes

    def _get_class(self) -> type[Any]:
        cls: type[Any] = self._get_current_object().__class__
        return cls

    def __repr__(self) -> str:
        try:
            target = self._get_current_object()
        except RuntimeError:
            return f"<{type(self).__name__} unbound>"
        return repr(target)

    def __dir__(self) -> list[str]:
        try:
            return dir(self._get_current_object())
        except RuntimeError:
            return []

    def __bool__(self) -> bool:
        try:
            return bool(self._get_current_object())
        except RuntimeError:
            return False

    def __reduce__(self) -> Any:
        return self._get_current_object().__reduce__()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._get_current_object().__reduce_ex__(protocol)

    # -- attributes, calls, context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._get_current_object(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._get_current_object(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._get_current_object(), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._get_current_object()(*args, **kwargs)

    def __enter__(self) -> Any:
        return self._get_current_object().__enter__()

    def __exit__(self, *exc_info: Any) -> Any:
        return self._get_current_object().__exit__(*exc_info)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._get_current_object()[key] = value

    def __delitem__(self, key: Any) -> None:
        del self._get_current_object()[key]

    # -- operators

    __str__ = _unary(str)
    __hash__ = _unary(hash)
    __len__ = _unary(len)
    __iter__ = _unary(iter)
    __int__ = _unary(int)
    __float__ = _unary(float)
    __complex__ = _unary(complex)
    __index__ = _unary(operator.index)
    __neg__ = _unary(operator.neg)
    __pos__ = _unary(operator.pos)
    __abs__ = _unary(abs)
    __invert__ = _unary(operator.invert)

    __contains__ = _binary(operator.contains)
    __getitem__ = _binary(operator.getitem)
    __eq__ = _binary(operator.eq)
    __ne__ = _binary(operator.ne)
    __lt__ = _binary(operator.lt)
    __le__ = _binary(operator.le)
    __gt__ = _binary(operator.gt)
    __ge__ = _binary(operator.ge)

    __add__ = _binary(operator.add)
    __sub__ = _binary(operator.sub)
    __mul__ = _binary(operator.mul)
    __matmul__ = _binary(operator.matmul)
    __truediv__ = _binary(operator.truediv)
    __floordiv__ = _binary(operator.floordiv)
    __mod__ = _binary(operator.mod)
    __divmod__ = _binary(divmod)
    __pow__ = _binary(pow)
    __lshift__ = _binary(operator.lshift)
    __rshift__ = _binary(operator.rshift)
    __and__ = _binary(operator.and_)
    __xor__ = _binary(operator.xor)
    __or__ = _binary(operator.or_)

    __radd__ = _reflected(operator.add)
    __rsub__ = _reflected(operator.sub)
    __rmul__ = _reflected(operator.mul)
    __rtruediv__ = _reflected(operator.truediv)
    __rfloordiv__ = _reflected(operator.floordiv)
    __rmod__ = _reflected(operator.mod)
    __rand__ = _reflected(operator.and_)
    __rxor__ = _reflected(operator.xor)
    __ror__ = _reflected(operator.or_)


def _module_of(proxy: Proxy) -> str:
    return str(proxy._get_current_object().__module__)


def _doc_of(proxy: Proxy) -> str | None:
    own: str | None = object.__getattribute__(proxy, "_Proxy__own_doc")
    if own is not None:
        return own
    doc: str | None = proxy._get_current_object().__doc__
    return doc


def _give_two_faces(cls: type[Proxy]) -> None:
    """Keep module and docstring of the class, and let its instances show their object's.

    Done on the finished class: a class body cannot give the two attributes two meanings.
    """
    cls.__module__ = _TwoFaced(cls.__module__, _module_of)
    cls.__doc__ = _TwoFaced(cls.__doc__, _doc_of)


_give_two_faces(Proxy)

_UNMADE: Final = object()


class PromiseProxy(Proxy):
    """A proxy that makes its object at the first use, then keeps it.

    Used by two threads at once for the first time, the function may run twice: both threads then
    see the object that was kept first.  It is not guarded by a lock, because the function may
    import modules, and a lock held over an import deadlocks with an import that waits for it.
    """

    __slots__ = ("__made", "__pending")

    def __init__(
        self,
        local: Any,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        name: str | None = None,
        __doc__: str | None = None,
    ) -> None:
        super().__init__(local, args, kwargs, name, __doc__)
        object.__setattr__(self, "_PromiseProxy__made", _UNMADE)
        object.__setattr__(self, "_PromiseProxy__pending", [])

    def _get_current_object(self) -> Any:
        made = object.__getattribute__(self, "_PromiseProxy__made")
        return self.__evaluate__() if made is _UNMADE else made

    def __evaluated__(self) -> bool:
        """Say whether the object has been made."""
        return object.__getattribute__(self, "_PromiseProxy__made") is not _UNMADE

    def __maybe_evaluate__(self) -> Any:
        """Return the object, made now if need be."""
        return self._get_current_object()

    def __then__(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call ``fun(*args, **kwargs)`` once the object is made; now, if it is already."""
        if self.__evaluated__():
            return fun(*args, **kwargs)
        object.__getattribute__(self, "_PromiseProxy__pending").append((fun, args, kwargs))
        return None

    def __evaluate__(self) -> Any:
        """Make the object, keep it, and run what waited for it."""
        made = super()._get_current_object()
        kept = object.__getattribute__(self, "_PromiseProxy__made")
        if kept is not _UNMADE:  # making it used the proxy, or another thread was faster
            return kept
        object.__setattr__(self, "_PromiseProxy__made", made)
        pending = object.__getattribute__(self, "_PromiseProxy__pending")
        while pending:
            fun, args, kwargs = pending.pop(0)
            fun(*args, **kwargs)
        return made


def maybe_evaluate(obj: Any) -> Any:
    """Return `obj`, or what it promises if it is a :class:`PromiseProxy`."""
    try:
        evaluate = obj.__maybe_evaluate__
    except AttributeError:
        return obj
    return evaluate()


def try_import(module: str, default: Any = None) -> Any:
    """Import `module` and return it, or `default` if it cannot be imported."""
    try:
        return import_module(module)
    except ImportError:
        return default


def reclassmethod(method: Any) -> Any:
    """Turn a bound or plain method into a class method of the class it is assigned in."""
    return classmethod(getattr(method, "__func__", method))


class class_property:
    """A property of the class itself, readable (and, with a setter, writable) on instances too."""

    def __init__(self, getter: Any = None, setter: Any = None) -> None:
        self._getter = getattr(getter, "__func__", getter)
        self._setter = getattr(setter, "__func__", setter)
        self.__doc__ = getattr(self._getter, "__doc__", None)

    def __get__(self, obj: Any, owner: type[Any] | None = None) -> Any:
        return self._getter(owner if owner is not None else type(obj))

    def __set__(self, obj: Any, value: Any) -> None:
        if self._setter is None:
            raise AttributeError("this class property cannot be set")
        self._setter(type(obj), value)

    def setter(self, setter: Any) -> Self:
        """Return the same property with `setter`."""
        return type(self)(self._getter, setter)
