"""Signal handlers by name."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from celery.platforms import signal_name, signals


@pytest.fixture(autouse=True)
def restore() -> Iterator[None]:
    before = signal.getsignal(signal.SIGUSR1)
    yield
    signal.signal(signal.SIGUSR1, before)


def test_names_and_numbers() -> None:
    assert signals.signum("TERM") == signals.signum("SIGTERM") == signals.signum(15) == 15
    assert signal_name(15) == "TERM"
    assert signals.supported("INT")
    assert not signals.supported("FOO")
    with pytest.raises(TypeError):
        signals.signum("term")
    with pytest.raises(KeyError):
        signal_name(9999)


def test_a_handler_is_called() -> None:
    seen: list[int] = []
    signals["USR1"] = lambda signum, frame: seen.append(signum)
    os.kill(os.getpid(), signal.SIGUSR1)
    assert seen == [signal.SIGUSR1]


def test_ignore_reset_update() -> None:
    signals.ignore("USR1")
    assert signals["USR1"] == signal.SIG_IGN
    signals.reset("USR1")
    assert signals["USR1"] == signal.SIG_DFL
    signals.update({"USR1": signals.ignored})
    assert signals["USR1"] == signal.SIG_IGN
    signals.update(USR1=signals.default)
    assert signals["USR1"] == signal.SIG_DFL


def test_what_cannot_be_set_is_passed_over() -> None:
    signals["NOSUCH"] = signals.ignored
    signals.ignore("NOSUCH")
    thread = threading.Thread(target=signals.ignore, args=("USR1",))
    before = signals["USR1"]
    thread.start()
    thread.join()
    assert signals["USR1"] is before


def test_alarm() -> None:
    signals.arm_alarm(100)
    assert 98 < signals.reset_alarm() <= 100
    assert signals.reset_alarm() == 0
