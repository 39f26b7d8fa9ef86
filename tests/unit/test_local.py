"""Proxies stand for their object in every way a user can see."""

import pickle
import sys
import types

import pytest

from celery.local import (
    PromiseProxy,
    Proxy,
    class_property,
    maybe_evaluate,
    reclassmethod,
    recreate_module,
    try_import,
)


class Account:
    """An account."""

    def __init__(self, balance: int = 0) -> None:
        self.balance = balance

    def __enter__(self) -> "Account":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.balance = -1

    def __call__(self, amount: int) -> int:
        return self.balance + amount


def unbound() -> None:
    raise RuntimeError("nothing here")


class TestProxy:
    def test_stands_for_the_object_of_the_moment(self) -> None:
        current = Account(1)
        proxy = Proxy(lambda: current)
        current = Account(2)

        assert proxy.balance == 2
        assert isinstance(proxy, Account)
        assert proxy.__class__ is Account
        assert type(proxy) is Proxy
        assert proxy.__dict__ == {"balance": 2}
        assert "balance" in dir(proxy)

    def test_writes_through(self) -> None:
        account = Account(1)
        proxy = Proxy(lambda: account)
        proxy.balance = 5
        proxy.owner = "me"
        del proxy.owner

        assert vars(account) == {"balance": 5}

    def test_calls_and_context(self) -> None:
        account = Account(3)
        proxy = Proxy(lambda: account)

        assert proxy(4) == 7
        with proxy as entered:
            assert entered is account
        assert account.balance == -1

    def test_arguments(self) -> None:
        assert Proxy(dict, args=([("a", 1)],), kwargs={"b": 2}) == {"a": 1, "b": 2}

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("p + 2", 9), ("2 + p", 9), ("p - 2", 5), ("10 - p", 3), ("p * 2", 14), ("2 * p", 14),
            ("p / 2", 3.5), ("14 / p", 2), ("p // 2", 3), ("p % 4", 3), ("p ** 2", 49),
            ("divmod(p, 4)", (1, 3)), ("-p", -7), ("+p", 7), ("abs(-p)", 7), ("~p", -8),
            ("p << 1", 14), ("p >> 1", 3), ("p & 3", 3), ("p | 8", 15), ("p ^ 1", 6),
            ("8 | p", 15),
            ("p == 7", True), ("p != 7", False), ("p < 8", True), ("p <= 7", True),
            ("p > 7", False), ("p >= 8", False), ("int(p)", 7), ("float(p)", 7.0),
            ("complex(p)", 7 + 0j),
            ("list(range(10))[p]", 7), ("hash(p)", hash(7)), ("repr(p)", "7"), ("str(p)", "7"),
            ("bool(p)", True),
        ],
    )  # fmt: skip
    def test_numbers(self, expression: str, expected: object) -> None:
        assert eval(expression, {"p": Proxy(lambda: 7)}) == expected

    def test_containers(self) -> None:
        items = {"a": 1}
        proxy = Proxy(lambda: items)
        proxy["b"] = 2
        del proxy["a"]

        assert (len(proxy), list(proxy), proxy["b"], "b" in proxy, "a" in proxy) == (
            1, ["b"], 2, True, False,
        )  # fmt: skip

    def test_unbound(self) -> None:
        proxy = Proxy(unbound)

        assert repr(proxy) == "<Proxy unbound>"
        assert not proxy
        assert dir(proxy) == []
        with pytest.raises(RuntimeError, match="nothing here"):
            _ = proxy.anything

    def test_names_and_docstrings(self) -> None:
        assert Proxy.__module__ == "celery.local"
        assert Proxy.__doc__ is not None and Proxy.__doc__.startswith("Stands for")

        def function() -> None:
            """Do it."""

        plain = Proxy(lambda: function)
        assert (plain.__name__, plain.__doc__) == ("function", "Do it.")
        assert plain.__module__ == __name__

        named = Proxy(lambda: function, name="other", __doc__="Something else.")
        assert (named.__name__, named.__doc__) == ("other", "Something else.")

    def test_context_local_namespace(self) -> None:
        space = types.SimpleNamespace(__release_local__=lambda: None, user="ann")

        assert Proxy(space, name="user") == "ann"
        with pytest.raises(RuntimeError, match="no object bound to group"):
            Proxy(space, name="group")._get_current_object()

    def test_pickles_as_its_object(self) -> None:
        assert pickle.loads(pickle.dumps(Proxy(lambda: {"a": 1}))) == {"a": 1}


