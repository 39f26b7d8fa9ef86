"""Signals: who is told, for how long, and what happens if a receiver fails."""

import gc
import logging
from typing import Any

import pytest

from celery.exceptions import CDeprecationWarning
from celery.local import PromiseProxy, Proxy
from celery.utils.dispatch import Signal
from celery.utils.dispatch import signal as signal_module


@pytest.fixture
def signal() -> Signal:
    return Signal(providing_args={"value"}, name="testing")


def answers(signal: Signal, sender: Any = None, **named: Any) -> list[Any]:
    return [answer for _, answer in signal.send(sender, **named)]


class TestConnect:
    def test_a_receiver_is_told_everything(self, signal: Signal) -> None:
        told = {}

        @signal.connect
        def receiver(**kwargs: Any) -> str:
            told.update(kwargs)
            return "thanks"

        assert signal.send("me", value=3) == [(receiver, "thanks")]
        assert told == {"signal": signal, "sender": "me", "value": 3}

    def test_in_the_order_of_connecting_and_once(self, signal: Signal) -> None:
        def first(**kwargs: Any) -> int:
            return 1

        def second(**kwargs: Any) -> int:
            return 2

        assert signal.connect(first) is first
        signal.connect(second)
        signal.connect(first)
        assert answers(signal) == [1, 2]

    def test_ids_stand_for_receivers(self, signal: Signal) -> None:
        signal.connect(lambda **kwargs: 1, weak=False, dispatch_uid=7)
        signal.connect(lambda **kwargs: 2, weak=False, dispatch_uid=7)
        assert answers(signal) == [1]
        assert signal.disconnect(dispatch_uid=7)
        assert answers(signal) == []

    def test_receivers_must_be_callable_with_any_keyword(self, signal: Signal) -> None:
        with pytest.raises(ValueError, match="keyword arguments"):
            signal.connect(lambda value: value, weak=False)
        with pytest.raises(TypeError, match="callable"):
            signal.connect(3)  # type: ignore[call-overload]  # the mistake

    def test_disconnect(self, signal: Signal) -> None:
        @signal.connect(sender="a")
        def receiver(**kwargs: Any) -> None: ...

        assert not signal.disconnect(receiver)
        assert signal.disconnect(receiver, sender="a")
        assert not signal.disconnect(receiver, sender="a")
        with pytest.warns(CDeprecationWarning, match="no effect"):
            signal.disconnect(receiver, weak=True)

    def test_a_receiver_may_disconnect_while_told(self, signal: Signal) -> None:
        def once(**kwargs: Any) -> int:
            signal.disconnect(once)
            return 1

        signal.connect(once)
        assert answers(signal) == [1]
        assert answers(signal) == []


class TestSenders:
    def test_strings_by_value(self, signal: Signal) -> None:
        @signal.connect(sender="pack.age")
        def receiver(**kwargs: Any) -> int:
            return 1

        assert answers(signal, ".".join(["pack", "age"])) == [1]
        assert answers(signal, "other") == answers(signal, None) == []
        assert signal.has_listeners("pack.age")
        assert not signal.has_listeners()

    def test_objects_by_identity(self, signal: Signal) -> None:
        class Equal:
            def __eq__(self, other: object) -> bool:
                return True

        wanted = Equal()

        @signal.connect(sender=wanted)
        def receiver(**kwargs: Any) -> int:
            return 1

        assert answers(signal, wanted) == [1]
        assert answers(signal, Equal()) == []

    def test_a_sender_that_is_gone_is_not_mistaken(self, signal: Signal) -> None:
        class Sender: ...

        def receiver(**kwargs: Any) -> int:
            return 1

        signal.connect(receiver, sender=Sender())
        gc.collect()
        assert not any(answers(signal, Sender()) for _ in range(10))

    def test_proxies_stand_for_their_object(self, signal: Signal) -> None:
        target = object()
        proxy = Proxy(lambda: target)

        @signal.connect(sender=proxy)
        def receiver(**kwargs: Any) -> int:
            return 1

        assert answers(signal, target) == answers(signal, proxy) == [1]

    def test_lazy_tasks_connect_when_evaluated(self, signal: Signal) -> None:
        class Target: ...

        target = Target()
        lazy = PromiseProxy(lambda: target)

        @signal.connect(sender=lazy)
        def receiver(**kwargs: Any) -> int:
            return 1

        assert not lazy.__evaluated__()
        assert answers(signal, target) == []
        lazy._get_current_object()
        assert answers(signal, target) == [1]
        assert signal.disconnect(receiver, sender=lazy)


class TestLifetime:
    def test_functions_are_not_kept_alive(self, signal: Signal) -> None:
        def connect() -> None:
            def local(**kwargs: Any) -> int:
                return 1

            signal.connect(local)
            signal.connect(lambda **kwargs: 2, weak=False)

        connect()
        gc.collect()
        assert answers(signal) == [2]
        assert len(signal.receivers) == 1

    def test_methods_live_as_long_as_their_object(self, signal: Signal) -> None:
        class Counter:
            def count(self, **kwargs: Any) -> int:
                return 1

        counter = Counter()
        signal.connect(counter.count)
        signal.connect(counter.count)
        assert answers(signal) == [1]
        del counter
        gc.collect()
        assert answers(signal) == []


class TestFailure:
    def test_an_error_is_logged_and_returned(
        self, signal: Signal, caplog: pytest.LogCaptureFixture
    ) -> None:
        error = ValueError("boom")

        def bad(**kwargs: Any) -> None:
            raise error

        def good(**kwargs: Any) -> int:
            return 1

        signal.connect(bad)
        signal.connect(good)
        assert signal.send("me") == [(bad, error), (good, 1)]
        assert f"Signal handler {bad!r} raised: ValueError('boom')" in caplog.text

    def test_an_exit_goes_through(self, signal: Signal) -> None:
        @signal.connect
        def leave(**kwargs: Any) -> None:
            raise SystemExit

        with pytest.raises(SystemExit):
            signal.send(None)

    def test_retried_until_it_succeeds(
        self,
        signal: Signal,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        waits: list[float] = []
        monkeypatch.setattr(signal_module.time, "sleep", waits.append)
        caplog.set_level(logging.ERROR)

        def flaky(**kwargs: Any) -> str:
            if len(waits) < 18:
                raise ValueError("not yet")
            return "done"

        signal.connect(flaky, retry=True)
        assert signal.send(None) == [(flaky, "done")]
        assert waits[:3] == [2, 4, 6]
        assert max(waits) == 30
        assert "Retrying in 2.00 seconds..." in caplog.text