class TestPromiseProxy:
    def test_makes_its_object_once_and_when_used(self) -> None:
        made: list[Account] = []

        def make(balance: int) -> Account:
            made.append(Account(balance))
            return made[-1]

        promise = PromiseProxy(make, (3,))
        assert not promise.__evaluated__()
        assert made == []

        assert promise.balance == 3
        assert promise.__evaluated__()
        promise.balance = 4
        assert [account.balance for account in made] == [4]
        assert maybe_evaluate(promise) is made[0]

    def test_then_runs_when_made(self) -> None:
        calls: list[tuple[str, int]] = []
        promise = PromiseProxy(Account)
        promise.__then__(lambda who, n: calls.append((who, n)), "first", n=1)
        assert calls == []

        promise.__maybe_evaluate__()
        assert calls == [("first", 1)]
        assert promise.__then__(lambda: "now") == "now"

    def test_a_failed_promise_may_be_made_later(self) -> None:
        attempts = iter([ValueError("not yet"), None])

        def make() -> Account:
            error = next(attempts)
            if error is not None:
                raise error
            return Account(1)

        promise = PromiseProxy(make)
        with pytest.raises(ValueError, match="not yet"):
            promise.__evaluate__()
        assert promise.balance == 1

    def test_used_while_being_made_keeps_the_first_object(self) -> None:
        def make() -> Account:
            if not nested:
                nested.append(True)
                return promise._get_current_object()
            return Account(5)

        nested: list[bool] = []
        promise = PromiseProxy(make)
        assert promise.balance == 5
        assert promise._get_current_object() is promise._get_current_object()


def test_maybe_evaluate_leaves_others_alone() -> None:
    assert maybe_evaluate(3) == 3


def test_try_import() -> None:
    assert try_import("json") is sys.modules["json"]
    assert try_import("no_such_module_anywhere", default=1) == 1


def test_class_property() -> None:
    class Box:
        _size = 1

        @class_property
        def size(cls) -> int:
            return cls._size

        @size.setter
        def size(cls, value: int) -> None:
            cls._size = value

        @class_property
        def fixed(cls) -> int:
            return 0

    box = Box()
    assert (Box.size, box.size) == (1, 1)
    box.size = 3
    assert Box.size == 3
    with pytest.raises(AttributeError):
        box.fixed = 1


def test_reclassmethod() -> None:
    class Source:
        def name(self) -> str:
            return self.__name__  # type: ignore[attr-defined]  # given a class

    class Target:
        name = reclassmethod(Source.name)

    assert Target.name() == "Target"


def test_recreate_module(monkeypatch: pytest.MonkeyPatch) -> None:
    original = types.ModuleType("lazy_example", "Documented.")
    monkeypatch.setitem(sys.modules, "lazy_example", original)

    old, new = recreate_module(
        "lazy_example", by_module={"json": ["loads"]}, direct={"csv": "csv"}, answer=42
    )

    assert old is original
    assert sys.modules["lazy_example"] is new
    assert new.__doc__ == "Documented."
    assert new.loads("1") == 1
    assert new.csv is sys.modules["csv"]
    assert new.answer == 42
    assert {"loads", "csv"} <= set(dir(new))
    with pytest.raises(AttributeError, match="lazy_example"):
        _ = new.missing
